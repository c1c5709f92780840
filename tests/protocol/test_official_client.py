"""The official Python client uses the server by every way there is, in its three modes."""

import re
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import CreateMessageResult, ElicitResult, TextContent
from msgspec.structs import replace

from apifold.core.mcp import content
from apifold.core.mcp.content import ImageContent, ToolResult
from apifold.core.mcp.server import Listing
from apifold.core.values import JSONObject
from apifold.gateway.ports import ToolCall
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_client import MODES, over_http, over_sse, over_stdio
from support.mcp_server import Serving, serving

pytestmark = pytest.mark.wire

NEGOTIATED = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}
TRANSPORTS = ("http", "http without sessions", "sse", "stdio")


def reach(transport: str, mode: str, served: Serving, **options: Any) -> AbstractAsyncContextManager[Client]:
    if transport == "stdio":
        return over_stdio(mode, **options)
    if transport == "sse":
        return over_sse(f"{served.origin}/sse", mode, **options)
    return over_http(served.url, mode, **options)


def backend_for(transport: str) -> FixtureBackend:
    backend = FixtureBackend()
    if transport == "http without sessions":
        backend.description = replace(backend.description, sessions=False)
    return backend


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_client_finds_and_uses_everything(transport: str, mode: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(backend_for(transport)) as served, reach(transport, mode, served) as client:
            assert client.protocol_version == NEGOTIATED[mode]
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == [str(t["name"]) for t in FixtureBackend().listing.items]

            result = await client.call_tool("test_structured", {"shape": "object"})
            assert (result.structured_content, result.is_error) == ({"id": 3}, False)
            failed = await client.call_tool("test_error_handling")
            assert failed.is_error
            assert isinstance(failed.content[0], TextContent)
            assert failed.content[0].text == "This tool intentionally returns an error for testing"

            assert len((await client.list_resources()).resources) == 3
            contents = (await client.read_resource("test://static-text")).contents
            assert [getattr(c, "text", "") for c in contents] == ["This is the content of the static text resource."]
            assert len((await client.list_resource_templates()).resource_templates) == 1
            assert len((await client.list_prompts()).prompts) == 5
            prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
            assert getattr(prompt.messages[0].content, "text", "") == "Prompt with arguments: arg1='a', arg2='b'"
            assert served.crashes == []

    run()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_client_hears_of_progress(transport: str, mode: str) -> None:
    @on_loop
    async def run() -> None:
        heard: list[tuple[float, float | None, str | None]] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append((progress, total, message))

        async with serving(backend_for(transport)) as served, reach(transport, mode, served) as client:
            await client.call_tool("test_tool_with_progress", progress_callback=hear)
        assert heard == [(done, 100.0, f"Completed {done:.0f} of 100") for done in (0.0, 50.0, 100.0)]

    run()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_client_is_told_what_does_not_exist(transport: str, mode: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(backend_for(transport)) as served, reach(transport, mode, served) as client:
            with pytest.raises(MCPError, match="Unknown tool: nope") as no_tool:
                await client.call_tool("nope")
            assert no_tool.value.code == -32602
            with pytest.raises(MCPError) as no_resource:
                await client.read_resource("test://nope")
            assert no_resource.value.code == (-32002 if mode == "legacy" else -32602)
            with pytest.raises(MCPError, match=re.escape("Internal error")) as crash:
                await client.call_tool("test_crash")
            assert crash.value.code == -32603
            assert "secret" not in str(crash.value)

    run()


async def elicit(_: Any, params: Any) -> ElicitResult:
    asked = list(params.requested_schema["properties"])
    return ElicitResult(action="accept", content=dict.fromkeys(asked, "Alice"))


async def sample(_: Any, params: Any) -> CreateMessageResult:
    del params
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="Paris"), model="m")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", ["http", "sse", "stdio"])
def test_a_call_that_needs_an_answer_gets_it_in_both_eras(transport: str, mode: str) -> None:
    """One backend: 2026-07-28 asks in its result, the earlier revisions over the stream of the call."""

    @on_loop
    async def run() -> None:
        callbacks: dict[str, Any] = {"elicitation_callback": elicit, "sampling_callback": sample}
        async with serving(FixtureBackend()) as served, reach(transport, mode, served, **callbacks) as client:
            hello = await client.call_tool("test_input_required_result_elicitation")
            assert getattr(hello.content[0], "text", "") == "Hello, Alice!"
            capital = await client.call_tool("test_input_required_result_sampling")
            assert getattr(capital.content[0], "text", "") == "Paris"
            rounds = await client.call_tool("test_input_required_result_multi_round")
            assert "Alice" in getattr(rounds.content[0], "text", "")
            prompt = await client.get_prompt("test_input_required_result_prompt")
            assert getattr(prompt.messages[0].content, "text", "") == "In the context of Alice"

    run()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_legacy_client_that_cannot_be_asked_gets_a_result_that_says_so(transport: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(backend_for(transport)) as served, reach(transport, "legacy", served) as client:
            result = await client.call_tool("test_input_required_result_elicitation")
            assert result.is_error
            assert "no way to get one" in getattr(result.content[0], "text", "")

    run()


@pytest.mark.parametrize("transport", ["http", "sse", "stdio"])
def test_a_modern_client_is_not_asked_for_what_it_did_not_declare(transport: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, reach(transport, "2026-07-28", served) as client:
            with pytest.raises(MCPError) as refused:
                await client.call_tool("test_input_required_result_elicitation")
            assert refused.value.code == -32021
            assert refused.value.data == {"requiredCapabilities": {"elicitation": {}}}

    run()


class Large(FixtureBackend):
    """Gives more than the client takes in one event, which is 1 MiB: it would give up the whole stream."""

    def __init__(self) -> None:
        super().__init__()
        self.description = replace(self.description, sessions=False)
        schema: JSONObject = {"type": "object"}
        listed: list[JSONObject] = [
            {"name": f"tool_{number}", "description": "x" * 400_000, "inputSchema": schema} for number in range(7)
        ]
        self.listing = Listing(1, tuple(listed))

    async def call_tool(self, call: ToolCall) -> ToolResult:
        await call.channel.progress(1)  # opens the stream
        if call.name == "tool_0":
            return ToolResult((ImageContent("A" * 2_000_000, "image/png"),))
        text = '"' * 600_000
        return ToolResult((content.TextContent(text),), structured=text, has_structured=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", ["http", "sse"])
def test_no_event_is_larger_than_the_client_takes(transport: str, mode: str) -> None:
    @on_loop
    async def run() -> None:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            del progress, total, message

        async with serving(Large()) as served, reach(transport, mode, served) as client:
            names, cursor, pages = [], None, 0
            while pages == 0 or cursor:
                page = await client.list_tools(cursor=cursor)
                names += [tool.name for tool in page.tools]
                cursor, pages = page.next_cursor, pages + 1
            assert names == [f"tool_{number}" for number in range(7)]
            assert pages == (4 if transport == "sse" else 1)
            image = await client.call_tool("tool_0", progress_callback=hear)
            assert [type(block) for block in image.content] == [TextContent]
            text = await client.call_tool("tool_1", progress_callback=hear)
            assert len(getattr(text.content[0], "text", "")) > 400_000
            assert served.crashes == []

    run()


@pytest.mark.parametrize("mode", MODES)
def test_introductions_are_noticed(mode: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, over_http(served.url, mode) as client:
            await client.list_tools()
        seen = [(event.method, event.caller.revision, event.caller.client_name) for event in served.connections]
        assert (
            seen
            == {
                "legacy": [("initialize", "2025-11-25", "mcp")],
                "auto": [("server/discover", "2026-07-28", "mcp")],
                "2026-07-28": [],
            }[mode]
        )

    run()
