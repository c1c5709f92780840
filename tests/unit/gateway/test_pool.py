"""Who gets a connection, in the moments that a socket test cannot hit."""

import asyncio
import gc

import pytest

from apifold.core.limits import CALL, PoolLimits
from apifold.core.requests.model import Origin
from apifold.gateway.connection import Connection
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.reader import RequestReader
from apifold.gateway.upstream.connection import UpstreamConnection
from apifold.gateway.upstream.pool import Pool
from support.adapters import Lab, get
from support.callers import echo, serving
from support.loops import on_loop

ORIGIN = Origin("http", "api.test", 80)


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def pool(**limits: float) -> Pool:
    return Pool(ORIGIN, asyncio.get_running_loop(), CALL, PoolLimits(**limits))  # type: ignore[arg-type]  # fields of limits


def connected(pool: Pool) -> UpstreamConnection:
    connection = pool.connection()
    connection.connection_made(Wire())
    connection.reusable = True
    return connection


@on_loop
async def test_turn_that_comes_as_its_call_is_cancelled_goes_to_the_next() -> None:
    one = pool(per_origin=1)
    assert await one.turn(1) is None
    connection = connected(one)
    first, second = (asyncio.ensure_future(one.turn(1)) for _ in range(2))
    await asyncio.sleep(0)
    one.release(connection, keep=True)
    first.cancel()
    assert await second is connection
    assert (one.open, first.cancelled()) == (1, True)


@on_loop
async def test_permission_that_comes_as_its_call_is_cancelled_goes_to_the_next() -> None:
    one = pool(per_origin=1)
    assert await one.turn(1) is None
    first, second = (asyncio.ensure_future(one.turn(1)) for _ in range(2))
    await asyncio.sleep(0)
    one.give_up()
    first.cancel()
    assert await second is None
    assert one.open == 1


@on_loop
async def test_place_of_a_call_that_left_the_queue_is_free() -> None:
    one = pool(per_origin=1, waiting=1)
    await one.turn(1)
    for _ in range(3):
        waiting = asyncio.ensure_future(one.turn(0.01))
        await asyncio.sleep(0)
        assert not waiting.done()
        with pytest.raises(UpstreamFailure) as caught:
            await waiting
        assert caught.value.kind is FailureKind.OVERLOADED
    one.give_up()
    assert (one.open, one.unused) == (0, True)


@on_loop
async def test_connection_that_was_lost_while_idle_gives_its_place_to_another() -> None:
    one = pool(per_origin=1)
    await one.turn(1)
    connection = connected(one)
    one.release(connection, keep=True)
    connection.connection_lost(None)
    assert (one.open, one.idle, one.take()) == (0, [], None)


@on_loop
async def test_old_connection_is_not_kept() -> None:
    one = pool(age_seconds=10)
    await one.turn(1)
    connection = connected(one)
    one.expire(connection.born + 11)
    one.release(connection, keep=True)
    assert (one.idle, one.open) == ([], 0)


@on_loop
async def test_last_used_connection_is_used_first() -> None:
    one = pool()
    kept = []
    for _ in range(2):
        await one.turn(1)
        kept.append(connected(one))
    for connection in kept:
        one.release(connection, keep=True)
    assert [one.take(), one.take(), one.take()] == [kept[1], kept[0], None]


def alive() -> int:
    return sum(isinstance(thing, UpstreamConnection | Connection | RequestReader) for thing in gc.get_objects())


@on_loop
async def test_connections_go_without_the_garbage_collector() -> None:
    gc.collect()
    before = alive()
    gc.disable()
    try:
        async with serving(echo) as served, Lab.ours_alone().client() as client:
            await client.send(get(Origin("http", "127.0.0.1", served.port)), timeout=5)
            assert alive() == before + 3
        served.exchanges.clear()
        await asyncio.sleep(0.01)
        assert alive() == before
    finally:
        gc.enable()
