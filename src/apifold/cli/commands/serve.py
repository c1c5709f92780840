"""`apifold serve`: an API behind MCP until Ctrl-C, and what a person needs to know when it is ready."""

from contextlib import ExitStack

from apifold.bootstrap import serve
from apifold.bootstrap.api import describe
from apifold.bootstrap.options import Transport
from apifold.bootstrap.serve import Serving
from apifold.cli.announcement import client_command, count, warnings
from apifold.cli.invocation import Invocation
from apifold.cli.logs import logging_to_terminal
from apifold.cli.reading import decide
from apifold.cli.terminal import Terminal


def run(asked: Invocation) -> int:
    decided = decide(asked)
    with logging_to_terminal(asked), ExitStack() as until_ready:
        until_ready.enter_context(asked.terminal.progress(f"reading {decided.spec}"))

        def announce(serving: Serving) -> None:
            until_ready.close()
            _announce(serving, asked.terminal)

        serve.run(decided, asked.environment, announce)
    return 0


def _announce(serving: Serving, terminal: Terminal) -> None:
    """Over stdio only standard error is ours: standard output belongs to the protocol."""
    info = serving.api.document.info
    title = f"{info.title or 'This API'} {info.version}".strip()
    for warning in warnings(serving):
        terminal.warning(warning)
    if serving.api.options.transport is Transport.STDIO:
        terminal.note(terminal.clean(f"{title}: {count(serving)} over stdio"))
        return
    terminal.line(f"{terminal.paint(terminal.clean(title), 'bold')}: {count(serving)} at {serving.url}")
    terminal.line(f"  the API: {serving.api.server or 'not known'}; for older clients: {serving.sse_url}")
    terminal.line(f"  in Claude Code: {client_command(serving, describe(serving.api).name)}")
    terminal.line(f"  in others: apifold connect --url {serving.url}")
    terminal.line(terminal.paint("Ctrl-C stops it.", "dim"))
    terminal.flush()
