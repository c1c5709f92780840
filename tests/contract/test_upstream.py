"""The contract of the `Upstream` port, held by every adapter: what is sent, byte for byte, and what comes back."""

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from msgspec.structs import replace

from apifold.core.errors import AppError
from apifold.core.limits import CallLimits
from apifold.core.requests.model import Origin, UpstreamResponse
from apifold.gateway.failures import FailureKind
from support.adapters import Lab, at, failure, get, post
from support.loops import on_loop
from support.upstream_lab import OK, RawUpstream, answering, canary

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.wire


# What is sent


@on_loop
async def test_request_arrives_byte_for_byte_with_host_first_and_length_last(lab: Lab) -> None:
    async with RawUpstream(answering(OK)) as upstream, lab.client() as client:
        target = "/a%2Fb/../c//d;x=1/%7E~!$&'()*+,=:@?y=[1]|\"<>&z=%zz&e="
        request = post(
            at(upstream),
            target,
            ("X-zEBRA", "1"),
            ("accept", "*/*"),
            ("X-Twice", "b"),
            ("X-Twice", "a"),
            ("X-Latin", "\xe9\t~"),
            ("X-Empty", ""),
            body=b"\x00\xff\r\n",
        )
        response = await client.send(request, timeout=5)
        assert response == UpstreamResponse(200, (("content-length", "2"),), b"ok", truncated=False)
    assert (
        upstream.received
        == (
            f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{upstream.port}\r\nX-zEBRA: 1\r\naccept: */*\r\nX-Twice: b\r\n"
            "X-Twice: a\r\nX-Latin: \xe9\t~\r\nX-Empty: \r\nContent-Length: 4\r\n\r\n"
        ).encode("utf-8" if not lab.ours else "latin-1")
        + b"\x00\xff\r\n"
    )


@on_loop
async def test_request_without_body_has_a_length_only_where_the_method_expects_one(lab: Lab) -> None:
    async with RawUpstream(answering(OK)) as upstream, lab.client() as client:
        for method in ("GET", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"):
            await client.send(replace(get(at(upstream)), method=method), timeout=5)
        assert len(upstream.peers) == 1
    with_length = {"POST", "PUT", "PATCH"} if lab.ours else {"POST", "PUT", "PATCH", "DELETE"}
    assert upstream.received.decode() == "".join(
        f"{method} / HTTP/1.1\r\nHost: 127.0.0.1:{upstream.port}\r\n"
        + ("Content-Length: 0\r\n" if method in with_length else "")
        + "\r\n"
        for method in ("GET", "DELETE", "POST", "PUT", "PATCH", "OPTIONS")
    )


@on_loop
async def test_large_body_arrives_whole(lab: Lab) -> None:
    body = bytes(range(256)) * 8192
    async with RawUpstream(answering(OK)) as upstream, lab.client() as client:
        await client.send(post(at(upstream), body=body), timeout=10)
    assert upstream.received.partition(b"\r\n\r\n")[2] == body


@on_loop
async def test_default_port_and_ipv6_stand_in_the_host_field_as_they_should(lab: Lab) -> None:
    async with RawUpstream(answering(OK), host="::1") as upstream, lab.client() as client:
        await client.send(get(Origin("http", "::1", upstream.port)), timeout=5)
        await client.send(get(Origin("http", "0:0:0:0:0:0:0:1", upstream.port)), timeout=5)
    request = f"GET / HTTP/1.1\r\nHost: [::1]:{upstream.port}\r\n\r\n".encode()
    assert upstream.received == request * 2


@pytest.mark.parametrize(
    "change",
    [
        {"headers": (("X", "a\r\nEvil: 1"),)},
        {"headers": (("X", "a\nb"),)},
        {"headers": (("X", "a\x00b"),)},
        {"headers": (("X", "\u20ac"),)},
        {"headers": (("X: 1\r\nEvil", "a"),)},
        {"headers": (("X Y", "a"),)},
        {"headers": (("X:", "a"),)},
        {"headers": (("", "a"),)},
        {"headers": (("host", "evil.test"),)},
        {"headers": (("Content-Length", "99"),)},
        {"headers": (("Transfer-Encoding", "chunked"),)},
        {"headers": (("Connection", "close"),)},
        {"method": "GET / HTTP/1.1\r\nEvil: 1\r\n\r\nGET"},
        {"method": ""},
        {"target": "/a b"},
        {"target": "/a\r\nEvil: 1"},
        {"target": "a"},
        {"target": "http://evil.test/"},
        {"target": "/\xe9"},
        {"target": ""},
        {"origin": None},
        {"origin": Origin("ftp", "127.0.0.1", 21)},
    ],
)
@on_loop
async def test_request_that_would_not_be_one_message_is_never_sent(lab: Lab, change: dict[str, Any]) -> None:
    async with RawUpstream(canary) as upstream, lab.client() as client:
        request = replace(get(at(upstream)), **change)
        with pytest.raises(AppError) as caught:
            await client.send(request, timeout=5)
        assert caught.value.code == "request.unsendable"
        assert "Evil" not in caught.value.message or "headers" in change
    assert upstream.peers == []


# What comes back


@on_loop
async def test_header_names_are_lowered_and_repeats_kept_in_order(lab: Lab) -> None:
    raw = b"HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nX-B: \xe9 \t\r\nSET-COOKIE: b=2\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"
    assert await lab.answer(raw) == UpstreamResponse(
        201,
        (("set-cookie", "a=1"), ("x-b", "\xe9"), ("set-cookie", "b=2"), ("x-empty", ""), ("content-length", "0")),
        b"",
        truncated=False,
    )


@pytest.mark.parametrize(
    ("raw", "close", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n",
            False,
            b"abcdefg",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n", False, b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", True, b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", True, b"until the end"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", True, b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\n", True, b""),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", False, b"a"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 1\r\n\r\na", False, b"a"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", False, b"a"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + OK, False, b"ok"),
    ],
)
@on_loop
async def test_content_is_framed_in_every_way_that_http_has(lab: Lab, raw: bytes, close: bool, body: bytes) -> None:
    response = await lab.answer(raw, close=close)
    assert (response.body, response.truncated) == (body, False)
    assert "x-trailer" not in dict(response.headers)
    assert "link" not in dict(response.headers)


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Encoding: gzip\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
@on_loop
async def test_answer_without_content_ends_with_its_head_and_the_connection_is_kept(
    lab: Lab, method: str, raw: bytes
) -> None:
    async with RawUpstream(answering(raw, OK)) as upstream, lab.client() as client:
        first = await client.send(replace(get(at(upstream)), method=method), timeout=5)
        second = await client.send(get(at(upstream)), timeout=5)
        assert (first.body, second.body, len(upstream.peers)) == (b"", b"ok", 1)


@on_loop
async def test_head_without_length_is_answered_at_once(lab: Lab) -> None:
    response = await lab.answer(b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", method="HEAD")
    assert response == UpstreamResponse(200, (("x", "1"),), b"", truncated=False)


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda content: bytes(brotli.compress(content, quality=5)),
    "zstd": zstd.compress,
    "GZIP": gzip.compress,
    "identity": bytes,
}


def coded(coding: str, content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        coding.encode(),
        len(content),
        content,
    )


@pytest.mark.parametrize("coding", CODERS)
@on_loop
async def test_content_coding_is_removed(lab: Lab, coding: str) -> None:
    content = b'{"a": [1, 2, 3]}' * 5000
    assert (await lab.answer(coded(coding, CODERS[coding](content)))).body == content


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@on_loop
async def test_bomb_costs_no_more_than_the_cap(lab: Lab, coding: str) -> None:
    raw = coded(coding, CODERS[coding](bytes(10_000_000)))
    limits = CallLimits(response_bytes=100_000)
    async with RawUpstream(answering(raw)) as upstream, lab.client(call_limits=limits) as client:
        response = await client.send(get(at(upstream)), timeout=5)
        assert (response.body, response.truncated) == (bytes(100_000), True)


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", b"not gzip at all"),
        ("gzip", gzip.compress(b"content" * 100, mtime=0)[:-9]),
        ("deflate", zlib.compress(b"content" * 100)[:-9]),
        ("br", brotli.compress(b"content" * 100)[:-2]),
        ("zstd", zstd.compress(b"content" * 100)[:-2]),
        ("br", b"\xff\xff\xff\xff"),
        ("zstd", b"\xff\xff\xff\xff"),
        ("compress", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0)),
    ],
)
@on_loop
async def test_content_that_contradicts_its_coding_is_an_error(lab: Lab, coding: str, content: bytes) -> None:
    async with RawUpstream(answering(coded(coding, content))) as upstream, lab.client() as client:
        assert await failure(client, get(at(upstream))) == (FailureKind.DECODE, True)


@on_loop
async def test_empty_content_needs_no_coding(lab: Lab) -> None:
    assert (await lab.answer(coded("gzip", b""))).body == b""
    assert (await lab.answer(coded("unheard-of", b""))).body == b""
