"""The revisions before 2026-07-28 over Streamable HTTP, without sessions: any process can answer any request."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from apifold.core.mcp.revisions import LEGACY
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import serving
from support.raw_http import (
    base_headers,
    connected,
    fetch,
    initialize,
    legacy,
    message,
    post,
)
from support.waiting import until

pytestmark = pytest.mark.wire

BATCHED = ("2024-11-05", "2025-03-26")
PING, LIST = message("ping", identifier=1), message("tools/list", identifier="two")
DONE = message("notifications/initialized", identifier=None)


def stateless() -> FixtureBackend:
    backend = FixtureBackend()
    backend.description = replace(backend.description, sessions=False)
    return backend


@pytest.mark.parametrize(
    ("asked", "given"),
    [*zip(LEGACY, LEGACY, strict=True), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"), ("", "2025-11-25")],
)
def test_a_handshake_gets_the_revision_it_asks_for_or_the_newest(asked: str, given: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            answer = await initialize(served.port, asked)
            assert (answer.status, answer.result["protocolVersion"]) == (200, given)
            assert "mcp-session-id" not in answer.headers

    run()


@pytest.mark.parametrize("header", ["2026-07-28", "2025-03-26", "2099-01-01"])
def test_a_handshake_is_one_whatever_its_version_header_says(header: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            params = {"protocolVersion": "2025-06-18", "capabilities": {}}
            answer = await legacy(served.port, header, "initialize", params)
            assert answer.result["protocolVersion"] == "2025-06-18"

    run()


def test_a_handshake_needs_a_version() -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            assert (await legacy(served.port, "", "initialize", {})).refusal == (200, -32602)

    run()


@pytest.mark.parametrize("version", LEGACY)
def test_a_request_needs_no_handshake_and_no_session_and_minds_no_foreign_one(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            answer = await legacy(served.port, version, "tools/list", {}, Mcp_Session_Id="from another process")
            assert (answer.status, "mcp-session-id" in answer.headers) == (200, False)
            assert len(answer.result["tools"]) == len(FixtureBackend().listing.items)
            assert (await post(served.port, DONE, base_headers(version))).status == 202

    run()


def test_a_request_that_names_no_version_speaks_2025_03_26() -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            params = {"name": "test_structured", "arguments": {"shape": "object"}}
            assert "structuredContent" not in (await legacy(served.port, "", "tools/call", params)).result
            assert "structuredContent" in (await legacy(served.port, "2025-06-18", "tools/call", params)).result

    run()


@pytest.mark.parametrize("version", ["invalid", "2000-01-01", "2099-01-01", "2025-11-25 x"])
def test_an_invalid_version_is_refused(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            assert (await legacy(served.port, version, "tools/list", {})).status == 400

    run()


REFUSED: list[tuple[str, Any, int, int]] = [
    ("not JSON", b"{", 400, -32700),
    ("a null id", {**PING, "id": None}, 400, -32600),
    ("no version of JSON-RPC", {"id": 1, "method": "ping"}, 400, -32600),
    ("positional parameters", {**PING, "params": []}, 400, -32602),
    ("an unknown method", message("foo/bar"), 200, -32601),
    ("a method of the next revision", message("server/discover"), 200, -32601),
    ("an unknown tool", message("tools/call", {"name": "nope"}), 200, -32602),
    ("a call without a name", message("tools/call", {}), 200, -32602),
    ("an unknown resource", message("resources/read", {"uri": "test://nope"}), 200, -32002),
    ("an unknown prompt", message("prompts/get", {"name": "nope"}), 200, -32602),
    ("a bad cursor", message("tools/list", {"cursor": "x"}), 200, -32602),
    ("a bad level", message("logging/setLevel", {"level": "loud"}), 200, -32602),
    ("a failure of our own", message("tools/call", {"name": "test_crash"}), 200, -32603),
]


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize(("said", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_it_is_refused_with_status_and_code(said: Any, status: int, code: int, version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            answer = await post(served.port, said, base_headers(version))
            assert answer.refusal == (status, code)
            if code == -32002:
                assert answer.error["data"] == {"uri": "test://nope"}

    run()


@pytest.mark.parametrize("version", ["", *BATCHED])
def test_a_batch_is_answered_in_its_order(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            call = message("tools/call", {"name": "test_simple_text"}, identifier=3)
            odd = message("tools/call", {"name": "nope"}, identifier=4)
            hello = message("initialize", {"protocolVersion": "2025-03-26"}, identifier=5)
            answer = await post(served.port, [PING, DONE, LIST, call, odd, 7, hello], base_headers(version))
            assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
            assert [(said["id"], said.get("error", {}).get("code", 0)) for said in answer.json] == [
                (1, 0),
                ("two", 0),
                (3, 0),
                (4, -32602),
                (None, -32600),
                (5, -32600),
            ]

    run()


@pytest.mark.parametrize("version", BATCHED)
def test_a_batch_of_notifications_and_responses_is_accepted(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            answer = await post(served.port, [DONE, {"jsonrpc": "2.0", "id": 1, "result": {}}], base_headers(version))
            assert (answer.status, answer.body) == (202, b"")

    run()


def test_a_batch_with_something_to_tell_becomes_a_stream_that_ends_with_the_answers() -> None:
    @on_loop
    async def run() -> None:
        calls = [
            message("tools/call", {"name": "test_tool_with_progress", "_meta": {"progressToken": n}}, identifier=n)
            for n in (1, 2)
        ]
        async with serving(stateless()) as served:
            answer = await post(served.port, calls, base_headers("2025-03-26"))
            *progress, last = [event.json for event in answer.events]
            assert sorted(p["params"]["progressToken"] for p in progress) == [1] * 3 + [2] * 3
            assert [said["id"] for said in last] == [1, 2]

    run()


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
@pytest.mark.parametrize("batch", [[PING], [DONE], []])
def test_later_revisions_have_no_batches(batch: Any, version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            assert (await post(served.port, batch, base_headers(version))).refusal == (400, -32600)

    run()


def test_a_batch_is_bounded() -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            assert (await post(served.port, [PING] * 51, base_headers())).refusal == (400, -32600)

    run()


def test_a_response_to_no_question_is_accepted() -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            said = {"jsonrpc": "2.0", "id": "q1", "result": {}}
            assert (await post(served.port, said, base_headers("2025-11-25"))).status == 202

    run()


def test_a_caller_that_goes_away_has_not_cancelled_its_call() -> None:
    @on_loop
    async def run() -> None:
        backend = stateless()
        async with serving(backend) as served:
            async with connected(served.port) as caller:
                said = json.dumps(message("tools/call", {"name": "test_slow"})).encode()
                await caller.send("POST", "/mcp", base_headers("2025-11-25"), said)
                await backend.started.wait()
            # Another request is served meanwhile: the loss of the connection has been seen.
            assert (await legacy(served.port, "2025-11-25", "ping")).status == 200
            assert not backend.cancelled.is_set()
            backend.let_go.set()
            assert served.crashes == []

    run()


def test_changes_are_told_on_a_stream_without_a_session() -> None:
    @on_loop
    async def run() -> None:
        backend = stateless()
        async with serving(backend) as served:
            async with connected(served.port) as caller:
                await caller.send("GET", "/mcp", {"Accept": "text/event-stream", "MCP-Protocol-Version": "2025-11-25"})
                assert (await caller.head()).headers["content-type"] == "text/event-stream"
                await until(lambda: backend.watchers == 1)
                backend.announce("tools")
                backend.announce("resource", "test://watched-resource")
                backend.announce("resources")
                events = caller.events()
                heard = [(await anext(events)).json for _ in range(3)]
                assert heard == [
                    {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"},
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/resources/updated",
                        "params": {"uri": "test://watched-resource"},
                    },
                    {"jsonrpc": "2.0", "method": "notifications/resources/list_changed"},
                ]
            await until(lambda: backend.watchers == 0)

    run()


def test_a_stream_of_changes_is_opened_only_for_who_asks_for_one() -> None:
    @on_loop
    async def run() -> None:
        async with serving(stateless()) as served:
            for accept in ("*/*", "application/json", ""):
                answer = await fetch(served.port, "GET", "/mcp", {"Accept": accept})
                assert answer.status == 406

    run()
