"""The contract of the `Upstream` port about where a connection goes: checked addresses only, and the real name in TLS."""

import asyncio
import ssl
from pathlib import Path

import pytest
from msgspec.structs import replace

from apifold.core.limits import CALL, POOL
from apifold.core.requests.destination import GLOBAL_ONLY, DestinationPolicy
from apifold.gateway.failures import FailureKind
from support.adapters import Lab, at, failure, get, post
from support.loops import on_loop
from support.resolver_lab import ScriptedResolver
from support.upstream_lab import OK, Authority, Peer, RawUpstream, answering, canary, found_authority

pytestmark = pytest.mark.wire


PUBLIC = DestinationPolicy.allowing(["127.0.0.2/32"])
"""Stands for the routable part of the network: of loopback only 127.0.0.2 is allowed."""
NO_MEMORY = replace(POOL, name_seconds=0.0)


@on_loop
async def test_name_that_points_elsewhere_after_the_first_connection_is_refused_at_the_next(lab: Lab) -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with RawUpstream(answering(closing), host="127.0.0.2") as good, RawUpstream(canary, port=good.port) as bird:
        resolver = ScriptedResolver(api_test=[["127.0.0.2"], ["127.0.0.1"]])
        async with lab.client(policy=PUBLIC, resolver=resolver, limits=NO_MEMORY) as client:
            assert (await client.send(get(at(good, "api.test")), timeout=5)).body == b"ok"
            assert await failure(client, get(at(good, "api.test"))) == (FailureKind.REFUSED_DESTINATION, False)
    assert (len(good.peers), bird.peers) == (1, [])
    assert resolver.asked == ["api.test", "api.test"]


@on_loop
async def test_name_is_resolved_once_for_check_and_connection_together(lab: Lab) -> None:
    async with RawUpstream(answering(OK), host="127.0.0.2") as good, RawUpstream(canary, port=good.port) as bird:
        resolver = ScriptedResolver(api_test=[["127.0.0.2"], ["127.0.0.1"]])
        async with lab.client(policy=PUBLIC, resolver=resolver, limits=NO_MEMORY) as client:
            await client.send(get(at(good, "api.test")), timeout=5)
    assert (good.received, bird.peers) == (f"GET / HTTP/1.1\r\nHost: api.test:{good.port}\r\n\r\n".encode(), [])
    assert resolver.asked == ["api.test"]


@on_loop
async def test_kept_connection_stays_with_the_address_that_was_checked(lab: Lab) -> None:
    async with RawUpstream(answering(OK), host="127.0.0.2") as good, RawUpstream(canary, port=good.port) as bird:
        resolver = ScriptedResolver(api_test=[["127.0.0.2"], ["127.0.0.1"]])
        async with lab.client(policy=PUBLIC, resolver=resolver) as client:
            for _ in range(3):
                await client.send(get(at(good, "api.test")), timeout=5)
    assert (len(good.peers), bird.peers) == (1, [])


@on_loop
async def test_stale_connection_is_not_repeated_at_an_address_that_is_refused(lab: Lab) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK)
        await peer.request()

    async with RawUpstream(script, host="127.0.0.2") as good, RawUpstream(canary, port=good.port) as bird:
        resolver = ScriptedResolver(api_test=[["127.0.0.2"], ["127.0.0.1"]])
        async with lab.client(policy=PUBLIC, resolver=resolver, limits=NO_MEMORY) as client:
            await client.send(get(at(good, "api.test")), timeout=5)
            kind, _ = await failure(client, get(at(good, "api.test")))
            assert kind is (FailureKind.REFUSED_DESTINATION)
    assert bird.peers == []


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "::1"]])
@on_loop
async def test_name_with_one_refused_address_is_not_connected_to_at_all(lab: Lab, addresses: list[str]) -> None:
    async with RawUpstream(canary, host="127.0.0.2") as good, RawUpstream(canary, port=good.port) as bird:
        resolver = ScriptedResolver(api_test=[addresses])
        async with lab.client(policy=PUBLIC, resolver=resolver) as client:
            assert await failure(client, get(at(good, "api.test"))) == (FailureKind.REFUSED_DESTINATION, False)
    assert (good.peers, bird.peers) == ([], [])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "::1",
        "[::1]",
        "::",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1%lo",
        "１２７.0.0.1",
        "ⓛocalhost",
    ],
)
@on_loop
async def test_no_spelling_of_this_machine_reaches_a_canary(lab: Lab, host: str) -> None:
    async with (
        RawUpstream(canary) as bird,
        RawUpstream(canary, host="::1", port=bird.port) as bird6,
        lab.client(policy=GLOBAL_ONLY) as client,
    ):
        assert await failure(client, get(at(bird, host))) == (FailureKind.REFUSED_DESTINATION, False)
    assert (bird.peers, bird6.peers) == ([], [])


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "fe80::1%lo", "0.0.0.0"]
)
@on_loop
async def test_name_that_resolves_to_this_machine_never_reaches_a_canary(lab: Lab, address: str) -> None:
    async with RawUpstream(canary) as bird, RawUpstream(canary, host="::1", port=bird.port) as bird6:
        resolver = ScriptedResolver(api_test=[[address]])
        async with lab.client(policy=GLOBAL_ONLY, resolver=resolver) as client:
            assert await failure(client, get(at(bird, "api.test"))) == (FailureKind.REFUSED_DESTINATION, False)
    assert (bird.peers, bird6.peers) == ([], [])


@on_loop
async def test_redirect_is_an_answer_and_is_not_followed(lab: Lab) -> None:
    async with RawUpstream(canary) as bird:
        raw = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{bird.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with RawUpstream(answering(raw)) as upstream, lab.client() as client:
            response = await client.send(post(at(upstream), body=b"secret"), timeout=5)
            assert (response.status, response.header("location")) == (307, f"http://127.0.0.1:{bird.port}/")
    assert bird.peers == []


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return found_authority(Path(tmp_path_factory.mktemp("certificates")))


@on_loop
async def test_tls_goes_to_the_checked_address_with_the_real_name(lab: Lab, authority: Authority) -> None:
    async with RawUpstream(answering(OK), host="127.0.0.2", tls=authority.serving("api.test")) as upstream:
        resolver = ScriptedResolver(api_test=[["127.0.0.2"]])
        async with lab.client(policy=PUBLIC, resolver=resolver, tls=authority.trusting()) as client:
            for _ in range(2):
                response = await client.send(get(at(upstream, "API.test", "https")), timeout=5)
                assert response.body == b"ok"
        assert [peer.server_name for peer in upstream.peers] == ["api.test"]
        assert upstream.received.split(b"\r\n")[1] == f"Host: api.test:{upstream.port}".encode()


@on_loop
async def test_certificate_for_another_name_is_refused_before_a_byte_of_the_request(
    lab: Lab, authority: Authority
) -> None:
    async with RawUpstream(canary, tls=authority.serving("other.test")) as bird:
        resolver = ScriptedResolver(api_test=[["127.0.0.1"]])
        async with lab.client(resolver=resolver, tls=authority.trusting()) as client:
            assert await failure(client, get(at(bird, "api.test", "https"))) == (FailureKind.TLS_FAILED, False)
    assert bird.received == b""


@on_loop
async def test_certificate_of_an_unknown_authority_is_refused(lab: Lab, authority: Authority) -> None:
    async with RawUpstream(canary, tls=authority.serving("127.0.0.1")) as bird, lab.client() as client:
        assert await failure(client, get(at(bird, scheme="https"))) == (FailureKind.TLS_FAILED, False)
    assert bird.received == b""


@on_loop
async def test_certificate_for_an_address_is_checked_against_that_address(lab: Lab, authority: Authority) -> None:
    async with (
        RawUpstream(answering(OK), tls=authority.serving("127.0.0.1")) as upstream,
        RawUpstream(canary, tls=authority.serving("127.0.0.9")) as bird,
        lab.client(tls=authority.trusting()) as client,
    ):
        assert (await client.send(get(at(upstream, scheme="https")), timeout=5)).body == b"ok"
        assert await failure(client, get(at(bird, scheme="https"))) == (FailureKind.TLS_FAILED, False)
    assert bird.received == b""


@on_loop
async def test_connection_kept_for_one_name_is_not_used_for_another_at_the_same_address(
    lab: Lab, authority: Authority
) -> None:
    async with RawUpstream(answering(OK), tls=authority.serving("api.test")) as upstream:
        resolver = ScriptedResolver(api_test=[["127.0.0.1"]], evil_test=[["127.0.0.1"]])
        async with lab.client(resolver=resolver, tls=authority.trusting()) as client:
            await client.send(get(at(upstream, "api.test", "https")), timeout=5)
            assert await failure(client, get(at(upstream, "evil.test", "https"))) == (FailureKind.TLS_FAILED, False)
    assert b"evil" not in upstream.received


@on_loop
async def test_plain_http_behind_https_is_a_tls_failure(lab: Lab, authority: Authority) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with RawUpstream(script) as upstream, lab.client(tls=authority.trusting()) as client:
        kind, sent = await failure(client, get(at(upstream, scheme="https")))
        assert (kind in {FailureKind.TLS_FAILED, FailureKind.CONNECT_FAILED}, sent) == (True, False)


@on_loop
async def test_cancelled_call_closes_a_tls_connection_at_once(lab: Lab, authority: Authority) -> None:
    arrived = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.until_closed()

    serving = authority.serving("127.0.0.1")
    async with RawUpstream(script, tls=serving) as upstream, lab.client(tls=authority.trusting()) as client:
        call = asyncio.ensure_future(client.send(get(at(upstream, scheme="https")), timeout=5))
        await arrived.wait()
        call.cancel()
        await upstream.peers[0].closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await call


@on_loop
async def test_handshake_that_hangs_is_left_after_the_connect_time(lab: Lab, authority: Authority) -> None:
    limits = replace(CALL, connect_seconds=0.2)
    async with RawUpstream(canary) as bird, lab.client(call_limits=limits, tls=authority.trusting()) as client:
        assert await failure(client, get(at(bird, scheme="https"))) == (FailureKind.CONNECT_TIMEOUT, False)
        await bird.peers[0].closed.wait()


def test_default_context_verifies_names_and_certificates() -> None:
    context = ssl.create_default_context()
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
