"""2026-07-28 over Streamable HTTP: what is required of a server, one row per requirement."""

import asyncio
import json
from typing import Any

import pytest
from mcp_types import methods
from msgspec.structs import replace

from apifold.core.limits import WireLimits
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import serving
from support.raw_http import (
    META,
    Caller,
    base_headers,
    connected,
    message,
    modern,
    modern_headers,
    modern_message,
    post,
)
from support.waiting import until

pytestmark = pytest.mark.wire

CALL = {"name": "test_simple_text"}
VERSION, CAPABILITIES = "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"
NO_VERSION: dict[str, Any] = {CAPABILITIES: {}}
NO_CAPABILITIES = {VERSION: "2026-07-28"}
OTHER_VERSION = {**META, VERSION: "v999.0.0"}
HEADERS = modern_headers("tools/list")

REFUSED: list[tuple[str, Any, dict[str, str], int, int]] = [
    # why, body, headers, status, code
    ("not JSON", b"{", HEADERS, 400, -32700),
    ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', HEADERS, 400, -32700),
    ("empty body", b"", HEADERS, 400, -32700),
    ("a batch", [modern_message("tools/list")], HEADERS, 400, -32600),
    ("an empty batch", [], HEADERS, 400, -32600),
    ("no version of JSON-RPC", {"id": 1, "method": "tools/list"}, HEADERS, 400, -32600),
    ("a null id", {**modern_message("tools/list"), "id": None}, HEADERS, 400, -32600),
    ("a fractional id", {**modern_message("tools/list"), "id": 1.5}, HEADERS, 400, -32600),
    ("a response", {"jsonrpc": "2.0", "id": 1, "result": {}}, HEADERS, 400, -32600),
    ("positional parameters", {**modern_message("tools/list"), "params": []}, HEADERS, 400, -32602),
    ("no parameters", message("tools/list"), HEADERS, 400, -32602),
    ("no _meta", message("tools/list", {}), HEADERS, 400, -32602),
    ("no version in _meta", message("tools/list", {"_meta": NO_VERSION}), HEADERS, 400, -32602),
    ("no capabilities in _meta", message("tools/list", {"_meta": NO_CAPABILITIES}), HEADERS, 400, -32602),
    ("no version header", modern_message("tools/list"), {**base_headers(), "Mcp-Method": "tools/list"}, 400, -32020),
    (
        "a legacy version header",
        modern_message("tools/list"),
        {**HEADERS, "MCP-Protocol-Version": "2025-11-25"},
        400,
        -32020,
    ),
    ("another version in the body", message("tools/list", {"_meta": OTHER_VERSION}), HEADERS, 400, -32020),
    (
        "an unknown version",
        message("tools/list", {"_meta": OTHER_VERSION}),
        {**HEADERS, "MCP-Protocol-Version": "v999.0.0"},
        400,
        -32022,
    ),
    (
        "an unknown version and no _meta",
        message("tools/list", {}),
        {**HEADERS, "MCP-Protocol-Version": "x"},
        400,
        -32602,
    ),
    ("no Mcp-Method", modern_message("tools/list"), base_headers("2026-07-28"), 400, -32020),
    ("another Mcp-Method", modern_message("tools/list"), {**HEADERS, "Mcp-Method": "prompts/list"}, 400, -32020),
    ("Mcp-Method in capitals", modern_message("tools/list"), {**HEADERS, "Mcp-Method": "TOOLS/LIST"}, 400, -32020),
    ("no Mcp-Name", modern_message("tools/call", CALL), modern_headers("tools/call"), 400, -32020),
    (
        "another Mcp-Name",
        modern_message("tools/call", CALL),
        {**modern_headers("tools/call"), "Mcp-Name": "other"},
        400,
        -32020,
    ),
    (
        "a broken Mcp-Name",
        modern_message("tools/call", CALL),
        {**modern_headers("tools/call"), "Mcp-Name": "=?base64?!?="},
        400,
        -32020,
    ),
    ("an unknown method", modern_message("foo/bar"), modern_headers("foo/bar"), 404, -32601),
    ("a removed method", modern_message("ping"), modern_headers("ping"), 404, -32601),
    (
        "an unknown tool",
        modern_message("tools/call", {"name": "nope"}),
        modern_headers("tools/call", {"name": "nope"}),
        400,
        -32602,
    ),
    ("a bad cursor", modern_message("tools/list", {"cursor": "x"}), HEADERS, 400, -32602),
    (
        "an unknown resource",
        modern_message("resources/read", {"uri": "test://nope"}),
        modern_headers("resources/read", {"uri": "test://nope"}),
        400,
        -32602,
    ),
    (
        "a failure of our own",
        modern_message("tools/call", {"name": "test_crash"}),
        modern_headers("tools/call", {"name": "test_crash"}),
        200,
        -32603,
    ),
]


@pytest.mark.parametrize(
    ("said", "headers", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_it_is_refused_with_status_code_and_id(said: Any, headers: dict[str, str], status: int, code: int) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            answer = await post(served.port, said, headers)
            assert answer.refusal == (status, code)
            assert answer.headers["content-type"] == "application/json"
            asked = said if isinstance(said, dict) and "method" in said else {}
            assert answer.json["id"] == (asked.get("id") if type(asked.get("id")) in {int, str} else None)
            assert "secret" not in answer.body.decode()

    run()


@pytest.mark.parametrize("identifier", [0, 7, -1, 2**60, "", "a", "7", 'quo"te', "é", "x" * 1000])
def test_the_id_comes_back_as_it_was(identifier: Any) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            for method, params in (("tools/list", {}), ("tools/call", CALL), ("foo/bar", {})):
                said = modern_message(method, params, identifier=identifier)
                answer = await post(served.port, said, modern_headers(method, params))
                assert answer.json["id"] == identifier
                assert type(answer.json["id"]) is type(identifier)

    run()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Mcp-Param-Region": "eu"}, 200),
        ({"MCP-PARAM-REGION": "  eu  "}, 200),
        ({"Mcp-Param-Region": "=?base64?ZXU=?="}, 200),
        ({"Mcp-Param-Region": "eu", "Mcp-Param-Unknown": "x"}, 200),
        ({}, 400),
        ({"Mcp-Param-Region": "us"}, 400),
        ({"Mcp-Param-Region": "eu", "Mcp-Param-Shard": "1"}, 400),
        ({"Mcp-Param-Region": "=?base64?ZXU?="}, 400),
    ],
)
def test_mirrored_arguments_are_compared(sent: dict[str, str], status: int) -> None:
    @on_loop
    async def run() -> None:
        params = {"name": "test_mirrored", "arguments": {"region": "eu", "shard": None}}
        async with serving(FixtureBackend()) as served:
            headers = {**modern_headers("tools/call", params), **sent}
            answer = await post(served.port, modern_message("tools/call", params), headers)
            assert answer.status == status
            if status == 400:
                assert answer.error["code"] == -32020

    run()


def test_a_notification_is_accepted_and_needs_no_envelope() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            said = message("notifications/initialized", identifier=None)
            answer = await post(served.port, said, base_headers("2026-07-28"))
            assert (answer.status, answer.body) == (202, b"")
            refused = await post(served.port, said, base_headers("2027-01-01"))
            assert refused.refusal == (400, -32022)

    run()


def test_nothing_of_a_session_is_minted_echoed_or_minded() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            answer = await modern(served.port, "tools/list", Mcp_Session_Id="anything", Last_Event_ID="1-1")
            assert answer.status == 200
            assert "mcp-session-id" not in answer.headers
            assert len(served.transport.sessions) == 0

    run()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json, text/event-stream", "application/json"),
        ("application/json", "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/event-stream", "text/event-stream"),
    ],
)
@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
def test_an_answer_with_nothing_before_it_is_json_for_all_who_take_it(
    method: str, accept: str, content_type: str
) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            params = CALL if method == "tools/call" else {}
            answer = await modern(served.port, method, params, Accept=accept)
            assert (answer.status, answer.headers["content-type"]) == (200, content_type)
            said = answer.json if content_type == "application/json" else answer.events[-1].json
            assert said["result"]["resultType"] == "complete"

    run()


def test_a_stream_opens_with_the_first_message_and_ends_with_the_answer() -> None:
    @on_loop
    async def run() -> None:
        params = {"name": "test_tool_with_progress", "_meta": {"progressToken": "t"}}
        async with serving(FixtureBackend()) as served:
            answer = await modern(served.port, "tools/call", params)
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["cache-control"] == "no-cache, no-transform"
            assert answer.headers["x-accel-buffering"] == "no"
            *progress, last = answer.events
            assert [event.json["params"]["progress"] for event in progress] == [0, 50, 100]
            assert all(event.name == "message" and not event.id for event in answer.events)
            assert last.json["result"]["content"] == [{"type": "text", "text": "t"}]

    run()


@pytest.mark.parametrize(("level", "lines"), [(None, 0), ("debug", 3), ("info", 3), ("warning", 0)])
def test_log_messages_come_only_when_asked_for(level: str | None, lines: int) -> None:
    @on_loop
    async def run() -> None:
        meta = {} if level is None else {"io.modelcontextprotocol/logLevel": level}
        async with serving(FixtureBackend()) as served:
            answer = await modern(served.port, "tools/call", {"name": "test_logging_tool", "_meta": meta})
            said = [event.json for event in answer.events] if lines else [answer.json]
            assert [s["method"] for s in said[:-1]] == ["notifications/message"] * lines

    run()


def test_a_caller_that_takes_no_stream_hears_only_the_answer() -> None:
    @on_loop
    async def run() -> None:
        params = {"name": "test_tool_with_progress", "_meta": {"progressToken": "t"}}
        async with serving(FixtureBackend()) as served:
            answer = await modern(served.port, "tools/call", params, Accept="application/json")
            assert answer.result["content"] == [{"type": "text", "text": "t"}]
            refused = await modern(
                served.port, "subscriptions/listen", {"notifications": {}}, Accept="application/json"
            )
            assert refused.status == 406

    run()


def test_a_caller_that_goes_away_cancels_its_call() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served:
            params = {"name": "test_slow"}
            async with connected(served.port) as caller:
                said = json.dumps(modern_message("tools/call", params)).encode()
                await caller.send("POST", "/mcp", modern_headers("tools/call", params), said)
                await backend.started.wait()
            await backend.cancelled.wait()
            assert served.crashes == []

    run()


def test_a_slow_call_is_kept_alive_and_then_answered_on_the_stream() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        limits = WireLimits(progress_seconds=0.01, keepalive_seconds=0.01)
        async with serving(backend, limits=limits) as served, connected(served.port) as caller:
            params = {"name": "test_slow"}
            said = json.dumps(modern_message("tools/call", params)).encode()
            await caller.send("POST", "/mcp", modern_headers("tools/call", params), said)
            assert (await caller.head()).headers["content-type"] == "text/event-stream"
            chunks = caller.chunks()
            assert (await anext(chunks)).startswith(b":")
            backend.let_go.set()
            rest = b"".join([chunk async for chunk in chunks])
            assert b'"result"' in rest

    run()


async def listening(caller: Caller, wish: Any, identifier: Any = "L1") -> Any:
    said = json.dumps(modern_message("subscriptions/listen", {"notifications": wish}, identifier=identifier)).encode()
    await caller.send("POST", "/mcp", modern_headers("subscriptions/listen"), said)
    head = await caller.head()
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
    events = caller.events()
    acknowledged = (await anext(events)).json
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": identifier}
    return events, acknowledged["params"]["notifications"]


def test_a_stream_of_changes_carries_what_was_asked_for_and_nothing_else() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            wish = {"toolsListChanged": True, "resourceSubscriptions": ["test://watched-resource"]}
            events, honored = await listening(caller, wish)
            assert honored == wish
            for kind, uri in [
                ("prompts", ""),
                ("resource", "test://static-text"),
                ("tools", ""),
                ("resource", "test://watched-resource"),
            ]:
                backend.announce(kind, uri)
            heard = [(await anext(events)).json for _ in range(2)]
            tag = {"_meta": {"io.modelcontextprotocol/subscriptionId": "L1"}}
            assert heard == [
                {"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": tag},
                {
                    "jsonrpc": "2.0",
                    "method": "notifications/resources/updated",
                    "params": {"uri": "test://watched-resource", **tag},
                },
            ]
            for said in heard:
                methods.SERVER_NOTIFICATIONS[said["method"], "2026-07-28"].model_validate(said)

    run()


def test_a_stream_of_changes_ends_with_a_result_when_the_server_ends_it() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            events, _ = await listening(caller, {"toolsListChanged": True}, identifier=4)
            backend.announce("tools")
            served.endpoint.close()
            rest = [event.json async for event in events]
            assert [said.get("method", "the result") for said in rest] == [
                "notifications/tools/list_changed",
                "the result",
            ]
            assert rest[-1]["id"] == 4
            assert rest[-1]["result"] == {
                "resultType": "complete",
                "_meta": {"io.modelcontextprotocol/subscriptionId": 4},
            }

    run()


def test_a_listener_that_goes_away_leaves_nothing_behind() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served:
            for _ in range(20):
                async with connected(served.port) as caller:
                    await listening(caller, {"toolsListChanged": True})
            await until(lambda: not (backend.watchers or served.transport.streams.open))
            assert served.endpoint._open == set()

    run()


def test_changes_are_merged_for_a_listener_that_does_not_read() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            events, _ = await listening(caller, {"toolsListChanged": True})
            for _ in range(100_000):
                backend.announce("tools")
            (outbox,) = served.endpoint._open
            assert len(outbox._items) <= 1
            assert (await anext(events)).json["method"] == "notifications/tools/list_changed"

    run()


def test_open_streams_are_bounded() -> None:
    @on_loop
    async def run() -> None:
        async with (
            serving(FixtureBackend(), limits=WireLimits(streams=1)) as served,
            connected(served.port) as caller,
        ):
            await listening(caller, {"toolsListChanged": True})
            refused = await modern(served.port, "subscriptions/listen", {"notifications": {}})
            assert refused.refusal == (503, -32603)

    run()


def test_ten_streams_run_at_the_same_time_and_are_not_mixed_up() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:

            async def one(number: int) -> Any:
                params = {"name": "test_tool_with_progress", "_meta": {"progressToken": number}}
                said = modern_message("tools/call", params, identifier=number)
                return await post(served.port, said, modern_headers("tools/call", params))

            answers = await asyncio.gather(*(one(number) for number in range(10)))
            for number, answer in enumerate(answers):
                *progress, last = [event.json for event in answer.events]
                assert [p["params"]["progressToken"] for p in progress] == [number] * 3
                assert (last["id"], last["result"]["content"][0]["text"]) == (number, str(number))

    run()


def test_structured_content_may_be_any_json() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            shown = {}
            for shape in ("object", "array", "null", "text"):
                params = {"name": "test_structured", "arguments": {"shape": shape}}
                result = (await modern(served.port, "tools/call", params)).result
                assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
                shown[shape] = result["structuredContent"]
            assert shown == {"object": {"id": 3}, "array": [1, "two"], "null": None, "text": "é"}

    run()


def test_lists_change_with_the_backend_and_old_cursors_end() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served:
            large = tuple(
                {"name": f"tool_{n}", "description": "x" * 6_000_000, "inputSchema": {"type": "object"}}
                for n in range(5)
            )
            backend.listing = replace(backend.listing, version=2, items=large)
            first = (await modern(served.port, "tools/list")).result
            second = (await modern(served.port, "tools/list", {"cursor": first["nextCursor"]})).result
            third = (await modern(served.port, "tools/list", {"cursor": second["nextCursor"]})).result
            names = [tool["name"] for page in (first, second, third) for tool in page["tools"]]
            assert names == [tool["name"] for tool in large]
            assert "nextCursor" not in third
            assert len({(page["ttlMs"], page["cacheScope"]) for page in (first, second, third)}) == 1
            backend.listing = replace(backend.listing, version=3)
            assert (await modern(served.port, "tools/list", {"cursor": first["nextCursor"]})).refusal == (400, -32602)

    run()
