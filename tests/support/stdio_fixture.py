"""The fixture backend as a program that speaks MCP on standard input and output."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apifold.core.mcp.content import ToolResult
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.ports import InputRequired, ToolCall
from apifold.gateway.stdio import serve_stdio
from support.fixture_backend import FixtureBackend


class Talkative(FixtureBackend):
    async def call_tool(self, call: ToolCall) -> ToolResult | InputRequired:
        print("a stray line that must not reach the wire", flush=True)  # noqa: T201  # the thing under test
        return await super().call_tool(call)


async def serve() -> None:
    await serve_stdio(Endpoint(Talkative()))


if __name__ == "__main__":
    asyncio.run(serve())
