"""The contract of the `Upstream` port against upstreams that are broken or mean harm: nothing unbounded, nothing in doubt."""

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from apifold.core.limits import CALL, POOL
from apifold.core.requests.model import UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from support.adapters import Lab, at, failure, get, post
from support.loops import on_loop
from support.upstream_lab import OK, Peer, RawUpstream, answering

pytestmark = pytest.mark.wire


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(100)) + b"\r\n",
    ],
)
@on_loop
async def test_answer_that_is_not_beyond_doubt_is_refused_and_the_connection_ended(lab: Lab, raw: bytes) -> None:
    async with RawUpstream(answering(raw)) as upstream, lab.client() as client:
        assert await failure(client, get(at(upstream))) == (FailureKind.PROTOCOL, True)
        await upstream.peers[0].closed.wait()


@pytest.mark.parametrize(
    "piece",
    [b"X: y\r\n", b"y" * 1000, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"],
    ids=["fields", "field", "interim"],
)
@on_loop
async def test_head_that_never_ends_is_bounded(lab: Lab, piece: bytes) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        if not piece.startswith(b"HTTP"):
            await peer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while await peer.write(piece * 10):
            sent += len(piece) * 10

    async with RawUpstream(script) as upstream, lab.client() as client:
        # aiohttp reads interim answers until the time is over; it does not keep them.
        timed = not lab.ours and piece.startswith(b"HTTP")
        expected = FailureKind.TIMEOUT if timed else FailureKind.PROTOCOL
        assert await failure(client, get(at(upstream)), timeout=0.3 if timed else 5) == (expected, True)
        await upstream.peers[0].closed.wait()
    assert timed or sent < 8_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["length", "close", "chunked"],
)
@on_loop
async def test_ten_gigabytes_are_read_up_to_the_cap_and_no_further(lab: Lab, head: bytes) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.write(head)
        block = b"x" * 65536
        piece = b"10000\r\n%b\r\n" % block if b"chunked" in head else block
        while await peer.write(piece):
            sent += len(block)

    limits = replace(CALL, response_bytes=1_000_000)
    async with RawUpstream(script) as upstream, lab.client(call_limits=limits) as client:
        response = await client.send(get(at(upstream)), timeout=5)
        assert (response.body, response.truncated) == (b"x" * 1_000_000, True)
        await upstream.peers[0].closed.wait()
    assert sent < 20_000_000


@on_loop
async def test_content_of_exactly_the_cap_is_whole(lab: Lab) -> None:
    limits = replace(CALL, response_bytes=2)
    async with RawUpstream(answering(OK)) as upstream, lab.client(call_limits=limits) as client:
        assert await client.send(get(at(upstream)), timeout=5) == UpstreamResponse(
            200, (("content-length", "2"),), b"ok", truncated=False
        )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
@on_loop
async def test_answer_that_breaks_off_is_not_an_answer(lab: Lab, raw: bytes, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(raw)
        if reset:
            peer.reset()

    async with RawUpstream(script) as upstream, lab.client() as client:
        assert await failure(client, post(at(upstream))) == (FailureKind.CLOSED, True)
        assert len(upstream.peers) == 1


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"]
)
@on_loop
async def test_upstream_that_hangs_or_drips_is_left_when_the_time_is_over(lab: Lab, start: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK)
        await peer.request()
        await peer.write(start)
        while start and await peer.write(b"x"):  # noqa: ASYNC110  # this is the drip
            await asyncio.sleep(0.01)
        await peer.until_closed()

    async with RawUpstream(script) as upstream, lab.client() as client:
        await client.send(get(at(upstream)), timeout=5)
        assert await failure(client, get(at(upstream)), timeout=0.2) == (FailureKind.TIMEOUT, True)
        await upstream.peers[0].closed.wait()


@pytest.mark.parametrize(
    "poison",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 2", b"x"],
)
@on_loop
async def test_byte_that_nobody_asked_for_never_becomes_an_answer(lab: Lab, poison: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK + poison)
        await peer.until_closed()

    async with RawUpstream(script) as upstream, lab.client() as client:
        answers = []
        for _ in range(3):
            with suppress(UpstreamFailure):  # aiohttp takes some of it for a broken answer
                answers.append((await client.send(get(at(upstream)), timeout=5)).body)
        assert set(answers) <= {b"ok"}
        assert (len(answers), len(upstream.peers)) == (3, 3) or not lab.ours


@on_loop
async def test_byte_on_an_idle_connection_ends_it(lab: Lab) -> None:
    poisoned = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK)
        if len(upstream.peers) == 1:
            await poisoned.wait()
            await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await peer.until_closed()

    limits = replace(POOL, idle_seconds=600)
    async with RawUpstream(script) as upstream, lab.client(limits=limits) as client:
        await client.send(get(at(upstream)), timeout=5)
        poisoned.set()
        if lab.ours:
            await upstream.peers[0].closed.wait()
        else:  # aiohttp leaves the bytes lying until it looks at the connection again
            await asyncio.sleep(0.05)
        assert (await client.send(get(at(upstream)), timeout=5)).body == b"ok"
