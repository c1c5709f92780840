"""The wheel that users get works in an environment with nothing else in it, and holds what it should and no more."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest

from support.demo import running, send
from support.processes import run, started

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("wheel")]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the working tree with the pinned build tools."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it asks for, at the pinned versions; its folder of programs."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip: list[str | Path] = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--only-binary", ":all:", "--constraint", ROOT / "constraints" / "runtime.txt", wheel],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return programs


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with running() as url:
        yield url


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "apifold").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = {name.partition("/")[2] for name in names - package}
    assert names >= package
    assert about == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_wheel_says_what_it_is_and_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    assert (metadata["Name"], metadata["License-Expression"], metadata["Requires-Python"]) == (
        "apifold",
        "Apache-2.0",
        ">=3.11",
    )
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints" / "runtime.txt").read_text().splitlines()}
    needed = {
        text.partition(";")[0].partition("<")[0].partition(">")[0].strip().lower().replace(".", "-")
        for text in metadata.get_all("Requires-Dist") or ()
        if "extra ==" not in text
    }
    assert needed == pinned


def test_installed_program_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = run("--version", program=[str(installed / "apifold")], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "apifold 0.1.0\n", "")


def test_installed_program_serves_an_api_and_lists_its_tools(installed: Path, api: str, tmp_path: Path) -> None:
    program = [str(installed / "apifold")]
    with started("serve", f"{api}/openapi.json", "--port", "0", program=program, cwd=tmp_path) as server:
        url = server.wait_for(r"http://127\.0\.0\.1:\d+/mcp").group()
        answer = send(
            "POST",
            url,
            body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
        )
        assert "listBooks" in {tool["name"] for tool in answer.json["result"]["tools"]}
        assert server.stop() == 0
