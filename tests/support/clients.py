"""The programs of MCP clients as their users run them: by name, in a shell, in a HOME with nothing in it."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.node import ROOT, node, node_home, npm_project

FOLDER = ROOT / "tests" / "e2e" / "clients"

ENTRIES: Mapping[str, str] = {
    "claude": "@anthropic-ai/claude-code/cli-wrapper.cjs",
    "codex": "@openai/codex/bin/codex.js",
    "gemini": "@google/gemini-cli/bundle/gemini.js",
}

QUIET: Mapping[str, str] = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "GEMINI_TELEMETRY_ENABLED": "false",
    "NO_COLOR": "1",
}
"""Nothing here needs the internet: what the programs would send home stays unsent."""


@dataclass(frozen=True, slots=True)
class Clients:
    bin: Path
    """Holds `claude`, `codex` and `gemini`, and nothing else."""
    home: Path

    def run(self, line: str, *, timeout: float = 120, **variables: str) -> "subprocess.CompletedProcess[str]":
        """A line of shell, as a user pastes it."""
        path = os.pathsep.join((str(self.bin), str(node_home() / "bin"), "/usr/bin", "/bin"))
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            env={**QUIET, "HOME": str(self.home), "PATH": path, **variables},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )


def install(bin_folder: Path) -> None:
    """Put the programs into a folder; the test is skipped where they cannot be had."""
    try:
        installed = npm_project(FOLDER)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the client programs cannot be installed: {error}")
    for name, entry in ENTRIES.items():
        program = bin_folder / name
        script = installed / "node_modules" / entry
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(node()))} {shlex.quote(str(script))} "$@"\n')
        program.chmod(0o755)
