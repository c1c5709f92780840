"""The official Python client, pointed at a server of ours by each of the ways it can reach one."""

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client

MODES = ("legacy", "auto", "2026-07-28")
STDIO_FIXTURE = Path(__file__).with_name("stdio_fixture.py")


def over_http(url: str, mode: str, **options: Any) -> AbstractAsyncContextManager[Client]:
    return Client(url, mode=mode, **options)


def over_sse(url: str, mode: str, **options: Any) -> AbstractAsyncContextManager[Client]:
    return Client(sse_client(url), mode=mode, **options)


def over_stdio(mode: str, *command: str, **options: Any) -> AbstractAsyncContextManager[Client]:
    """`command` is a program and its arguments; the fixture when there is none."""
    program, *arguments = command or (sys.executable, str(STDIO_FIXTURE))
    return Client(stdio_client(StdioServerParameters(command=program, args=arguments)), mode=mode, **options)
