"""Messages that wait for a caller: order, bounds, merging, coming back."""

import asyncio

import pytest

from apifold.core.limits import WireLimits
from apifold.gateway.streams import KEEPALIVE, Outbox, event, pump
from support.exchanges import Recorded
from support.loops import on_loop

SMALL = WireLimits(backlog_bytes=10, keepalive_seconds=0.02)


def drained(outbox: Outbox) -> list[bytes]:
    found = []
    while (item := outbox.take()) is not None:
        found.append(item.message)
    return found


def test_an_event_is_one_message_on_one_line() -> None:
    assert event(b'{"a":\n1}') == b'event: message\ndata: {"a": 1}\n\n'
    assert event(b"{}", "3-7") == b"id: 3-7\nevent: message\ndata: {}\n\n"


@on_loop
async def test_messages_come_out_in_the_order_they_went_in() -> None:
    outbox = Outbox()
    outbox.attach()
    for number in range(5):
        outbox.push(b"%d" % number)
    assert drained(outbox) == [b"0", b"1", b"2", b"3", b"4"]


@on_loop
async def test_what_waits_under_the_same_key_is_said_once() -> None:
    outbox = Outbox()
    outbox.attach()
    for message, key in [(b"a", "x"), (b"a", "x"), (b"b", "y"), (b"a", "x")]:
        outbox.push(message, key)
    assert drained(outbox) == [b"a", b"b"]
    outbox.push(b"a", "x")
    assert drained(outbox) == [b"a"]


@on_loop
async def test_who_produces_for_a_slow_reader_waits() -> None:
    outbox = Outbox(limits=SMALL)
    outbox.attach()
    await outbox.put(b"x" * 11)
    waiting = asyncio.ensure_future(outbox.put(b"next"))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert outbox.take() is not None
    await waiting
    assert drained(outbox) == [b"next"]


@on_loop
async def test_an_outbox_says_when_it_is_full_and_when_there_is_room() -> None:
    outbox = Outbox(limits=SMALL)
    outbox.attach()
    outbox.push(b"x" * 10)
    assert not outbox.full
    await outbox.room()
    outbox.push(b"x")
    assert outbox.full
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.take()
    await waiting
    assert not outbox.full


@on_loop
async def test_nobody_waits_for_a_reader_that_is_gone() -> None:
    outbox = Outbox(limits=SMALL, kept=25)
    reader = outbox.attach()
    outbox.push(b"x" * 20)
    waiting = asyncio.ensure_future(outbox.put(b"a" * 10))
    await asyncio.sleep(0)
    outbox.detach(reader)
    await waiting
    await outbox.put(b"b" * 10)
    outbox.attach()
    assert drained(outbox) == [b"a" * 10, b"b" * 10]


@on_loop
async def test_the_last_message_is_kept_however_large_it_is() -> None:
    outbox = Outbox(kept=5)
    for message in (b"first", b"second", b"the answer, which is long"):
        outbox.push(message)
    outbox.attach()
    assert drained(outbox) == [b"the answer, which is long"]


@on_loop
async def test_a_reader_can_start_again_from_what_is_kept() -> None:
    outbox = Outbox(kept=12)
    outbox.attach()
    for message in (b"one__", b"two__", b"three"):
        outbox.push(message)
    assert len(drained(outbox)) == 3
    assert [outbox.rewind(number) for number in (0, 4, -1)] == [False, False, False]
    assert outbox.rewind(1)
    assert drained(outbox) == [b"two__", b"three"]
    assert outbox.rewind(3)
    assert drained(outbox) == []


@on_loop
async def test_only_the_latest_reader_reads() -> None:
    outbox = Outbox()
    first = outbox.attach()
    second = outbox.attach()
    assert (outbox.is_reader(first), outbox.is_reader(second)) == (False, True)
    outbox.detach(first)
    assert outbox.is_reader(second)
    outbox.detach(second)
    assert not outbox.is_reader(second)


@on_loop
async def test_nothing_follows_after_the_end() -> None:
    outbox = Outbox()
    outbox.attach()
    outbox.push(b"a")
    outbox.close()
    outbox.push(b"b")
    assert drained(outbox) == [b"a"]


@on_loop
async def test_a_pump_writes_until_the_end_and_says_the_last_word() -> None:
    outbox, exchange = Outbox(), Recorded()
    reader = outbox.attach()
    outbox.push(b"a")
    running = asyncio.ensure_future(pump(outbox, exchange, reader=reader, stream=4, last=b"bye"))
    await asyncio.sleep(0)
    outbox.push(b"b")
    outbox.close()
    await running
    assert exchange.written == [event(b"a", "4-1"), event(b"b", "4-2"), b"bye"]
    assert exchange.ended


@on_loop
async def test_a_caller_that_goes_away_reads_no_more() -> None:
    outbox = Outbox(limits=SMALL, kept=100)
    reader = outbox.attach()
    running = asyncio.ensure_future(pump(outbox, Recorded(), reader=reader))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert not outbox.is_reader(reader)
    await outbox.put(b"x" * 11)
    await outbox.put(b"nobody waits")


@on_loop
async def test_a_silent_stream_is_kept_alive() -> None:
    outbox, exchange = Outbox(), Recorded()
    running = asyncio.ensure_future(pump(outbox, exchange, reader=outbox.attach(), limits=SMALL))
    await exchange.wrote(2)
    outbox.close()
    await running
    assert exchange.written[:2] == [KEEPALIVE, KEEPALIVE]


@on_loop
async def test_a_released_reader_is_told_when_to_come_back() -> None:
    outbox, exchange = Outbox(kept=100), Recorded()
    reader = outbox.attach()
    outbox.push(b"a")
    outbox.release(0.5)
    await pump(outbox, exchange, reader=reader, stream=1)
    assert exchange.written == [event(b"a", "1-1"), b"retry: 500\n\n"]
    outbox.push(b"b")
    outbox.close()
    again = Recorded()
    await pump(outbox, again, reader=outbox.attach(), stream=1)
    assert again.written == [event(b"b", "1-2")]


@pytest.mark.parametrize(
    ("pushed", "alone", "last"), [((b"a",), b"a", b"a"), ((b"a", b"b"), None, b"b"), ((), None, None)]
)
def test_an_answer_that_came_alone_is_known(pushed: tuple[bytes, ...], alone: bytes | None, last: bytes | None) -> None:
    @on_loop
    async def look() -> None:
        outbox = Outbox(kept=100)
        outbox.attach()
        for message in pushed:
            outbox.push(message)
        assert outbox.take_last(even_if_not_alone=True) is None
        outbox.close()
        await outbox.finished()
        found = outbox.take_last(even_if_not_alone=False)
        assert (found and found.message) == alone
        found = outbox.take_last(even_if_not_alone=True)
        assert (found and found.message) == last

    look()
