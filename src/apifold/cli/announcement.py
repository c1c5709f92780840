"""What `serve` and `demo --serve` say when they are ready: where it is, what is there, what to do next."""

import shlex
from collections.abc import Sequence

from apifold.bootstrap.serve import Serving
from apifold.cli.terminal import Terminal
from apifold.core.tools.model import Tool

TOKEN_VARIABLE = "APIFOLD_TOKEN"


def client_command(serving: Serving, name: str) -> str:
    """The line that tells Claude Code about this server."""
    header = f' --header "Authorization: Bearer ${TOKEN_VARIABLE}"' if serving.api.options.token is not None else ""
    return f"claude mcp add --transport http {name} {shlex.quote(serving.url)}{header}"


def count(serving: Serving) -> str:
    """`15 tools`, or `3 of 15 tools` after a selection."""
    total, offered = len(serving.api.catalogue), len(serving.api.selected.tools)
    return f"{total} tools" if total == offered else f"{offered} of {total} tools"


def warnings(serving: Serving) -> Sequence[str]:
    """What will not work as it stands, each with the next step."""
    api = serving.api
    said = [f"{found.message} {found.advice}".strip() for found in api.selected.diagnostics]
    left_out = api.document.declared_operations - len(api.catalogue)
    if left_out:
        spec = shlex.quote(api.options.spec)
        said.append(f"{left_out} operations are left out: `apifold validate {spec}` says which and why.")
    if not api.selected.tools:
        said.append("There is no tool to offer.")
    if "://" not in api.server:
        said.append("The document does not say on which host the API is: name it with --base-url URL.")
    return [
        *said,
        *(_missing(need.description, need.operations, need.flag) for need in serving.needs if not need.given),
    ]


def _missing(description: str, operations: int, flag: str) -> str:
    calls = "1 tool needs" if operations == 1 else f"{operations} tools need"
    return f"{calls} {description}: {flag}"


def tools_table(tools: Sequence[Tool], terminal: Terminal) -> None:
    rows = [(tool.name, tool.operation.method, tool.operation.path, tool.title) for tool in tools]
    terminal.table(("tool", "method", "path", "what it does"), rows, styles=("cyan", "bold", "", ""))
