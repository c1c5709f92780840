"""Places leased in blocks by several processes: never more than there are, and none left lying."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from apifold.usage.leases import IDLE_SECONDS, Key, Lease, Leases, share
from support.effects import ManualClock
from support.loops import on_loop

MONTH = Key("ws_1", "2026-11")


@dataclass
class Places:
    """What the store has to do, without a database: one number that is never above the limit."""

    limit: int
    handed_out: int = 0
    asked: list[int] = field(default_factory=list)
    away: bool = False
    gate: asyncio.Event | None = None

    async def take(self, key: Key, want: int) -> int:
        assert key == MONTH
        self.asked.append(want)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise ConnectionError("away")
        amount = share(want, self.limit - self.handed_out)
        self.handed_out += amount
        return amount

    async def give_back(self, key: Key, amount: int) -> None:
        assert key == MONTH
        if self.away:
            raise ConnectionError("away")
        self.handed_out -= amount
        assert self.handed_out >= 0


@pytest.mark.parametrize(
    ("want", "remaining", "amount"),
    [(8, 1_000, 8), (100, 1_000, 62), (8, 32, 2), (8, 20, 1), (8, 1, 1), (8, 0, 0), (0, 5, 0)],
)
def test_share_shrinks_to_one_place_near_the_limit(want: int, remaining: int, amount: int) -> None:
    assert share(want, remaining) == amount


def test_blocks_grow_while_they_are_used_up_fast_and_shrink_when_they_last() -> None:
    lease = Lease()
    blocks = []
    for now in (0.0, 0.5, 0.9, 1.4, 10.0, 60.0, 200.0):
        lease = lease.ask().answer(lease.block, now)
        blocks.append(lease.block)
    assert blocks == [8, 16, 32, 64, 64, 32, 16]


def test_store_that_has_nothing_is_not_asked_again_at_once() -> None:
    lease = Lease().ask().answer(0, 5.0)
    assert [lease.should_ask(now) for now in (5.0, 5.9, 6.0)] == [False, False, True]
    assert lease.spend(6.0) is None


def test_one_question_at_a_time_and_ahead_of_need() -> None:
    lease = Lease()
    assert lease.should_ask(0.0)
    assert not lease.ask().should_ask(0.0)
    full = lease.ask().answer(8, 0.0)
    assert [replace(full, left=left).should_ask(0.0) for left in (5, 4, 0)] == [False, True, True]
    last = lease.ask().answer(1, 0.0)
    assert not last.should_ask(0.0), "near the limit nothing is taken ahead of need"


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, list[tuple[str, int, int]]]:
    processes = draw(st.integers(1, 4))
    steps = st.tuples(
        st.sampled_from(["spend", "spend", "ask", "arrive", "answer", "refund", "idle", "crash"]),
        st.integers(0, processes - 1),
        st.integers(0, 3),
    )
    return draw(st.integers(0, 60)), processes, draw(st.lists(steps, max_size=200))


@dataclass
class Process:
    """The pure machine, with a question on its way to the store, or an answer on its way back."""

    lease: Lease = field(default_factory=Lease)
    asked: int | None = None
    answer: int | None = None
    spent: int = 0


@settings(max_examples=300, deadline=None)
@given(histories())
def test_limit_holds_whatever_happens_in_whatever_order(
    history: tuple[int, int, list[tuple[str, int, int]]],
) -> None:
    limit, count, steps = history
    processes = [Process() for _ in range(count)]
    handed_out, gone, now = 0, 0, 0.0
    for what, who, seconds in steps:
        now += seconds
        process = processes[who]
        lease = process.lease
        match what:
            case "spend" if (spent := lease.spend(now)) is not None:
                process.lease, process.spent = spent, process.spent + 1
            case "ask" if lease.should_ask(now):
                process.lease, process.asked = lease.ask(), lease.block
            case "arrive" if process.asked is not None:
                process.answer, process.asked = share(process.asked, limit - handed_out), None
                handed_out += process.answer
            case "answer" if process.answer is not None:
                process.lease, process.answer = lease.answer(process.answer, now), None
            case "refund" if process.spent:
                process.lease, process.spent = lease.refund(), process.spent - 1
            case "idle" if lease.is_idle(now):
                handed_out -= lease.left
                process.lease = Lease()
            case "crash":
                gone += process.spent + lease.left + (process.answer or 0)
                processes[who] = Process()
            case _:
                pass
        held = sum(p.spent + p.lease.left + (p.answer or 0) for p in processes)
        assert held + gone == handed_out <= limit


@on_loop
async def test_every_place_is_used_exactly_once_by_processes_that_race() -> None:
    store, clock = Places(limit=500), ManualClock()
    processes = [Leases(store, clock) for _ in range(3)]
    spent = 0

    async def call(leases: Leases) -> None:
        nonlocal spent
        for _ in range(30):
            if await leases.spend(MONTH):
                spent += 1
                assert spent <= 500
            await asyncio.sleep(0)

    await asyncio.gather(*(call(leases) for leases in processes for _ in range(10)))
    for leases in processes:
        await leases.close()
    assert store.handed_out == spent
    clock.time += 2
    last = Leases(store, clock)
    while await last.spend(MONTH):
        spent += 1
    assert (spent, store.handed_out) == (500, 500)


@on_loop
async def test_far_from_the_limit_calls_need_hardly_any_round_trip() -> None:
    store = Places(limit=1_000_000)
    leases = Leases(store, ManualClock())
    for _ in range(10_000):
        assert await leases.spend(MONTH)
        await asyncio.sleep(0)
    assert len(store.asked) < 25
    await leases.close()
    assert store.handed_out == 10_000


@on_loop
async def test_callers_that_wait_share_one_question() -> None:
    store = Places(limit=100, gate=asyncio.Event())
    leases = Leases(store, ManualClock())
    waiting = [asyncio.create_task(leases.spend(MONTH)) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert store.asked == [8]
    assert store.gate is not None
    store.gate.set()
    assert (await asyncio.gather(*waiting[1:])) == [True] * 4
    await leases.close()
    assert store.handed_out == 4


@on_loop
async def test_call_that_did_not_count_gives_its_place_to_the_next() -> None:
    store = Places(limit=1)
    leases = Leases(store, ManualClock())
    assert [await leases.spend(MONTH), await leases.spend(MONTH)] == [True, False]
    leases.refund(MONTH)
    assert await leases.spend(MONTH)
    await leases.close()
    assert store.handed_out == 1


@on_loop
async def test_what_nobody_uses_is_given_back() -> None:
    store, clock = Places(limit=100), ManualClock()
    leases = Leases(store, clock)
    await leases.spend(MONTH)
    clock.time += IDLE_SECONDS - 1
    await leases.sweep()
    assert store.handed_out > 1
    clock.time += 1
    await leases.sweep()
    assert store.handed_out == 1
    await leases.close()


@on_loop
async def test_store_that_is_away_hands_out_nothing_and_loses_nothing() -> None:
    store, clock = Places(limit=100), ManualClock()
    failures: list[BaseException] = []
    leases = Leases(store, clock, on_failure=failures.append)
    assert await leases.spend(MONTH)
    store.away = True
    spent = 1
    while await leases.spend(MONTH):
        spent += 1
    assert spent == store.handed_out
    leases.refund(MONTH)
    clock.time += IDLE_SECONDS
    await leases.sweep()
    assert [type(failure) for failure in failures] == [ConnectionError] * 2
    store.away = False
    await leases.close()
    assert store.handed_out == spent - 1
