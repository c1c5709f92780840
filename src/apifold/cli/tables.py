"""Things that several commands count and list."""

from collections.abc import Sequence

from apifold.cli.terminal import Terminal
from apifold.core.tools.model import Tool


def number(count: int, noun: str) -> str:
    """`1 tool`, `1,204 tools`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tools_table(tools: Sequence[Tool], terminal: Terminal) -> None:
    rows = [(tool.name, tool.operation.method, tool.operation.path, tool.title) for tool in tools]
    terminal.table(("tool", "method", "path", "what it does"), rows, styles=("cyan", "bold", "", ""))
