"""Whatever is sent, the answer is an answer: nothing crashes, nothing stays behind."""

import asyncio
import gc
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from apifold.core.policy.access import ANONYMOUS
from apifold.gateway.calls import CallChannel
from apifold.gateway.duplex import Duplex
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience
from apifold.gateway.reply import Reply
from apifold.gateway.routes import serve_one
from apifold.gateway.sessions import Session
from apifold.gateway.streams import Outbox
from apifold.gateway.transport import MCPTransport
from support.effects import CountingEntropy, ManualClock
from support.exchanges import Recorded
from support.fixture_backend import TOOLS, FixtureBackend
from support.loops import on_loop
from support.mcp_server import serving
from support.raw_http import META, connected, fetch, initialize, legacy, message, modern, modern_message

METHODS = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "x",
]
TERMINATING = [name for name in TOOLS if name not in {"test_slow", "test_crash"}]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "name",
    "uri",
    "arguments",
    "cursor",
    "level",
    "ref",
    "argument",
    "inputResponses",
    "requestState",
    "requestId",
    "protocolVersion",
]
PARAMS = st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(TERMINATING), max_size=4)
META_VALUES = st.just(META) | st.dictionaries(st.sampled_from([*META, "progressToken"]), JSON, max_size=3) | JSON
MESSAGE = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | JSON, "method": st.sampled_from(METHODS) | JSON},
    optional={"id": st.integers() | st.text(max_size=5) | JSON, "params": PARAMS | JSON, "result": JSON, "error": JSON},
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "mcp-protocol-version": st.sampled_from(["2026-07-28", "2025-11-25", "2025-03-26", "2024-11-05", "x"]),
        "mcp-method": st.sampled_from(METHODS),
        "mcp-name": st.sampled_from(["test_simple_text", "=?base64?eA==?=", "=?base64?!?="]),
        "mcp-session-id": st.text(max_size=5),
        "accept": st.sampled_from(["application/json", "text/event-stream", "*/*", "text/html"]),
        "content-type": st.sampled_from(["application/json", "text/plain"]),
        "last-event-id": st.sampled_from(["1-0", "x", ""]),
        "origin": st.sampled_from(["http://localhost", "http://evil.test"]),
    },
)


def said_well(exchange: Recorded) -> None:
    assert 200 <= exchange.status < 600
    assert exchange.status != 500
    assert exchange.ended
    if exchange.fields.get("content-type") == "application/json":
        said = json.loads(exchange.answer)
        for one in said if isinstance(said, list) else [said]:
            assert one["jsonrpc"] == "2.0"
            assert ("result" in one) != ("error" in one)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=MESSAGE | st.lists(MESSAGE, max_size=3) | JSON, meta=META_VALUES, headers=HEADERS, sessions=st.booleans())
def test_any_message_is_answered(said: Any, meta: Any, headers: dict[str, str], sessions: bool) -> None:
    @on_loop
    async def run() -> None:
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, dict) and isinstance(one.get("params"), dict):
                one["params"]["_meta"] = meta
        backend = FixtureBackend()
        backend.description = replace(backend.description, sessions=sessions)
        crashes: list[BaseException] = []
        endpoint = Endpoint(backend, on_crash=lambda _, error: crashes.append(error))
        transport = MCPTransport(serve_one(endpoint), clock=ManualClock(), entropy=CountingEntropy())
        for method in ("POST", "DELETE"):
            exchange = Recorded(method, "/mcp", headers, json.dumps(said).encode())
            rest = transport.handle(exchange)
            if rest is not None:
                await rest
            said_well(exchange)
        # The fixture trips over arguments that its schemas forbid; a real backend checks them.
        assert all(isinstance(error, KeyError | TypeError | AttributeError) for error in crashes)

    run()


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    @on_loop
    async def run() -> None:
        endpoint = Endpoint(FixtureBackend())
        transport = MCPTransport(serve_one(endpoint), clock=ManualClock(), entropy=CountingEntropy())
        exchange = Recorded(body=data)
        assert transport.handle(exchange) is None
        assert exchange.status == 400
        duplex = Duplex(endpoint, ANONYMOUS, Patience())
        duplex.outbox.attach()
        duplex.receive(data)
        item = duplex.outbox.take()
        assert item is not None
        assert json.loads(item.message)["error"]["code"] in {-32700, -32600}
        duplex.close()

    run()


KEPT = (Session, Outbox, CallChannel, Reply, Duplex, Recorded)


def alive() -> Counter[str]:
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, KEPT))


@pytest.mark.wire
@on_loop
async def test_nothing_stays_behind_of_callers_that_came_and_went() -> None:
    backend = FixtureBackend()
    async with serving(backend) as served:

        async def visit(number: int) -> None:
            opened = await initialize(served.port, "2025-11-25")
            session = opened.headers["mcp-session-id"]
            params = {"name": "test_tool_with_progress", "_meta": {"progressToken": number}}
            await legacy(served.port, "2025-11-25", "tools/call", params, Mcp_Session_Id=session)
            await modern(served.port, "tools/call", params)
            await modern(served.port, "tools/call", {"name": "nope"})
            async with connected(served.port) as caller:
                listen = json.dumps(modern_message("subscriptions/listen", {"notifications": {}})).encode()
                headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
                await caller.send("POST", "/mcp", headers, listen)
                await caller.head()
            async with connected(served.port) as caller:
                await caller.send("GET", "/sse", {})
                await caller.head()
                endpoint = (await anext(caller.events())).data
                said = json.dumps(message("tools/call", {"name": "test_simple_text"})).encode()
                await fetch(served.port, "POST", endpoint, {"Content-Type": "application/json"}, said)
            await fetch(served.port, "DELETE", "/mcp", {"Mcp-Session-Id": session})

        await visit(0)
        before = alive()
        await asyncio.gather(*(visit(number) for number in range(1, 30)))
        for _ in range(100):
            if alive() <= before and not backend.watchers:
                break
            await asyncio.sleep(0.02)
        assert alive() <= before
        assert (backend.watchers, served.transport.streams.open, len(served.transport.sessions)) == (0, 0, 0)
        assert served.crashes == []
