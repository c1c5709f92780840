"""Bytes to messages, whole or refused."""

import pytest

from apifold.core.limits import WIRE, WireLimits
from apifold.gateway.reader import PIPELINED, Message, Phase, RequestReader

SMALL = WireLimits(body_bytes=10, head_bytes=200, url_bytes=50, headers=5)


def read(data: bytes, limits: WireLimits = WIRE, *, step: int = 0) -> tuple[int | None, list[Message]]:
    """Feed in pieces of `step` bytes (all at once by default), until the caller is refused."""
    reader = RequestReader(limits)
    status: int | None = None
    for start in range(0, len(data), step or len(data)):
        status = reader.feed(data[start : start + (step or len(data))])
        if status is not None:
            break
    return status, list(reader.messages)


def message(**changes: object) -> Message:
    fields = {
        "method": "GET",
        "path": "/",
        "query": "",
        "headers": {"host": "x"},
        "body": b"",
        "keep": True,
        "old": False,
    }
    return Message(**(fields | changes))  # type: ignore[arg-type]  # each is a field of a message


@pytest.mark.parametrize("step", [0, 1, 7])
def test_message_is_the_same_however_its_bytes_are_cut(step: int) -> None:
    data = (
        b"POST /a%2Fb/../c?x=1&y?z HTTP/1.1\r\nHost: x\r\nX-Latin:  \xe9 \t\r\nX-Twice: 1\r\nx-twice: 2\r\nEmpty:\r\n"
        b"Content-Length: 5\r\n\r\nhello"
    )
    headers = {"host": "x", "x-latin": "\xe9", "x-twice": "1, 2", "empty": "", "content-length": "5"}
    expected = message(method="POST", path="/a%2Fb/../c", query="x=1&y?z", headers=headers, body=b"hello")
    assert read(data, step=step) == (None, [expected])


@pytest.mark.parametrize("step", [0, 1])
def test_chunks_are_joined_and_trailers_dropped(step: int) -> None:
    data = (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n"
        b"Authorization: stolen\r\nHost: evil\r\n\r\n"
    )
    headers = {"host": "x", "transfer-encoding": "Chunked"}
    assert read(data, step=step) == (None, [message(method="POST", headers=headers, body=b"abcdefg")])


@pytest.mark.parametrize("step", [0, 1, 13])
def test_messages_that_follow_one_another_are_kept_apart(step: int) -> None:
    data = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: y\r\nContent-Length: 1\r\n\r\naGET /3 HTTP/1.1\r\nHost: z\r\n\r\n"
    assert read(data, step=step) == (
        None,
        [
            message(path="/1"),
            message(method="POST", path="/2", headers={"host": "y", "content-length": "1"}, body=b"a"),
            message(path="/3", headers={"host": "z"}),
        ],
    )


@pytest.mark.parametrize(
    ("line", "path", "query", "host"),
    [
        ("GET http://other:1/p?q HTTP/1.1", "/p", "q", "other:1"),
        ("GET HTTP://other HTTP/1.1", "/", "", "other"),
        ("GET http://other?q HTTP/1.1", "/", "q", "other"),
        ("OPTIONS * HTTP/1.1", "*", "", "x"),
        ("GET /? HTTP/1.1", "/", "", "x"),
        ("GET //a HTTP/1.1", "//a", "", "x"),
    ],
)
def test_target_has_the_forms_that_a_request_line_may_have(line: str, path: str, query: str, host: str) -> None:
    status, messages = read(f"{line}\r\nHost: x\r\n\r\n".encode())
    assert (status, [(m.path, m.query, m.headers["host"]) for m in messages]) == (None, [(path, query, host)])


@pytest.mark.parametrize(
    ("head", "keep", "old"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True, False),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False, False),
        (b"GET / HTTP/1.0\r\n\r\n", False, True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, True),
    ],
)
def test_caller_says_whether_the_connection_lives_on(head: bytes, keep: bool, old: bool) -> None:
    status, messages = read(head)
    assert (status, [(m.keep, m.old) for m in messages]) == (None, [(keep, old)])


@pytest.mark.parametrize("step", [0, 1, 60])
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        (b"Expect: 100-continue\r\nContent-Length: 5", b"hello"),
    ],
)
def test_message_that_offers_another_protocol_is_read_like_any_other(framing: bytes, body: bytes, step: int) -> None:
    """Java's client offers HTTP/2 with its first request, the body of a POST included."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAA\r\nUpgrade: h2c\r\n"
    data = b"POST /mcp?a HTTP/1.1\r\nHost: x\r\n" + offer + b"X-A: \xe9 \r\n" + framing + b"\r\n\r\n" + body
    status, messages = read(data + b"GET / HTTP/1.1\r\nHost: y\r\n\r\n", step=step)
    assert (status, len(messages)) == (None, 2)
    first = messages[0]
    assert (first.method, first.path, first.query, first.body, first.keep) == ("POST", "/mcp", "a", b"hello", True)
    assert (first.headers["x-a"], first.headers["host"]) == ("\xe9", "x")
    assert not first.headers.keys() & {"upgrade", "http2-settings", "connection"}
    assert messages[1] == message(headers={"host": "y"})


def test_message_without_content_that_offers_another_protocol_is_read_too() -> None:
    data = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert read(data) == (None, [message(path="/ws", headers={"host": "x", "connection": "close"}, keep=False)])
    refused, messages = read(data.replace(b"close, ", b"") + b"\x81\x05hello")
    assert (refused, [m.path for m in messages]) == (400, ["/ws"])


@pytest.mark.parametrize("framing", [b"Content-Length: 11", b"Transfer-Encoding: gzip"])
def test_offer_of_another_protocol_is_no_way_around_a_bound(framing: bytes) -> None:
    data = POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + framing + b"\r\n\r\n" + b"a" * 11
    assert read(data, SMALL) == (413 if framing.startswith(b"Content") else 501, [])


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400),
        (b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
        (POST + b"Content-Length: +1\r\n\r\na", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_message_that_two_readers_might_read_differently_is_refused(data: bytes, status: int, step: int) -> None:
    assert read(data, step=step) == (status, [])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 60 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 300 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 300, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5 + b"\r\n", 431),
        (b"\r\n" * 200, 431),
        (POST + b"Content-Length: 11\r\n\r\n", 413),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n", 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 300, 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"e" * 300, 400),
    ],
)
@pytest.mark.parametrize("step", [0, 1, 50])
def test_message_that_goes_over_a_bound_is_refused_while_it_comes(data: bytes, status: int, step: int) -> None:
    refused, messages = read(data, SMALL, step=step)
    if step == 0 and data.endswith(b"e" * 300):  # one read is let through uncounted; the next one is not
        assert (refused, messages) == (None, [])
    else:
        assert (refused, messages) == (status, [])


def test_truncated_message_is_no_message() -> None:
    reader = RequestReader(WIRE)
    assert reader.feed(POST + b"Content-Length: 5\r\n\r\nhell") is None
    assert (list(reader.messages), reader.phase) == ([], Phase.BODY)


def test_no_more_messages_are_taken_from_one_read_than_the_bound() -> None:
    status, messages = read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (PIPELINED + 1))
    assert (status, len(messages)) == (0, PIPELINED)


def test_caller_that_waits_to_be_told_to_continue_is_noticed() -> None:
    reader = RequestReader(WIRE)
    reader.feed(POST + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
    assert reader.expects_continue
    reader.feed(b"hello")
    assert not reader.expects_continue


def test_reader_goes_without_the_garbage_collector() -> None:
    reader = RequestReader(WIRE)
    reader.feed(b"GET / HTTP/1.1\r\n")
    reader.release()
    assert list(reader.messages) == []
