"""Sessions of the revisions before 2026-07-28: for endpoints that ask the client things."""

import json
from typing import Any

import pytest

from apifold.core.limits import WireLimits
from apifold.gateway.access import bearer_token
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import Serving, serving
from support.raw_http import Answer, Caller, base_headers, connected, fetch, initialize, message, post
from support.waiting import until

pytestmark = pytest.mark.wire

SESSION = "Mcp-Session-Id"


class Client:
    """A client with a session of its own."""

    def __init__(self, served: Serving, version: str, session: str) -> None:
        self.port = served.port
        self.headers = {**base_headers(version), SESSION: session}

    async def post(self, said: Any, **changes: str) -> Answer:
        return await post(self.port, said, {**self.headers, **changes})

    async def call(self, name: str, arguments: Any = None, *, identifier: Any = 1, meta: Any = None) -> Answer:
        params = {"name": name, "arguments": arguments or {}, **({"_meta": meta} if meta else {})}
        return await self.post(message("tools/call", params, identifier=identifier))

    async def begin(self, caller: Caller, name: str, *, identifier: Any = 1, meta: Any = None) -> None:
        params = {"name": name, "arguments": {"message": "?"}, **({"_meta": meta} if meta else {})}
        said = json.dumps(message("tools/call", params, identifier=identifier)).encode()
        await caller.send("POST", "/mcp", self.headers, said)

    async def listen(self, caller: Caller, last: str = "") -> Answer:
        resumed = {"Last-Event-ID": last} if last else {}
        await caller.send("GET", "/mcp", {**self.headers, "Accept": "text/event-stream", **resumed})
        return await caller.head()


async def client_of(served: Serving, version: str = "2025-11-25", **capabilities: Any) -> Client:
    opened = await initialize(served.port, version, capabilities)
    return Client(served, version, opened.headers["mcp-session-id"])


def test_a_session_is_needed_known_and_ended() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            ping = message("ping")
            assert (await client.post(ping)).result == {}
            without = await post(served.port, ping, base_headers("2025-11-25"))
            assert without.refusal == (400, -32600)
            unknown = await client.post(ping, **{SESSION: "unknown"})
            assert (unknown.refusal, unknown.json["id"]) == ((404, -32600), 1)
            note = message("notifications/initialized", identifier=None)
            assert (await client.post(note)).status == 202
            assert (await client.post(note, **{SESSION: "unknown"})).status == 404
            assert (await client.post({"jsonrpc": "2.0", "id": 1, "result": {}}, **{SESSION: "unknown"})).status == 404
            assert (await client.post([ping], **{SESSION: "unknown"})).status == 404

            gone = await fetch(served.port, "DELETE", "/mcp", client.headers)
            assert (gone.status, gone.body) == (204, b"")
            assert (await client.post(ping)).status == 404
            assert (await fetch(served.port, "DELETE", "/mcp", client.headers)).status == 404
            assert len(served.transport.sessions) == 0

    run()


def test_a_session_is_of_no_use_to_another_caller() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend(), verify=bearer_token("s3cret")) as served:
            secret = {"Authorization": "Bearer s3cret"}
            hello = message("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}})
            opened = await post(served.port, hello, {**base_headers(), **secret})
            session = {SESSION: opened.headers["mcp-session-id"]}
            assert (await post(served.port, message("ping"), {**base_headers(), **secret, **session})).status == 200
            assert (await post(served.port, message("ping"), {**base_headers(), **session})).status == 401

    run()


def test_a_session_remembers_the_revision_for_who_does_not_name_it() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served, "2025-06-18")
            del client.headers["MCP-Protocol-Version"]
            result = (await client.call("test_structured", {"shape": "object"})).result
            assert result["structuredContent"] == {"id": 3}
            assert (await client.post([message("ping")])).refusal == (400, -32600)

    run()


def test_sessions_are_bounded() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend(), limits=WireLimits(sessions=2)) as served:
            clients = [await client_of(served) for _ in range(3)]
            alive = [(await client.post(message("ping"))).status for client in clients]
            assert alive == [404, 200, 200]

    run()


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
def test_a_question_and_its_answer_travel_on_two_posts(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, connected(served.port) as caller:
            client = await client_of(served, version, elicitation={})
            await client.begin(caller, "test_elicitation", identifier="call")
            assert (await caller.head()).headers["content-type"] == "text/event-stream"
            events = caller.events()
            question = await anext(events)
            if version == "2025-11-25":  # primed: an id to come back with, and nothing else
                assert (question.id, question.data) == ("1-0", "")
                question = await anext(events)
            asked = question.json
            assert (asked["method"], asked["params"]["message"]) == ("elicitation/create", "?")
            answer = {"action": "accept", "content": {"username": "a", "email": "b"}}
            accepted = await client.post({"jsonrpc": "2.0", "id": asked["id"], "result": answer})
            assert (accepted.status, accepted.body) == (202, b"")
            result = (await anext(events)).json
            assert result["id"] == "call"
            assert "action=accept" in result["result"]["content"][0]["text"]

    run()


def test_a_question_that_is_refused_fails_the_call_and_nothing_else() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, connected(served.port) as caller:
            client = await client_of(served, elicitation={})
            await client.begin(caller, "test_elicitation")
            await caller.head()
            events = caller.events()
            await anext(events)
            asked = (await anext(events)).json
            refusal = {"code": -1, "message": "the person walked away"}
            await client.post({"jsonrpc": "2.0", "id": asked["id"], "error": refusal})
            result = (await anext(events)).json["result"]
            assert result["isError"]
            assert "the person walked away" in result["content"][0]["text"]

    run()


def test_what_was_not_declared_is_not_asked_for() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            result = (await client.call("test_elicitation", {"message": "?"})).result
            assert result["isError"]
            assert "elicitation" in result["content"][0]["text"]

    run()


def test_a_cancelled_call_stops_and_is_not_answered() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            client = await client_of(served)
            await client.begin(caller, "test_slow", identifier="slow")
            await backend.started.wait()
            for other in ("Slow", 1, None):
                await client.post(message("notifications/cancelled", {"requestId": other}, identifier=None))
            assert not backend.cancelled.is_set()
            await client.post(message("notifications/cancelled", {"requestId": "slow"}, identifier=None))
            answer = await caller.answer()
            assert backend.cancelled.is_set()
            assert (answer.status, [event.data for event in answer.events if event.data]) == (200, [])

    run()


def test_an_id_in_use_is_refused() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            client = await client_of(served)
            await client.begin(caller, "test_slow", identifier=5)
            await backend.started.wait()
            assert (await client.call("test_simple_text", identifier=5)).refusal == (400, -32600)
            assert (await client.call("test_simple_text", identifier="5")).status == 200
            backend.let_go.set()
            assert (await caller.answer()).result["isError"] is False

    run()


def test_calls_of_one_session_are_bounded() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        limits = WireLimits(calls_per_session=1)
        async with serving(backend, limits=limits) as served, connected(served.port) as caller:
            client = await client_of(served)
            await client.begin(caller, "test_slow")
            await backend.started.wait()
            assert (await client.call("test_simple_text", identifier=2)).refusal == (503, -32603)
            backend.let_go.set()
            await caller.answer()

    run()


def test_a_lost_connection_loses_no_answer() -> None:
    """The client sees a part of the stream, its connection breaks, it comes back with the id of the last event."""

    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            async with connected(served.port) as caller:
                await client.begin(caller, "test_tool_with_progress", meta={"progressToken": "t"})
                await caller.head()
                events = caller.events()
                seen = [await anext(events) for _ in range(2)]
                assert [event.id for event in seen] == ["1-0", "1-1"]
            async with connected(served.port) as caller:
                assert (await client.listen(caller, seen[-1].id)).status == 200
                rest = [event async for event in caller.events()]
                assert [event.id for event in rest] == ["1-2", "1-3", "1-4"]
                assert [event.json["params"]["progress"] for event in rest[:-1]] == [50, 100]
                assert rest[-1].json["result"]["content"][0]["text"] == "t"

    run()


def test_a_client_can_come_back_more_than_once_and_only_to_its_own_stream() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client, other = await client_of(served), await client_of(served)
            await client.call("test_tool_with_progress", meta={"progressToken": "first"})
            await client.call("test_tool_with_progress", meta={"progressToken": "second"}, identifier=2)
            for _ in range(2):
                async with connected(served.port) as caller:
                    await client.listen(caller, "1-3")
                    assert [event.json["id"] async for event in caller.events()] == [1]
            for missing in ("3-0", "1-9", "x", "1-"):
                async with connected(served.port) as caller:
                    assert (await client.listen(caller, missing)).status == 404
            async with connected(served.port) as caller:
                assert (await other.listen(caller, "1-3")).status == 404

    run()


def test_a_released_connection_is_closed_and_the_answer_waits() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            async with connected(served.port) as caller:
                await client.begin(caller, "test_reconnection")
                await caller.head()
                primed, retry = [event async for event in caller.events()]
                assert (primed.id, primed.data, retry.retry) == ("1-0", "", "50")
            async with connected(served.port) as caller:
                await client.listen(caller, primed.id)
                (answer,) = [event.json async for event in caller.events()]
                assert answer["result"]["content"][0]["text"] == "The answer after the reconnection."

    run()


def test_changes_go_to_the_latest_stream_of_a_session_only() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with (
            serving(backend) as served,
            connected(served.port) as first,
            connected(served.port) as second,
        ):
            client = await client_of(served)
            await client.post(message("resources/subscribe", {"uri": "test://watched-resource"}))
            await client.listen(first)
            await client.listen(second)
            await until(lambda: backend.watchers == 2)
            backend.announce("resource", "test://watched-resource")
            backend.announce("resource", "test://static-text")
            backend.announce("tools")
            events = second.events()
            heard = [(await anext(events)).json for _ in range(2)]
            assert [said["method"] for said in heard] == [
                "notifications/resources/updated",
                "notifications/tools/list_changed",
            ]
            await client.post(message("resources/unsubscribe", {"uri": "test://watched-resource"}))
            backend.announce("resource", "test://watched-resource")
            await fetch(served.port, "DELETE", "/mcp", client.headers)
            assert [event async for event in events] == []
            assert [event async for event in first.events()] == []

    run()


def test_a_log_level_is_remembered() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            assert len([e for e in (await client.call("test_logging_tool")).events if e.data]) == 4
            assert (await client.post(message("logging/setLevel", {"level": "error"}))).result == {}
            assert (await client.call("test_logging_tool", identifier=2)).headers["content-type"] == "application/json"

    run()


def test_a_batch_in_a_session_is_answered() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served, "2025-03-26")
            calls = [message("tools/call", {"name": "test_simple_text"}, identifier=n) for n in (1, 2)]
            answer = await client.post(calls)
            assert [said["id"] for said in answer.json] == [1, 2]

    run()


def test_a_client_that_takes_no_stream_gets_only_the_answer() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            client = await client_of(served)
            client.headers["Accept"] = "application/json"
            answer = await client.call("test_tool_with_progress", meta={"progressToken": "t"})
            assert answer.result["content"][0]["text"] == "t"

    run()


def test_ending_a_session_ends_its_calls() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, connected(served.port) as caller:
            client = await client_of(served)
            await client.begin(caller, "test_slow")
            await backend.started.wait()
            await fetch(served.port, "DELETE", "/mcp", client.headers)
            await backend.cancelled.wait()
            assert (await caller.answer()).status == 200

    run()
