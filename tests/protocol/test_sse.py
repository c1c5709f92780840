"""HTTP+SSE of 2024-11-05: one stream, and POSTs whose answers go onto it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from apifold.core.limits import WireLimits
from apifold.gateway.access import bearer_token
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.routes import serve_many
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import Serving, serving
from support.raw_http import META, Answer, base_headers, connected, fetch, message, post
from support.waiting import until

pytestmark = pytest.mark.wire


class OldClient:
    def __init__(self, port: int, events: AsyncIterator[Any], endpoint: str) -> None:
        self.port = port
        self.events = events
        self.endpoint = endpoint

    async def post(self, said: Any) -> Answer:
        return await post(self.port, said, base_headers(), path=self.endpoint)

    async def hear(self) -> Any:
        return (await anext(self.events)).json

    async def ask(self, method: str, params: Any = None, *, identifier: Any = 1) -> Any:
        accepted = await self.post(message(method, params, identifier=identifier))
        assert (accepted.status, accepted.body) == (202, b"")
        return await self.hear()

    async def initialize(self, version: str = "2024-11-05", **capabilities: Any) -> Any:
        client = {"name": "old", "version": "0"}
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": client}
        return await self.ask("initialize", params, identifier=0)


@asynccontextmanager
async def old_client(served: Serving, path: str = "/sse") -> AsyncIterator[OldClient]:
    async with connected(served.port) as stream:
        await stream.send("GET", path, {"Accept": "text/event-stream"})
        head = await stream.head()
        assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
        events = stream.events()
        first = await anext(events)
        assert first.name == "endpoint"
        yield OldClient(served.port, events, first.data)


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_an_old_client_is_served(version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            assert client.endpoint.startswith("/messages?session_id=")
            assert (await client.initialize(version))["result"]["protocolVersion"] == version
            assert (await client.post(message("notifications/initialized", identifier=None))).status == 202
            said = await client.ask("tools/call", {"name": "test_audio_content"}, identifier="a")
            assert said["id"] == "a"
            kind = "resource" if version == "2024-11-05" else "audio"
            assert said["result"]["content"][0]["type"] == kind
            assert (await client.ask("nope"))["error"]["code"] == -32601
            assert (await client.ask("resources/read", {"uri": "test://nope"}))["error"]["code"] == -32002

    run()


def test_what_is_no_message_is_answered_on_the_stream() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            assert (await client.post(b"{")).status == 202
            assert (await client.hear())["error"]["code"] == -32700

    run()


def test_progress_and_answer_come_in_order_among_other_answers() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            await client.initialize()
            slow = message(
                "tools/call", {"name": "test_tool_with_progress", "_meta": {"progressToken": "t"}}, identifier=1
            )
            await client.post(slow)
            await client.post(message("ping", identifier=2))
            heard = [await client.hear() for _ in range(5)]
            of_the_call = [said for said in heard if said.get("id") != 2]
            assert [said.get("params", {}).get("progress", "the answer") for said in of_the_call] == [
                0,
                50,
                100,
                "the answer",
            ]

    run()


def test_a_client_is_asked_on_its_stream() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            await client.initialize("2025-03-26", sampling={})
            said = message("tools/call", {"name": "test_sampling", "arguments": {"prompt": "?"}}, identifier=9)
            await client.post(said)
            asked = await client.hear()
            assert asked["method"] == "sampling/createMessage"
            result = {"role": "assistant", "content": {"type": "text", "text": "yes"}, "model": "m"}
            await client.post({"jsonrpc": "2.0", "id": asked["id"], "result": result})
            assert (await client.hear())["result"]["content"][0]["text"] == "LLM response: yes"

    run()


def test_batches_are_taken_where_the_revision_has_them() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            await client.initialize("2024-11-05")
            await client.post([message("ping", identifier=1), message("tools/list", identifier=2)])
            assert [said["id"] for said in await client.hear()] == [1, 2]
            await client.initialize("2025-11-25")
            await client.post([message("ping", identifier=1)])
            assert (await client.hear())["error"]["code"] == -32600

    run()


def test_changes_are_told_unasked_once_the_client_has_introduced_itself() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, old_client(served) as client:
            backend.announce("tools")
            await client.initialize()
            await client.ask("resources/subscribe", {"uri": "test://watched-resource"})
            backend.announce("tools")
            assert (await client.hear())["method"] == "notifications/tools/list_changed"
            backend.announce("resource", "test://watched-resource")
            assert (await client.hear())["params"] == {"uri": "test://watched-resource"}

    run()


def test_a_cancelled_call_stops_and_is_not_answered() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served, old_client(served) as client:
            await client.initialize()
            await client.post(message("tools/call", {"name": "test_slow"}, identifier=1))
            await backend.started.wait()
            await client.post(message("notifications/cancelled", {"requestId": 1}, identifier=None))
            await backend.cancelled.wait()
            assert (await client.ask("ping", identifier=2))["id"] == 2

    run()


def test_the_newest_revision_is_spoken_here_too() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            found = await client.ask("server/discover", {"_meta": META})
            assert found["result"]["supportedVersions"] == ["2026-07-28"]

    run()


def test_a_stream_that_ends_takes_its_session_and_its_calls_with_it() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served:
            async with old_client(served) as client:
                await client.initialize()
                await client.post(message("tools/call", {"name": "test_slow"}))
                await backend.started.wait()
            await backend.cancelled.wait()
            await until(lambda: not served.transport.streams.open)
            assert (await client.post(message("ping"))).status == 404
            assert (backend.watchers, served.endpoint._open) == (0, set())

    run()


@pytest.mark.parametrize("query", ["", "?session_id=", "?session_id=unknown", "?other=x", "?session_id=%ff"])
def test_an_unknown_session_is_refused(query: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            answer = await post(served.port, message("ping"), base_headers(), path=f"/messages{query}")
            assert answer.refusal == (404, -32600)

    run()


def test_a_stream_cannot_be_used_with_another_token() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend(), verify=bearer_token("s3cret")) as served, connected(served.port) as stream:
            await stream.send("GET", "/sse", {"Authorization": "Bearer s3cret"})
            assert (await stream.head()).status == 200
            endpoint = (await anext(stream.events())).data
            assert (await post(served.port, message("ping"), base_headers(), path=endpoint)).status == 401

    run()


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("POST", "/sse", "GET"), ("DELETE", "/sse", "GET"), ("GET", "/messages", "POST")]
)
def test_other_methods_are_told_what_there_is(method: str, path: str, allowed: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            answer = await fetch(served.port, method, path, base_headers())
            assert (answer.status, answer.headers["allow"]) == (405, allowed)

    run()


def test_streams_and_calls_are_bounded() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        limits = WireLimits(streams=1, calls_per_session=1)
        async with serving(backend, limits=limits) as served, old_client(served) as client:
            assert (await fetch(served.port, "GET", "/sse", {})).status == 503
            await client.post(message("tools/call", {"name": "test_slow"}, identifier=1))
            await backend.started.wait()
            assert (await client.post(message("ping", identifier=2))).status == 503
            backend.let_go.set()
            assert (await client.hear())["id"] == 1

    run()


def test_a_client_that_does_not_read_cannot_pile_up_answers() -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        limits = WireLimits(backlog_bytes=10_000)
        async with serving(backend, limits=limits) as served, connected(served.port) as stream:
            await stream.send("GET", "/sse", {"Accept": "text/event-stream"})
            await stream.head()
            events = stream.events()
            client = OldClient(served.port, events, (await anext(events)).data)
            statuses: list[int] = []
            while 503 not in statuses[-3:] and len(statuses) < 2_000:
                said = message("tools/list", identifier=len(statuses))
                statuses.append((await client.post(said)).status)
            assert set(statuses) == {202, 503}
            ((_, duplex),) = served.transport._sse._open.values()
            assert duplex.outbox._size_waiting < 100_000
            # What tells the server something, and asks nothing, is still taken.
            cancelled = message("notifications/cancelled", {"requestId": 1}, identifier=None)
            assert (await client.post(cancelled)).status == 202
            heard = [(await client.hear())["id"] for _ in range(statuses.count(202))]
            assert heard == [number for number, status in enumerate(statuses) if status == 202]
            assert (await client.ask("ping", identifier="again"))["id"] == "again"

    run()


def test_what_a_connection_makes_us_remember_is_bounded() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            await client.initialize()
            for number in range(256):
                assert (await client.ask("resources/subscribe", {"uri": f"test://{number}"}))["result"] == {}
            refused = await client.ask("resources/subscribe", {"uri": "test://one-too-many"})
            assert refused["error"]["code"] == -32602
            assert (await client.ask("resources/subscribe", {"uri": "test://5"}))["result"] == {}
            assert (await client.ask("resources/unsubscribe", {"uri": "test://5"}))["result"] == {}
            long = await client.ask("resources/subscribe", {"uri": "test://" + "x" * 20_000})
            assert long["error"]["code"] == -32602
            assert (await client.ask("resources/subscribe", {"uri": "test://one-more"}))["result"] == {}

    run()


def test_the_endpoint_of_one_of_many_servers_is_its_own() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            hosted = {name: Endpoint(FixtureBackend()) for name in ("acme", "other")}
            served.transport._resolve = serve_many(hosted.get)
            async with old_client(served, "/mcp/acme/sse") as client:
                assert client.endpoint.startswith("/mcp/acme/messages?session_id=")
                assert (await client.ask("ping"))["result"] == {}
                elsewhere = client.endpoint.replace("acme", "other")
                assert (await post(served.port, message("ping"), base_headers(), path=elsewhere)).status == 404

    run()


def test_json_with_line_breaks_stays_one_event() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_client(served) as client:
            said = json.dumps(message("ping", identifier="a\nb"), indent=2).encode()
            await client.post(said)
            assert (await client.hear())["id"] == "a\nb"

    run()
