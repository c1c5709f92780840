"""`apifold serve`: an API behind MCP until Ctrl-C."""

from contextlib import ExitStack

from apifold.bootstrap import serve
from apifold.bootstrap.serve import Serving
from apifold.cli.announcement import announce
from apifold.cli.invocation import Invocation
from apifold.cli.logs import logging_to_terminal
from apifold.cli.reading import decide


def run(asked: Invocation) -> int:
    decided = decide(asked)
    with logging_to_terminal(asked), ExitStack() as until_ready:
        until_ready.enter_context(asked.terminal.progress(f"reading {decided.spec}"))

        def ready(serving: Serving) -> None:
            until_ready.close()
            announce(serving, asked)

        serve.run(decided, asked.environment, ready)
    asked.terminal.leave()
    return 0
