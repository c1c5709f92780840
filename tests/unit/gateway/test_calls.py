"""The way back to a caller while its call is running."""

import asyncio
import json
from typing import Any

import pytest

from apifold.core.errors import AppError
from apifold.core.limits import WireLimits
from apifold.core.mcp.messages import Response
from apifold.core.mcp.revisions import V2025_06_18, V2025_11_25, V2026_07_28, Revision
from apifold.core.policy.access import ANONYMOUS
from apifold.gateway.calls import CallChannel, Scope, fit_question, legacy_scope, missing_capabilities
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Caller
from apifold.gateway.sessions import Session
from support.loops import on_loop

QUICK = WireLimits(progress_seconds=0.01, keepalive_seconds=0.02)


class Heard:
    """Implements `calls.Sink`."""

    message_bytes = 0

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.signs = 0
        self.detached: list[float] = []
        self.something = asyncio.Event()

    async def send(self, message: bytes) -> None:
        self.messages.append(json.loads(message))
        self.something.set()

    async def keepalive(self) -> None:
        self.signs += 1
        self.something.set()

    def detach(self, retry_seconds: float) -> None:
        self.detached.append(retry_seconds)


def scope(meta: Any = None, level: str = "", revision: Revision = V2026_07_28) -> Scope:
    return Scope(revision, Caller(), meta or {}, level)


@pytest.mark.parametrize("token", ["t", 7, 0, ""])
def test_progress_goes_to_who_asked_for_it_and_only_forward(token: object) -> None:
    @on_loop
    async def look() -> None:
        heard = Heard()
        channel = CallChannel(heard, scope({"progressToken": token}), Patience())
        for value in (0, 50, 50, 20, 100):
            await channel.progress(value, 100 if value else None, "half" if value == 50 else "")
        channel.close()
        said = [message["params"] for message in heard.messages]
        assert said == [
            {"progressToken": token, "progress": 0},
            {"progressToken": token, "progress": 50, "total": 100, "message": "half"},
            {"progressToken": token, "progress": 100, "total": 100},
        ]

    look()


@pytest.mark.parametrize("meta", [{}, {"progressToken": None}, {"progressToken": [1]}, {"progressToken": True}])
def test_nobody_is_told_who_did_not_ask(meta: Any) -> None:
    @on_loop
    async def look() -> None:
        heard = Heard()
        channel = CallChannel(heard, scope(meta), Patience())
        await channel.progress(1)
        channel.close()
        assert heard.messages == []

    look()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("", []), ("debug", ["debug", "info", "error"]), ("info", ["info", "error"]), ("emergency", [])],
)
def test_log_messages_below_the_wanted_level_are_not_sent(wanted: str, told: list[str]) -> None:
    @on_loop
    async def look() -> None:
        heard = Heard()
        channel = CallChannel(heard, scope(level=wanted), Patience())
        for level in ("debug", "info", "error"):
            await channel.log(level, {"a": 1}, "db")
        channel.close()
        assert [message["params"] for message in heard.messages] == [
            {"level": level, "data": {"a": 1}, "logger": "db"} for level in told
        ]

    look()


@on_loop
async def test_a_slow_call_that_asked_for_progress_is_told_that_it_still_runs() -> None:
    heard = Heard()
    channel = CallChannel(heard, scope({"progressToken": "t"}), Patience(limits=QUICK))
    await heard.something.wait()
    channel.close()
    first = heard.messages[0]["params"]
    assert first == {"progressToken": "t", "progress": 0.01, "message": "Still running after 0.01 s"}


@on_loop
async def test_a_backend_that_reports_for_itself_is_not_talked_over() -> None:
    heard = Heard()
    channel = CallChannel(heard, scope({"progressToken": "t"}), Patience(limits=QUICK))
    await channel.progress(1, 2)
    heard.something.clear()
    await heard.something.wait()
    channel.close()
    assert len(heard.messages) == 1
    assert heard.signs == 1


@pytest.mark.parametrize("meta", [{}, {"progressToken": [1]}])
def test_a_slow_call_that_asked_for_nothing_is_kept_alive(meta: Any) -> None:
    @on_loop
    async def look() -> None:
        heard = Heard()
        channel = CallChannel(heard, scope(meta), Patience(limits=QUICK))
        await heard.something.wait()
        channel.close()
        assert (heard.messages, heard.signs) == ([], 1)

    look()


@on_loop
async def test_nothing_is_sent_for_a_call_that_is_over() -> None:
    heard = Heard()
    channel = CallChannel(heard, scope({"progressToken": "t"}), Patience(limits=QUICK))
    await heard.something.wait()
    channel.close()
    count = len(heard.messages)
    await asyncio.sleep(0.05)
    assert len(heard.messages) == count


@on_loop
async def test_a_quick_call_never_knows_of_the_signs_of_life() -> None:
    heard = Heard()
    channel = CallChannel(heard, scope({"progressToken": "t"}), Patience(limits=QUICK))
    channel.close()
    await asyncio.sleep(0.05)
    assert (heard.messages, heard.signs) == ([], 0)


@on_loop
async def test_a_client_without_a_session_cannot_be_asked() -> None:
    channel = CallChannel(Heard(), scope(revision=V2025_11_25), Patience())
    with pytest.raises(AppError, match="cannot be asked"):
        await channel.request("roots/list", {})
    channel.close()


@on_loop
async def test_a_client_is_asked_only_for_what_it_declared() -> None:
    session = Session("s", ANONYMOUS)
    session.capabilities = {"roots": {}}
    heard = Heard()
    channel = CallChannel(heard, legacy_scope({}, V2025_11_25, ANONYMOUS, session), Patience())
    with pytest.raises(AppError, match="sampling"):
        await channel.request("sampling/createMessage", {})
    asking = asyncio.ensure_future(channel.request("roots/list", {}))
    await heard.something.wait()
    session.resolve(Response("q1", {"roots": []}, None))
    assert await asking == {"roots": []}
    channel.close()


ELICIT: Any = {"method": "elicitation/create", "params": {"mode": "form", "message": "?"}}
URL: Any = {"method": "elicitation/create", "params": {"mode": "url", "url": "https://x.test"}}
SAMPLE: Any = {"method": "sampling/createMessage", "params": {}}
ROOTS: Any = {"method": "roots/list"}


@pytest.mark.parametrize(
    ("requests", "declared", "lacking"),
    [
        ({}, {}, {}),
        ({"a": ELICIT, "b": SAMPLE, "c": ROOTS}, {}, {"elicitation": {}, "sampling": {}, "roots": {}}),
        ({"a": ELICIT, "b": SAMPLE}, {"elicitation": {}, "sampling": {}}, {}),
        ({"a": ELICIT}, {"elicitation": {"form": {}}}, {}),
        ({"a": URL}, {"elicitation": {}}, {"elicitation": {"url": {}}}),
        ({"a": URL}, {"elicitation": {"url": {}}}, {}),
        ({"a": ELICIT}, {"elicitation": None}, {"elicitation": {}}),
        ({"a": {"method": "other"}}, {}, {}),
    ],
)
def test_what_a_client_lacks_is_named_as_a_capability(requests: Any, declared: Any, lacking: Any) -> None:
    assert missing_capabilities(requests, declared) == lacking


def test_a_question_is_put_in_the_words_of_the_revision() -> None:
    params = ELICIT["params"]
    assert fit_question("elicitation/create", params, V2025_06_18) == {"message": "?"}
    assert fit_question("elicitation/create", params, V2025_11_25) == params
    assert fit_question("sampling/createMessage", params, V2025_06_18) == params
