"""How a person, or a client, starts the program again."""

import os
import sys
from pathlib import Path

import pytest

from apifold.cli.program import runnable, typed


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that stands in a folder below the one that we are in."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "apifold"
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    return str(path)


def test_program_that_the_shell_finds_goes_by_its_name(program: str) -> None:
    assert typed(program, os.pathsep.join(("/nowhere", str(Path(program).parent)))) == "apifold"


def test_program_that_the_shell_does_not_find_goes_by_its_path(program: str) -> None:
    assert typed(program, "/nowhere") == str(Path("bin/apifold"))


def test_program_that_is_hidden_by_another_goes_by_its_path(program: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "apifold").touch(mode=0o755)
    assert typed(program, os.pathsep.join((str(other), str(Path(program).parent)))) == str(Path("bin/apifold"))


def test_program_elsewhere_goes_by_its_whole_path(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a folder").mkdir()
    monkeypatch.chdir(tmp_path / "a folder")
    assert typed(program, "") == program
    assert runnable(program) == (program,)


def test_module_is_run_by_python() -> None:
    assert typed("/x/apifold/__main__.py", "") == "python -m apifold"
    assert runnable("/x/apifold/__main__.py") == (sys.executable, "-m", "apifold")


def test_name_alone_stays_one() -> None:
    assert typed("no-such-program", "/nowhere") == "no-such-program"
    assert runnable("no-such-program") == ("no-such-program",)
