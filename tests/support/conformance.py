"""The official conformance suite and the Inspector, run against a URL of ours.

`conformance(url, …)` is ready for any server: with a `baseline` (the suite's `--expected-failures` file) it also fails when
something that is listed there passes.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from support.node import ROOT, node, npm_project

PROJECT = ROOT / "tests" / "protocol"
SECONDS = 180


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Check:
    scenario: str
    id: str
    status: str
    message: str


def programs() -> Path:
    """Where the programs of `tests/protocol/package.json` are. Without a registry and a warm cache: skip, but not in CI."""
    try:
        return npm_project(PROJECT) / "node_modules" / "@modelcontextprotocol"
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"npm programs are neither installed nor to be had: {str(error)[:200]}")


def patiently(work: Coroutine[Any, Any, None]) -> None:
    """Run a test that waits for other programs, after they have been installed."""
    programs()

    async def bounded() -> None:
        async with asyncio.timeout(SECONDS):
            await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bounded())


async def run_node(script: Path, *arguments: str, cwd: Path) -> Ran:
    process = await asyncio.create_subprocess_exec(
        str(node()),
        str(script),
        *arguments,
        cwd=cwd,
        env={"PATH": f"{node().parent}{os.pathsep}{os.defpath}", "HOME": str(cwd), "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


async def conformance(
    url: str, *selection: str, folder: Path, baseline: Path | None = None
) -> tuple[Ran, Sequence[Check]]:
    """Run the suite, `--requirements REVISION` or any other selection; what ran, and every check of every scenario."""
    script = programs() / "conformance" / "dist" / "index.js"
    expected = () if baseline is None else ("--expected-failures", str(baseline))
    out = folder / "results"
    ran = await run_node(script, "server", "--url", url, *selection, *expected, "-o", str(out), cwd=folder)
    return ran, [check for file in sorted(out.glob("**/checks.json")) for check in _checks(file)]


def _checks(file: Path) -> list[Check]:
    scenario = re.sub(r"-\d{4}-\d\d-\d\dT.*", "", file.parent.name.removeprefix("server-"))
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return [Check(scenario, c["id"], c["status"], c.get("errorMessage") or "") for c in found]


async def inspector(folder: Path, *arguments: str) -> Ran:
    script = programs() / "inspector" / "clients" / "launcher" / "build" / "index.js"
    return await run_node(script, "--cli", *arguments, cwd=folder)
