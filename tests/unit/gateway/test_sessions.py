"""What is remembered between messages of one client, and when it is forgotten."""

import asyncio
import json

import pytest

from apifold.core.limits import WireLimits
from apifold.core.mcp.messages import Response
from apifold.core.policy.access import ANONYMOUS, Principal, PrincipalKind
from apifold.gateway.sessions import NotAnswered, Session, Sessions
from apifold.gateway.streams import Outbox
from support.effects import CountingEntropy, ManualClock
from support.loops import on_loop

OWNER, OTHER = object(), object()
SOMEBODY = Principal(PrincipalKind.TOKEN, "tok_1")
LIMITS = WireLimits(sessions=3, session_idle_seconds=100, calls_per_session=2, answer_seconds=0.01)


def store(clock: ManualClock | None = None) -> Sessions:
    return Sessions(clock or ManualClock(), CountingEntropy(), limits=LIMITS)


def opened(sessions: Sessions, principal: Principal = ANONYMOUS) -> Session:
    session = sessions.open(OWNER, principal)
    assert session is not None
    return session


async def for_ever() -> None:
    await asyncio.Event().wait()


@on_loop
async def test_a_session_belongs_to_one_endpoint_and_one_caller() -> None:
    sessions = store()
    session = opened(sessions, SOMEBODY)
    assert sessions.find(session.id, OWNER, SOMEBODY) is session
    assert sessions.find(session.id, OTHER, SOMEBODY) is None
    assert sessions.find(session.id, OWNER, ANONYMOUS) is None
    assert sessions.find("unknown", OWNER, SOMEBODY) is None


@on_loop
async def test_ids_are_visible_ascii_and_differ() -> None:
    sessions = store()
    ids = {sessions.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(i) == 32 and all("\x21" <= c <= "\x7e" for c in i) for i in ids)


@on_loop
async def test_an_idle_session_is_forgotten() -> None:
    clock = ManualClock()
    sessions = store(clock)
    session = opened(sessions)
    clock.time += 100
    assert sessions.find(session.id, OWNER, ANONYMOUS) is session
    clock.time += 100.5
    assert sessions.find(session.id, OWNER, ANONYMOUS) is None
    assert len(sessions) == 0


@on_loop
async def test_idle_sessions_are_dropped_when_new_ones_come() -> None:
    clock = ManualClock()
    sessions = store(clock)
    opened(sessions)
    opened(sessions)
    clock.time += 101
    opened(sessions)
    assert len(sessions) == 1


@on_loop
async def test_the_least_recently_used_session_makes_room() -> None:
    clock = ManualClock()
    sessions = store(clock)
    first, second, third = opened(sessions), opened(sessions), opened(sessions)
    clock.time += 1
    sessions.find(first.id, OWNER, ANONYMOUS)
    fourth = opened(sessions)
    alive = [s for s in (first, second, third, fourth) if sessions.find(s.id, OWNER, ANONYMOUS)]
    assert alive == [first, third, fourth]
    assert len(sessions) == 3


@on_loop
async def test_a_session_in_use_is_neither_idle_nor_evicted() -> None:
    clock = ManualClock()
    sessions = store(clock)
    listening, working, third = opened(sessions), opened(sessions), opened(sessions)
    listening.watchers.append(Outbox())
    working.run(b"1", for_ever())
    clock.time += 1_000
    assert sessions.find(listening.id, OWNER, ANONYMOUS) is listening
    fourth = opened(sessions)
    assert sessions.find(third.id, OWNER, ANONYMOUS) is None
    assert sessions.find(working.id, OWNER, ANONYMOUS) is working
    fourth.watchers.append(Outbox())
    assert sessions.open(OWNER, ANONYMOUS) is None
    sessions.close()
    await asyncio.sleep(0)
    assert len(sessions) == 0


@on_loop
async def test_ten_thousand_sessions_that_nobody_ends_leave_no_more_than_the_bound() -> None:
    sessions = store()
    for _ in range(10_000):
        opened(sessions)
    assert len(sessions) == 3


@on_loop
async def test_a_call_is_cancelled_by_its_id_as_it_was_written() -> None:
    session = Session("s", ANONYMOUS, limits=LIMITS)
    session.run(b"1", for_ever())
    session.run(b'"1"', for_ever())
    assert session.busy
    session.cancel(2)
    session.cancel(None)
    session.cancel("1")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (session.is_running(b"1"), session.is_running(b'"1"'), session.busy) == (True, False, False)
    session.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not session.is_running(b"1")


@on_loop
async def test_a_question_gets_the_answer_with_its_id() -> None:
    session = Session("s", ANONYMOUS)
    sent: list[bytes] = []

    async def send(message: bytes) -> None:
        sent.append(message)
        session.resolve(Response("q9", {"not": "mine"}, None))
        session.resolve(Response(1, {"not": "mine"}, None))
        session.resolve(Response("q1", {"action": "accept"}, None))
        session.resolve(Response("q1", {"too": "late"}, None))

    assert await session.ask("elicitation/create", {"message": "?"}, send) == {"action": "accept"}
    asked = {"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": {"message": "?"}}
    assert json.loads(sent[0]) == asked
    assert session._questions == {}


@pytest.mark.parametrize(
    ("error", "words"), [({"code": -1, "message": "the person said no"}, "the person said no"), ({}, "it refused")]
)
def test_a_refused_question_is_a_failure(error: dict[str, str | int], words: str) -> None:
    @on_loop
    async def look() -> None:
        session = Session("s", ANONYMOUS)

        async def send(_: bytes) -> None:
            session.resolve(Response("q1", {}, dict(error)))

        with pytest.raises(NotAnswered, match=words):
            await session.ask("roots/list", {}, send)

    look()


@on_loop
async def test_a_question_is_not_waited_for_for_ever() -> None:
    session = Session("s", ANONYMOUS, limits=LIMITS)

    async def send(_: bytes) -> None:
        return

    with pytest.raises(NotAnswered, match="too long"):
        await session.ask("roots/list", {}, send)


@on_loop
async def test_a_stream_is_found_by_the_id_of_an_event() -> None:
    session = Session("s", ANONYMOUS)
    first, outbox = session.open_stream()
    second, other = session.open_stream()
    outbox.push(b"a")
    assert session.resume(f"{first}-0") == (first, outbox)
    assert session.resume(f"{second}-0") == (second, other)
    for odd in ("", "-", "1", "1-", "-0", "3-0", "1-5", "x-0", "1-x", "1-0-0", "9" * 50 + "-0", "²-0"):
        assert session.resume(odd) is None


@on_loop
async def test_old_streams_are_forgotten_but_not_those_of_calls_at_work() -> None:
    session = Session("s", ANONYMOUS)
    numbers = [session.open_stream()[0] for _ in range(40)]
    kept = [number for number in numbers if session.resume(f"{number}-0")]
    assert kept == numbers[-16:]
