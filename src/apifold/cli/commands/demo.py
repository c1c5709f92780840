"""`apifold demo`: the bookshop's API, and with `--serve` its MCP server beside it in the same process."""

import errno
import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apifold.bootstrap import serve
from apifold.bootstrap.options import Layer, decide
from apifold.bootstrap.serve import Serving
from apifold.cli.announcement import client_command, tools_table, warnings
from apifold.cli.invocation import Invocation
from apifold.cli.logs import logging_to_terminal
from apifold.cli.terminal import Terminal
from apifold.core.errors import AppError, ErrorCategory
from apifold.demo.app import SHOP_KEY, DemoAPI
from apifold.demo.wire import HTTPServer

NAME = "bookshop"
EXAMPLE_TOOL = "listBooks"
EXAMPLE_ARGUMENTS = {"q": "darkness"}


def run(asked: Invocation) -> int:
    with logging_to_terminal(asked):
        serve.run_loop(_with_mcp(asked) if asked.options.serve else _alone(asked))
    return 0


async def _alone(asked: Invocation) -> None:
    stop = serve.stop_signal()
    async with _api(asked.options.api_port) as api:
        terminal = asked.terminal
        _tell_about_api(api, terminal)
        terminal.line(f"Try it:   curl -s '{_url(api)}/api/books?q=darkness'")
        terminal.line(f"Serve it: apifold serve {_url(api)}/openapi.json --auth shopKey={SHOP_KEY}")
        terminal.line(terminal.paint("Ctrl-C stops it.", "dim"))
        terminal.flush()
        await stop.wait()


async def _with_mcp(asked: Invocation) -> None:
    async with _api(asked.options.api_port) as api:
        spec = f"{_url(api)}/openapi.json"
        decided = decide(Layer(spec=spec, port=asked.options.port, auth=(f"shopKey=literal:{SHOP_KEY}",)))

        def announce(serving: Serving) -> None:
            _tell_about_api(api, asked.terminal)
            _tell_about_mcp(serving, asked.terminal)

        await serve.serve(decided, asked.environment, announce)


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


def _tell_about_api(api: HTTPServer, terminal: Terminal) -> None:
    terminal.line(f"{terminal.paint('Corner Bookshop', 'bold')}, a demo API: {_url(api)}/api")
    terminal.line(f"Its document: {_url(api)}/openapi.json")


def _tell_about_mcp(serving: Serving, terminal: Terminal) -> None:
    for warning in warnings(serving):
        terminal.warning(warning)
    terminal.line(f"Over MCP:     {terminal.paint(serving.url, 'bold')}")
    terminal.line()
    tools_table(serving.api.selected.tools, terminal)
    terminal.line()
    terminal.line("Add it to Claude Code (for other clients: apifold connect --url " + serving.url + "):")
    terminal.line(f"  {client_command(serving, NAME)}")
    terminal.line("Or try it here:")
    terminal.line(f"  {_curl(serving.url)}")
    terminal.line()
    terminal.line(terminal.paint("Ctrl-C stops it.", "dim"))
    terminal.flush()


def _curl(url: str) -> str:
    """One call of a tool, as a person can paste it."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": EXAMPLE_TOOL, "arguments": EXAMPLE_ARGUMENTS},
    }
    body = shlex.quote(json.dumps(call, separators=(",", ":")))
    accept = "-H 'Accept: application/json, text/event-stream'"
    return f"curl -s {url} -H 'Content-Type: application/json' {accept} -d {body}"
