"""`apifold tools`: what a document becomes, as a table or with every schema."""

from collections.abc import Sequence

from apifold.bootstrap.options import DEFAULT_SELECTION
from apifold.cli.invocation import Invocation
from apifold.cli.reading import decide, load, warn
from apifold.cli.tables import number, tools_table
from apifold.cli.terminal import Terminal
from apifold.core.tools.compiler import Catalogue, CompileOptions, compile_tools
from apifold.core.tools.model import Annotations, Tool
from apifold.core.tools.selection import EVERYTHING, select


def run(asked: Invocation) -> int:
    """The whole catalogue; when an option or the file selects, what that leaves."""
    decided = decide(asked)
    terminal = asked.terminal
    with terminal.progress(f"reading {decided.spec}"):
        catalogue = compile_tools(load(decided), CompileOptions(profile=decided.profile))
        selection = EVERYTHING if decided.selection == DEFAULT_SELECTION else decided.selection
        selected = select(catalogue, selection)
        found = [_as_json(catalogue, tool) for tool in selected.tools] if asked.as_json else []
    warn(terminal, selected.diagnostics)
    if asked.as_json:
        terminal.json(found)
    else:
        _print(selected.tools, catalogue, terminal)
    return 0


def annotations(value: Annotations) -> dict[str, object]:
    """As MCP spells them (ToolAnnotations)."""
    return {
        "title": value.title,
        "readOnlyHint": value.read_only,
        "destructiveHint": value.destructive,
        "idempotentHint": value.idempotent,
        "openWorldHint": value.open_world,
    }


def _as_json(catalogue: Catalogue, tool: Tool) -> dict[str, object]:
    return {
        "name": tool.name,
        "method": tool.operation.method,
        "path": tool.operation.path,
        "operationId": tool.operation.operation_id or None,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": catalogue.input(tool).schema,
        "annotations": annotations(tool.annotations),
        "arguments": {
            argument.name: {"in": argument.location, "name": argument.wire_name} for argument in tool.arguments
        },
    }


def _print(tools: Sequence[Tool], catalogue: Catalogue, terminal: Terminal) -> None:
    tools_table(tools, terminal)
    total, shown = len(catalogue.tools), len(tools)
    terminal.line()
    count = number(total, "tool") if shown == total else f"{shown:,} of {number(total, 'tool')}"
    left_out = catalogue.document.declared_operations - total
    more = f"; {number(left_out, 'operation')} left out: `apifold validate` says why" if left_out else ""
    terminal.line(terminal.paint(f"{count}{more}", "dim"))
