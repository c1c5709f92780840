"""One server, whatever it is reached by: it follows its backend, and every failure is an answer."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import ToolResult
from apifold.core.mcp.handler import CallTool, Complete, Discover, GetPrompt, Kind, ListItems, ReadResource
from apifold.core.mcp.messages import Response
from apifold.core.mcp.outcome import Answer, Filter, Refusal
from apifold.core.mcp.revisions import V2025_11_25, V2026_07_28, Revision
from apifold.core.policy.access import ANONYMOUS
from apifold.core.values import JSONObject
from apifold.gateway.calls import CallChannel, Scope
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Caller, InputRequired, Listing
from apifold.gateway.sessions import Session
from apifold.gateway.streams import Outbox
from support.fixture_backend import ASK_ROOTS, REGION, FixtureBackend
from support.loops import on_loop


class Silent:
    """A sink; with a session, one whose client answers every question."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session

    async def send(self, message: bytes) -> None:
        if self.session is not None:
            self.session.resolve(Response(json.loads(message)["id"], {"roots": []}, None))

    async def keepalive(self) -> None:
        return

    message_bytes = 0

    def detach(self, retry_seconds: float) -> None:
        del retry_seconds


def scope(revision: Revision = V2026_07_28, session: Session | None = None, **capabilities: Any) -> Scope:
    return Scope(revision, Caller(capabilities=capabilities), {}, "", session)


def said(outcome: Answer | Refusal) -> Any:
    return json.loads(outcome.body)


class Broken(FixtureBackend):
    """Fails in every way it is asked to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def tools(self, *_: Any) -> Listing:
        raise self.error

    async def call_tool(self, *_: Any) -> ToolResult | InputRequired:
        raise self.error

    async def read_resource(self, *_: Any) -> Sequence[JSONObject]:
        raise self.error

    async def get_prompt(self, *_: Any) -> JSONObject | InputRequired:
        raise self.error

    async def complete(self, *_: Any) -> Sequence[str]:
        raise self.error


CALLS: list[Any] = [
    CallTool("t", {}),
    GetPrompt("p", {}),
    ReadResource("a://b"),
    Complete({"type": "ref/prompt"}, {"name": "a", "value": ""}, {}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call).__name__)
def test_a_crash_is_reported_and_told_without_its_details(call: Any) -> None:
    @on_loop
    async def run() -> None:
        heard: list[tuple[str, BaseException]] = []
        crash = ValueError("password=hunter2")
        endpoint = Endpoint(Broken(crash), on_crash=lambda what, error: heard.append((what, error)))
        channel = CallChannel(Silent(), scope(), Patience())
        answer = said(await endpoint.settle(call, b"1", scope(), channel))
        channel.close()
        assert answer["error"] == {"code": -32603, "message": "Internal error"}
        assert heard == [(type(call).__name__, crash)]

    run()


def test_a_list_that_cannot_be_made_is_one_failed_request() -> None:
    heard: list[str] = []
    crashing = Endpoint(Broken(ValueError("x")), on_crash=lambda what, _: heard.append(what))
    asked = ListItems(Kind.TOOLS, "")
    assert said(crashing.answer(asked, b"1", scope()))["error"] == {"code": -32603, "message": "Internal error"}
    assert heard == ["listing tools"]
    refusing = Endpoint(Broken(AppError("a.b", "the document is gone", category=ErrorCategory.UNAVAILABLE)))
    assert said(refusing.answer(asked, b"1", scope()))["error"] == {"code": -32603, "message": "the document is gone"}


@on_loop
async def test_a_list_that_cannot_be_prepared_is_one_failed_request() -> None:
    async def prepare() -> None:
        raise ValueError("x")

    heard: list[str] = []
    endpoint = Endpoint(FixtureBackend(), on_crash=lambda what, _: heard.append(what))
    failed = said(await endpoint.answer_later(prepare(), ListItems(Kind.TOOLS, ""), b"1", scope()))
    assert (failed["error"], heard) == ({"code": -32603, "message": "Internal error"}, ["preparing a list"])


def test_our_own_internal_errors_are_reported_too() -> None:
    @on_loop
    async def run() -> None:
        heard: list[str] = []
        error = AppError("pipeline.broken", "details", category=ErrorCategory.INTERNAL)
        endpoint = Endpoint(Broken(error), on_crash=lambda what, _: heard.append(what))
        channel = CallChannel(Silent(), scope(), Patience())
        answer = said(await endpoint.settle(CallTool("t", {}), b"1", scope(), channel))
        channel.close()
        assert answer["error"] == {"code": -32603, "message": "Internal error"}
        assert heard == ["pipeline.broken"]

    run()


@on_loop
async def test_a_server_that_changes_says_so_at_once() -> None:
    backend = FixtureBackend()
    endpoint = Endpoint(backend)
    before = said(endpoint.answer(Discover(), b"1", scope()))["result"]
    backend.description = replace(backend.description, title="Renamed", tools=False)
    after = said(endpoint.answer(Discover(), b"1", scope()))["result"]
    assert before["_meta"]["io.modelcontextprotocol/serverInfo"]["title"] == "Fixture server"
    assert after["_meta"]["io.modelcontextprotocol/serverInfo"]["title"] == "Renamed"
    assert ("tools" in before["capabilities"], "tools" in after["capabilities"]) == (True, False)


@on_loop
async def test_mirrored_arguments_follow_the_list_of_tools() -> None:
    backend = FixtureBackend()
    endpoint = Endpoint(backend)
    call = CallTool("test_mirrored", {"region": "eu"})
    assert endpoint.header_mismatch(call, {}, Caller()) == "Header mismatch: mcp-param-region is missing"
    assert endpoint.header_mismatch(call, {"mcp-param-region": "eu"}, Caller()) == ""
    plain: JSONObject = {"name": "test_mirrored", "inputSchema": {"type": "object"}}
    backend.listing = Listing(2, (plain,))
    assert endpoint.header_mismatch(call, {}, Caller()) == ""
    backend.listing = Listing(3, ({"name": "test_mirrored", "inputSchema": REGION},))
    assert endpoint.header_mismatch(call, {}, Caller()) != ""
    backend.description = replace(backend.description, mirrored_headers=False)
    assert endpoint.header_mismatch(call, {}, Caller()) == ""


class Insatiable(FixtureBackend):
    asked = 0

    async def call_tool(self, *_: Any) -> InputRequired:
        self.asked += 1
        return InputRequired({"roots": ASK_ROOTS}, str(self.asked))


@on_loop
async def test_a_call_that_never_has_enough_comes_to_an_end() -> None:
    backend = Insatiable()
    session = Session("s", ANONYMOUS)
    session.capabilities = {"roots": {}}
    silent = Silent(session)
    asking = Scope(V2025_11_25, Caller(capabilities=session.capabilities), {}, "", session)
    channel = CallChannel(silent, asking, Patience())
    answer = said(await Endpoint(backend).settle(CallTool("t", {}), b"1", asking, channel))
    channel.close()
    assert answer["result"]["isError"]
    assert "too often" in answer["result"]["content"][0]["text"]
    assert backend.asked == 9


@on_loop
async def test_notices_follow_what_is_wanted_at_the_time_and_end() -> None:
    backend = FixtureBackend()
    endpoint = Endpoint(backend)
    wanted = [Filter()]
    outbox = Outbox()
    outbox.attach()
    end = endpoint.watch(lambda: wanted[0], outbox)
    backend.announce("tools")
    wanted[0] = Filter(tools=True)
    backend.announce("tools")
    assert outbox.take() is not None
    assert outbox.take() is None
    end()
    backend.announce("tools")
    assert outbox.take() is None
    assert (backend.watchers, outbox.closed) == (0, False)
    endpoint.watch(lambda: wanted[0], outbox)
    endpoint.close()
    assert outbox.closed
