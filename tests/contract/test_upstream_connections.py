"""The contract of the `Upstream` port about connections: kept, counted, queued for, cancelled."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
from msgspec.structs import replace

from apifold.core.limits import CALL, POOL
from apifold.core.requests.model import Origin, UpstreamRequest, UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from support.adapters import Lab, at, failure, get, post
from support.loops import on_loop
from support.resolver_lab import ScriptedResolver
from support.upstream_lab import OK, Peer, RawUpstream, answering

pytestmark = pytest.mark.wire


@on_loop
async def test_one_connection_carries_many_calls(lab: Lab) -> None:
    async with RawUpstream(answering(OK)) as upstream, lab.client() as client:
        for _ in range(20):
            await client.send(get(at(upstream)), timeout=5)
        assert len(upstream.peers) == 1


@on_loop
async def test_connection_that_the_answer_closes_is_not_used_again(lab: Lab) -> None:
    raw = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with RawUpstream(answering(raw)) as upstream, lab.client() as client:
        await client.send(get(at(upstream)), timeout=5)
        await client.send(get(at(upstream)), timeout=5)
        assert len(upstream.peers) == 2


@on_loop
async def test_idle_connection_is_closed_after_its_time(lab: Lab) -> None:
    limits = replace(POOL, idle_seconds=0.1)
    async with RawUpstream(answering(OK)) as upstream, lab.client(limits=limits) as client:
        await client.send(get(at(upstream)), timeout=5)
        await upstream.peers[0].closed.wait()


async def _stale(lab: Lab, request: Callable[[Origin], UpstreamRequest]) -> tuple[RawUpstream, object]:
    """The first connection is closed by the upstream as it receives its second request, without a byte of an answer."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK)
        await peer.request()
        if len(upstream.peers) > 1:
            await peer.write(OK)

    async with RawUpstream(script) as upstream, lab.client() as client:
        await client.send(get(at(upstream)), timeout=5)
        try:
            return upstream, await client.send(request(at(upstream)), timeout=5)
        except UpstreamFailure as failed:
            return upstream, (failed.kind, failed.sent)


@on_loop
async def test_idempotent_call_on_a_connection_that_was_closed_is_sent_once_more(lab: Lab) -> None:
    upstream, result = await _stale(lab, get)
    assert isinstance(result, UpstreamResponse)
    assert result.body == b"ok"
    assert len(upstream.peers) == 2


@on_loop
async def test_other_call_on_a_connection_that_was_closed_is_not_repeated(lab: Lab) -> None:
    upstream, result = await _stale(lab, post)
    assert result == (FailureKind.CLOSED, True)
    assert len(upstream.peers) == 1


@on_loop
async def test_call_on_a_new_connection_is_never_repeated(lab: Lab) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with RawUpstream(script) as upstream, lab.client() as client:
        assert await failure(client, get(at(upstream))) == (FailureKind.CLOSED, True)
        assert len(upstream.peers) == 1


@on_loop
async def test_no_more_connections_than_the_cap_and_first_come_first_served(lab: Lab) -> None:
    gate = asyncio.Event()
    both = asyncio.Event()
    order: list[bytes] = []

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            order.append(request.split(b" ")[1])
            if len(order) == 2:
                both.set()
            await gate.wait()
            await peer.write(OK)

    limits = replace(POOL, per_origin=2)
    async with RawUpstream(script) as upstream, lab.client(limits=limits) as client:
        calls = []
        for number in range(8):
            calls.append(asyncio.ensure_future(client.send(get(at(upstream), f"/{number}"), timeout=5)))
            await asyncio.sleep(0)
        await both.wait()
        gate.set()
        assert {response.body for response in await asyncio.gather(*calls)} == {b"ok"}
        assert len(upstream.peers) == 2
    assert sorted(order[:2]) == [b"/0", b"/1"]
    assert [sorted(order[i : i + 2]) for i in (2, 4, 6)] == [[b"/2", b"/3"], [b"/4", b"/5"], [b"/6", b"/7"]]


async def _silent(peer: Peer) -> None:
    await peer.request()
    await peer.until_closed()


@on_loop
async def test_one_call_too_many_is_refused_at_once(lab: Lab) -> None:
    limits = replace(POOL, per_origin=1, waiting=1)
    async with RawUpstream(_silent) as upstream, lab.client(limits=limits) as client:
        calls = [asyncio.ensure_future(client.send(get(at(upstream)), timeout=5)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await failure(client, get(at(upstream))) == (FailureKind.OVERLOADED, False)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@on_loop
async def test_calls_over_all_origins_are_bounded(lab: Lab) -> None:
    limits = replace(POOL, calls=2)
    async with RawUpstream(_silent) as one, RawUpstream(_silent) as other, lab.client(limits=limits) as client:
        calls = [asyncio.ensure_future(client.send(get(at(upstream)), timeout=5)) for upstream in (one, other)]
        await asyncio.sleep(0)
        assert await failure(client, get(at(one))) == (FailureKind.OVERLOADED, False)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@on_loop
async def test_call_whose_turn_does_not_come_in_time_was_never_sent(lab: Lab) -> None:
    limits = replace(POOL, per_origin=1)
    async with RawUpstream(_silent) as upstream, lab.client(limits=limits) as client:
        first = asyncio.ensure_future(client.send(get(at(upstream)), timeout=5))
        await asyncio.sleep(0.01)
        assert await failure(client, get(at(upstream)), timeout=0.1) == (FailureKind.OVERLOADED, False)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


@on_loop
async def test_cancelled_call_closes_its_connection_at_once_and_frees_its_place(lab: Lab) -> None:
    arrived = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        if len(upstream.peers) > 1:
            await peer.write(OK)
        await peer.until_closed()

    limits = replace(POOL, per_origin=1)
    async with RawUpstream(script) as upstream, lab.client(limits=limits) as client:
        call = asyncio.ensure_future(client.send(get(at(upstream)), timeout=5))
        await arrived.wait()
        waiting = asyncio.ensure_future(client.send(get(at(upstream)), timeout=5))
        gone = asyncio.ensure_future(client.send(get(at(upstream)), timeout=5))
        await asyncio.sleep(0)
        gone.cancel()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await upstream.peers[0].closed.wait()
        assert (await waiting).body == b"ok"
        assert len(upstream.peers) == 2


@on_loop
async def test_call_cancelled_inside_its_answer_closes_the_connection(lab: Lab) -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        begun.set()
        await peer.until_closed()

    async with RawUpstream(script) as upstream, lab.client() as client:
        call = asyncio.ensure_future(client.send(get(at(upstream)), timeout=5))
        await begun.wait()
        await asyncio.sleep(0.01)
        call.cancel()
        await upstream.peers[0].closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await call


@on_loop
async def test_answer_may_come_before_the_body_is_sent(lab: Lab) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async with RawUpstream(script) as upstream, lab.client() as client:
        response = await client.send(post(at(upstream), body=bytes(8_000_000)), timeout=5)
        assert response.status == 413
        response = await client.send(post(at(upstream)), timeout=5)
        assert (response.status, len(upstream.peers)) == (413, 2)


@on_loop
async def test_closed_client_closes_its_connections(lab: Lab) -> None:
    async with RawUpstream(answering(OK)) as upstream:
        async with lab.client() as client:
            await client.send(get(at(upstream)), timeout=5)
        await upstream.peers[0].closed.wait()
        assert (await failure(client, get(at(upstream))))[1] is False


# No connection


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@on_loop
async def test_nobody_listening_is_a_failed_connection(lab: Lab) -> None:
    async with lab.client(limits=replace(POOL, per_origin=1)) as client:
        origin = Origin("http", "127.0.0.1", unused_port())
        for _ in range(3):  # the place of one that failed is free for the next
            assert await failure(client, get(origin), timeout=1) == (FailureKind.CONNECT_FAILED, False)


@on_loop
async def test_address_that_does_not_answer_costs_the_connect_time_only(lab: Lab) -> None:
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.setblocking(False)
        with suppress(BlockingIOError):
            filler.connect(listener.getsockname())
        await asyncio.sleep(0.01)
        limits = replace(CALL, connect_seconds=0.2)
        async with lab.client(call_limits=limits) as client:
            origin = Origin("http", "127.0.0.1", listener.getsockname()[1])
            assert await failure(client, get(origin)) == (FailureKind.CONNECT_TIMEOUT, False)


@on_loop
async def test_next_address_is_tried_when_one_does_not_answer(lab: Lab) -> None:
    resolver = ScriptedResolver(api_test=[["::1", "127.0.0.2", "127.0.0.1"]])
    async with RawUpstream(answering(OK)) as upstream, lab.client(resolver=resolver) as client:
        assert (await client.send(get(at(upstream, "api.test")), timeout=5)).body == b"ok"
        assert upstream.received.split(b"\r\n")[1] == f"Host: api.test:{upstream.port}".encode()


@on_loop
async def test_unknown_name_is_named(lab: Lab) -> None:
    async with lab.client(resolver=ScriptedResolver()) as client:
        assert await failure(client, get(Origin("http", "nobody.test", 80))) == (FailureKind.NAME_NOT_FOUND, False)
