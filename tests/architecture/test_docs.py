"""What the documentation says exists: commands, options, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from apifold.cli.arguments import COMMANDS, parse
from support.cli_reference import render

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))


def command_lines() -> Iterator[tuple[str, str]]:
    """Every line of a page, and every example of the help, that somebody might type."""
    for page in PAGES:
        for line in re.findall(
            r"^ *(?:\$ )?(?:\w+=\S+ )?(apifold .+)$|`(apifold [^`]+)`", page.read_text(), flags=re.MULTILINE
        ):
            yield page.name, line[0] or line[1]
    for command in COMMANDS:
        for _, line in command.examples:
            yield f"{command.name} --help", line


def test_reference_of_the_command_line_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == render()


@pytest.mark.parametrize(("where", "line"), sorted(set(command_lines())))
def test_command_line_in_the_documentation_is_one_that_apifold_takes(where: str, line: str) -> None:
    *_, typed = line.split(" | ")
    words = shlex.split(typed, comments=True)
    assert words[0] == "apifold"
    if words[1] in {"--version", "--help"}:
        return
    assert words[1] in {command.name for command in COMMANDS}, where
    names_a_command = len(words) == 2
    is_a_shape = "…" in typed or "[options]" in typed
    if not names_a_command and not is_a_shape:
        assert parse(words[1:]).command == words[1], where


def test_files_that_the_documentation_links_to_are_there() -> None:
    missing = {
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    }
    assert missing == set()


def test_decisions_are_numbered_and_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(folder.glob("0*.md"))
    assert re.findall(r"^\| \[(\d+)\]\((.+?)\) \|", index, flags=re.MULTILINE) == [
        (str(number), page.name) for number, page in enumerate(pages, 1)
    ]
    assert [page.name for page in pages if not page.read_text().startswith(f"# {int(page.name[:4])}. ")] == []
