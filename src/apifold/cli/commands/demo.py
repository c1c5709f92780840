"""`apifold demo`: the bookshop's API, and with `--serve` its MCP server beside it in the same process."""

import errno
import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apifold.bootstrap import serve
from apifold.bootstrap.options import Layer, decide
from apifold.bootstrap.serve import Serving
from apifold.cli.announcement import claude_command, connect_command, program_of, warnings
from apifold.cli.arguments import UsageMistake
from apifold.cli.invocation import Invocation
from apifold.cli.logs import logging_to_terminal
from apifold.cli.tables import tools_table
from apifold.cli.terminal import Terminal
from apifold.core.errors import AppError, ErrorCategory
from apifold.demo.app import SHOP_KEY, DemoAPI
from apifold.demo.wire import HTTPServer

NAME = "bookshop"
EXAMPLE_TOOL = "listBooks"
EXAMPLE_ARGUMENTS = {"q": "darkness"}


def run(asked: Invocation) -> int:
    if asked.options.port is not None and not asked.options.serve:
        raise UsageMistake("--port is where MCP clients connect", "add --serve, or give the API's own port: --api-port")
    with logging_to_terminal(asked):
        serve.run_loop(_with_mcp(asked) if asked.options.serve else _alone(asked))
    asked.terminal.leave()
    return 0


async def _alone(asked: Invocation) -> None:
    stop = serve.stop_signal()
    terminal = asked.terminal
    async with _api(asked.options.api_port) as api:
        terminal.line(f"{terminal.paint('Corner Bookshop', 'bold')}, a demo API at {terminal.paint(_url(api), 'bold')}")
        terminal.line()
        terminal.facts(
            (
                ("document", f"{_url(api)}/openapi.json"),
                ("try it", f"curl -s '{_url(api)}/api/books?q=darkness'"),
                ("serve it", f"{program_of(asked)} serve {_url(api)}/openapi.json --auth shopKey={SHOP_KEY}"),
            )
        )
        _tell_how_to_stop(terminal)
        await stop.wait()


async def _with_mcp(asked: Invocation) -> None:
    async with _api(asked.options.api_port) as api:
        spec = f"{_url(api)}/openapi.json"
        decided = decide(Layer(spec=spec, port=asked.options.port, auth=(f"shopKey=literal:{SHOP_KEY}",)))
        await serve.serve(decided, asked.environment, lambda serving: _announce(api, serving, asked))


def _announce(api: HTTPServer, serving: Serving, asked: Invocation) -> None:
    terminal, program = asked.terminal, program_of(asked)
    for warning in warnings(serving, program):
        terminal.warning(warning)
    terminal.line(f"{terminal.paint('Corner Bookshop', 'bold')}, a demo API, at {terminal.paint(serving.url, 'bold')}")
    terminal.line()
    terminal.facts(
        (
            ("API", f"{_url(api)}/api"),
            ("its document", f"{_url(api)}/openapi.json"),
            ("older clients", serving.sse_url),
            ("Claude Code", claude_command(serving, NAME)),
            ("others", connect_command(serving, program)),
        )
    )
    terminal.line()
    tools_table(serving.api.selected.tools, terminal)
    terminal.line()
    terminal.line("Call a tool from here:")
    terminal.line(f"  {_curl(serving.url)}")
    _tell_how_to_stop(terminal)


def _tell_how_to_stop(terminal: Terminal) -> None:
    terminal.line()
    terminal.line(terminal.paint("Ctrl-C stops it.", "dim"))
    terminal.flush()


@asynccontextmanager
async def _api(port: int) -> AsyncIterator[HTTPServer]:
    """Listening while the block runs."""
    api = HTTPServer(DemoAPI(), port=port)
    try:
        await api.start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise AppError(
            "server.port_in_use",
            f"Port {port} is in use by another program.",
            category=ErrorCategory.CONFLICT,
            hint="Choose another with --api-port, or 0 for any that is free.",
        ) from error
    try:
        yield api
    finally:
        await api.close()


def _url(api: HTTPServer) -> str:
    return f"http://127.0.0.1:{api.port}"


def _curl(url: str) -> str:
    """One call of a tool, as a person can paste it."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": EXAMPLE_TOOL, "arguments": EXAMPLE_ARGUMENTS},
    }
    body = shlex.quote(json.dumps(call, separators=(",", ":")))
    return f"curl -s {url} -H 'Content-Type: application/json' -d {body}"
