"""What callers of our HTTP server see, told with raw sockets."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress

import pytest
from msgspec.structs import replace

from apifold.core.errors import AppError
from apifold.core.limits import WIRE
from apifold.gateway.ports import Exchange
from apifold.gateway.server import HTTPServer
from support.callers import QUICK, Answer, echo, request, serving
from support.loops import on_loop

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("loop_kind")]

JSON = (("content-type", "application/json"),)
Work = Coroutine[None, None, None]


def ok(exchange: Exchange) -> None:
    exchange.respond(200, (), exchange.path.encode())


def later(work: Callable[[Exchange], Work]) -> Callable[[Exchange], Work]:
    return work


# Answers


@on_loop
async def test_exchange_tells_what_was_asked_and_answers_it() -> None:
    async with serving(echo) as served:
        answer = await served.ask(request("POST /a%2Fb?x=%20 HTTP/1.1", "X-B:  \xe9 ", body=b"hello"))
        assert answer == Answer(
            200,
            {"content-type": "text/plain", "content-length": "54"},
            "POST\n/a%2Fb\nx=%20\nhost=x\nx-b=\xe9\ncontent-length=5\nhello".encode(),
        )
        assert served.exchanges[0].peer == "127.0.0.1"


@pytest.mark.parametrize("kind", ["at once", "in a task"])
@on_loop
async def test_connection_is_kept_and_answers_come_in_order(kind: str) -> None:
    async def work(exchange: Exchange) -> None:
        await asyncio.sleep(0.02 if exchange.path == "/0" else 0)
        ok(exchange)

    async with serving(ok if kind == "at once" else later(work)) as served:
        caller = await served.caller()
        for n in range(3):
            await caller.send(request(f"GET /{n} HTTP/1.1"))
            assert (await caller.answer()).body == b"/%d" % n
        await caller.send(b"".join(request(f"GET /{n} HTTP/1.1") for n in range(50)))
        for n in range(50):
            assert (await caller.answer()).body == b"/%d" % n


@on_loop
async def test_many_pipelined_bytes_are_not_read_before_their_turn() -> None:
    gate = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        await gate.wait()
        exchange.respond(200, (), exchange.body[:1])

    async with serving(later(work), limits=replace(WIRE, head_bytes=1000)) as served:
        caller = await served.caller()
        await caller.send(request(body=b"0"))
        piece = request("POST / HTTP/1.1", body=b"1" * 100_000)
        sending = asyncio.ensure_future(caller.send(piece * 300))
        await asyncio.sleep(0.1)
        assert not sending.done()
        gate.set()
        for n in range(301):
            assert (await caller.answer()).body == (b"1" if n else b"0")
        await sending


@on_loop
async def test_more_messages_in_one_read_than_the_bound_are_answered_up_to_it() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(request() * 100)
        answers = await caller.rest()
        assert 1 <= answers.count(b"HTTP/1.1 200 OK") <= 100
        assert answers.endswith(b"connection: close\r\n\r\n/")


@on_loop
async def test_head_is_answered_with_the_length_and_without_the_content() -> None:
    async with serving(lambda exchange: exchange.respond(200, JSON, b"content")) as served:
        caller = await served.caller()
        await caller.send(request("HEAD / HTTP/1.1") + request())
        head = await caller.answer(head_only=True)
        assert head == Answer(200, {"content-type": "application/json", "content-length": "7"}, b"")
        assert (await caller.answer()).body == b"content"


@pytest.mark.parametrize("status", [204, 304])
@on_loop
async def test_status_without_content_has_no_length(status: int) -> None:
    async with serving(lambda exchange: exchange.respond(status, (), b"")) as served:
        caller = await served.caller()
        await caller.send(request() * 2)
        assert [await caller.answer(), await caller.answer()] == [Answer(status, {}, b"")] * 2


@on_loop
async def test_old_caller_is_answered_in_its_own_way() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(b"GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert await caller.answer() == Answer(200, {"content-length": "2", "connection": "keep-alive"}, b"/1")
        await caller.send(b"GET /2 HTTP/1.0\r\n\r\n")
        assert await caller.answer() == Answer(200, {"content-length": "2", "connection": "close"}, b"/2")
        assert await caller.rest() == b""


@on_loop
async def test_caller_that_closes_is_told_so_and_closed() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(request("GET / HTTP/1.1", "Connection: close"))
        assert await caller.answer() == Answer(200, {"content-length": "1", "connection": "close"}, b"/")
        assert await caller.rest() == b""


@on_loop
async def test_date_is_on_every_answer() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(request("GET / HTTP/1.1", "Connection: close"))
        assert b"\r\ndate: " in await caller.rest()


@on_loop
async def test_caller_that_asks_first_is_told_to_continue() -> None:
    async with serving(echo) as served:
        caller = await served.caller()
        await caller.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert await caller.answer() == Answer(100, {}, b"")
        await caller.send(b"hello")
        assert (await caller.answer()).body.endswith(b"\nhello")


@on_loop
async def test_caller_that_asks_first_is_told_at_once_when_it_is_too_much() -> None:
    async with serving(echo) as served:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
        assert (await served.ask(head)).status == 413


@pytest.mark.parametrize(
    "fields",
    [
        [("x", "a\r\nevil: 1")],
        [("x", "a\nb")],
        [("x\r\nevil", "a")],
        [("x y", "a")],
        [("x", "\u20ac")],
        [("Content-Length", "5")],
        [("transfer-encoding", "chunked")],
        [("Connection", "close")],
    ],
)
@on_loop
async def test_answer_that_would_not_be_one_message_is_a_crash(fields: list[tuple[str, str]]) -> None:
    async with serving(lambda exchange: exchange.respond(200, fields, b"")) as served:
        assert await served.ask(request()) == Answer(500, {"content-length": "0", "connection": "close"}, b"")
        assert [type(crash) for crash in served.crashes] == [ValueError]


# Refusals


REFUSED = {"content-length": "0", "connection": "close"}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"garbage\r\n\r\n", 400),
        (request("POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (request("GET /" + "a" * 20_000 + " HTTP/1.1"), 414),
        (request("GET / HTTP/1.1", "X: " + "a" * 40_000), 431),
        (request("GET / HTTP/1.1", *["X: a"] * 200), 431),
        (request("POST / HTTP/1.1", "Content-Length: 10000000000"), 413),
        (
            request("POST / HTTP/1.1", "Transfer-Encoding: chunked") + (b"80000\r\n" + b"x" * 0x80000 + b"\r\n") * 10,
            413,
        ),
        (request("GET / HTTP/2.0"), 505),
    ],
)
@on_loop
async def test_refusal_reaches_the_caller_and_ends_the_connection(data: bytes, status: int) -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        sending = asyncio.ensure_future(caller.send(data))
        assert await caller.answer() == Answer(status, REFUSED, b"")
        assert await caller.rest() == b""
        await asyncio.gather(sending, return_exceptions=True)
        assert served.exchanges == []


@on_loop
async def test_messages_before_a_bad_one_are_answered_first() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(request("GET /1 HTTP/1.1") + request("GET /2 HTTP/1.1") + b"garbage\r\n\r\n")
        assert [(await caller.answer()).body for _ in range(2)] == [b"/1", b"/2"]
        assert await caller.answer() == Answer(400, REFUSED, b"")
        assert await caller.rest() == b""


@on_loop
async def test_nothing_is_answered_after_an_answer_that_said_close() -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(request("GET /1 HTTP/1.1", "Connection: close") + request("GET /2 HTTP/1.1"))
        assert (await caller.answer()).body == b"/1"
        assert await caller.rest() == b""
        assert len(served.exchanges) == 1


@on_loop
async def test_nothing_is_answered_after_a_crash() -> None:
    def crash_once(exchange: Exchange) -> None:
        if exchange.path == "/1":
            raise LookupError
        ok(exchange)

    async with serving(crash_once) as served:
        caller = await served.caller()
        await caller.send(request("GET /1 HTTP/1.1") + request("GET /2 HTTP/1.1"))
        assert (await caller.answer()).status == 500
        assert await caller.rest() == b""
        assert len(served.exchanges) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n" + b"x" * 500_000,
        request("POST / HTTP/1.1", "Content-Length: 9999999") + b"x" * 500_000,
        request("GET / HTTP/1.1", "Connection: close") + b"x" * 500_000,
    ],
)
@on_loop
async def test_last_answer_is_followed_by_an_end_and_not_by_a_reset(data: bytes) -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(data)
        await caller.answer()
        assert await caller.reader.read() == b""


@on_loop
async def test_refused_caller_that_goes_on_sending_is_cut_off() -> None:
    async with serving(ok, limits=replace(WIRE, body_bytes=100_000)) as served:
        caller = await served.caller()
        await caller.send(request("POST / HTTP/1.1", "Content-Length: 9999999"))
        assert (await caller.answer()).status == 413
        with suppress(ConnectionError):
            for _ in range(1000):
                await caller.send(b"x" * 100_000)
            pytest.fail("the server took it all")


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"", []),
        (b"GET / HTTP/1.1\r\nHo", [408]),
        (request("POST / HTTP/1.1", "Content-Length: 10") + b"abc", [408]),
        (request("POST / HTTP/1.1", "Transfer-Encoding: chunked") + b"5\r\nab", [408]),
        (request(), [200]),
        (request() + b"GET / HT", [200, 408]),
        (request() + request("POST / HTTP/1.1", "Content-Length: 10") + b"abc", [200, 408]),
    ],
)
@on_loop
async def test_caller_that_falls_silent_is_left(sent: bytes, answers: list[int]) -> None:
    async with serving(ok, limits=QUICK) as served:
        caller = await served.caller()
        await caller.send(sent)
        assert [(await caller.answer()).status for _ in answers] == answers
        assert await caller.rest() == b""


@on_loop
async def test_dripped_head_and_body_get_no_more_time_than_whole_ones() -> None:
    async with serving(ok, limits=QUICK) as served:
        for start in (b"GET / HTTP/1.1\r\nX: ", request("POST / HTTP/1.1", "Content-Length: 1000")):
            caller = await served.caller()
            await caller.send(start)
            answer = asyncio.ensure_future(caller.answer())
            while not answer.done():  # this is the drip
                await asyncio.sleep(0.02)
                caller.writer.write(b"x")
            assert (await answer).status == 408
            caller.leave()


@on_loop
async def test_work_that_takes_long_is_not_the_callers_fault() -> None:
    async def work(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        ok(exchange)

    async with serving(later(work), limits=QUICK) as served:
        assert (await served.ask(request())).status == 200


# Handlers that fail


async def fail_later(exchange: Exchange) -> None:
    await asyncio.sleep(0)
    raise LookupError("secret of " + exchange.path)


def fail_now(exchange: Exchange) -> None:
    raise LookupError("secret of " + exchange.path)


@pytest.mark.parametrize("handler", [fail_now, fail_later])
@on_loop
async def test_crash_is_a_plain_500_and_is_reported(handler: Callable[[Exchange], Work | None]) -> None:
    async with serving(handler) as served:
        assert await served.ask(request()) == Answer(500, REFUSED, b"")
        assert [str(crash) for crash in served.crashes] == ["secret of /"]


async def forget_later(_: Exchange) -> None:
    await asyncio.sleep(0)


def forget_now(_: Exchange) -> None:
    return


@pytest.mark.parametrize("handler", [forget_now, forget_later])
@on_loop
async def test_handler_that_does_not_answer_is_a_crash(handler: Callable[[Exchange], Work | None]) -> None:
    async with serving(handler) as served:
        assert await served.ask(request()) == Answer(500, REFUSED, b"")
        assert [str(crash) for crash in served.crashes] == ["no answer was given to GET /"]


@on_loop
async def test_second_answer_is_a_mistake_that_the_caller_never_sees() -> None:
    def twice(exchange: Exchange) -> None:
        ok(exchange)
        ok(exchange)

    async with serving(twice) as served:
        caller = await served.caller()
        await caller.send(request("GET /1 HTTP/1.1") + request("GET /2 HTTP/1.1"))
        assert [(await caller.answer()).body for _ in range(2)] == [b"/1", b"/2"]
        assert len(served.crashes) == 2


@on_loop
async def test_work_after_the_answer_does_not_hold_up_the_next_message() -> None:
    gate = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        ok(exchange)
        if exchange.path == "/1":
            await gate.wait()

    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request("GET /1 HTTP/1.1") + request("GET /2 HTTP/1.1"))
        assert [(await caller.answer()).body for _ in range(2)] == [b"/1", b"/2"]
        gate.set()


# Streams


async def three(exchange: Exchange) -> None:
    exchange.start(200, JSON)
    for n in range(3):
        await exchange.send(b"piece %d\n" % n)
        await exchange.send(b"")
    exchange.end()


@on_loop
async def test_stream_is_chunked_and_the_connection_is_kept() -> None:
    async with serving(three) as served:
        caller = await served.caller()
        await caller.send(request() * 2)
        expected = Answer(
            200,
            {"content-type": "application/json", "transfer-encoding": "chunked"},
            b"piece 0\npiece 1\npiece 2\n",
        )
        assert [await caller.answer(), await caller.answer()] == [expected, expected]


@on_loop
async def test_stream_to_an_old_caller_ends_with_the_connection() -> None:
    async with serving(three) as served:
        answer = await served.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
        assert answer == Answer(
            200, {"content-type": "application/json", "connection": "close"}, b"piece 0\npiece 1\npiece 2\n"
        )


@on_loop
async def test_stream_for_head_is_its_head() -> None:
    async with serving(three) as served:
        caller = await served.caller()
        await caller.send(request("HEAD / HTTP/1.1") + request())
        assert (await caller.answer(head_only=True)).status == 200
        assert (await caller.answer()).body == b"piece 0\npiece 1\npiece 2\n"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@on_loop
async def test_stream_that_crashes_is_seen_to_be_incomplete(version: str) -> None:
    async def work(exchange: Exchange) -> None:
        exchange.start(200, ())
        await exchange.send(b"piece")
        raise LookupError("secret")

    async with serving(later(work)) as served:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await served.ask(request(f"GET / HTTP/{version}"))
        assert len(served.crashes) == 1


@on_loop
async def test_stream_that_is_not_ended_ends_with_its_handler() -> None:
    async def work(exchange: Exchange) -> None:
        exchange.start(200, ())
        await exchange.send(b"piece")

    async with serving(later(work)) as served:
        assert (await served.ask(request())).body == b"piece"


@on_loop
async def test_caller_that_does_not_read_stops_the_stream() -> None:
    sent = 0

    async def work(exchange: Exchange) -> None:
        nonlocal sent
        exchange.start(200, ())
        for _ in range(10_000):
            await exchange.send(b"x" * 65_536)
            sent += 65_536

    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request())
        await asyncio.sleep(0.2)
        assert 0 < sent < 30_000_000
        before = sent
        await caller.reader.readexactly(20_000_000)
        await asyncio.sleep(0.05)
        assert sent > before


@pytest.mark.parametrize("streamed", [False, True])
@on_loop
async def test_caller_that_reads_nothing_is_cut_off(streamed: bool) -> None:
    gone = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        try:
            if not streamed:
                exchange.respond(200, (), bytes(50_000_000))
                return
            exchange.start(200, ())
            while True:
                await exchange.send(bytes(1_000_000))
        finally:
            gone.set()

    async with serving(later(work), limits=QUICK) as served:
        caller = await served.caller()
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a read transport too
        await caller.send(request())
        await gone.wait()
        while served.server.connections:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)


# Callers that leave


@on_loop
async def test_work_is_cancelled_when_the_caller_leaves() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(_: Exchange) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request())
        await begun.wait()
        caller.leave()
        await cancelled.wait()
        assert served.crashes == []


@on_loop
async def test_work_that_must_go_on_does_and_writes_to_nobody() -> None:
    begun, left, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(exchange: Exchange) -> None:
        exchange.cancel_on_disconnect = False
        exchange.start(200, ())
        begun.set()
        await left.wait()
        await exchange.send(b"x")
        exchange.end()
        done.set()

    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request())
        await begun.wait()
        caller.leave()
        while served.server.connections:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        left.set()
        await done.wait()
        assert served.crashes == []


@pytest.mark.parametrize(
    "data",
    [
        request("POST / HTTP/1.1", "Content-Length: 10") + b"abc",
        request("POST / HTTP/1.1", "Transfer-Encoding: chunked") + b"5\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ],
)
@on_loop
async def test_truncated_message_never_reaches_the_handler(data: bytes) -> None:
    async with serving(ok) as served:
        caller = await served.caller()
        await caller.send(data)
        caller.writer.write_eof()
        assert await caller.rest() == b""
        assert served.exchanges == []


# The server itself


@on_loop
async def test_busy_port_is_named() -> None:
    async with serving(ok) as served:
        second = HTTPServer(ok)
        with pytest.raises(AppError) as caught:
            await second.start("127.0.0.1", served.port)
        assert (caught.value.code, caught.value.details) == (
            "server.port_in_use",
            {"host": "127.0.0.1", "port": served.port},
        )


@on_loop
async def test_address_of_another_machine_is_named() -> None:
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(AppError) as caught:
            await HTTPServer(ok).start(host, 0)
        assert caught.value.code == "server.address_unavailable"


@on_loop
async def test_socket_that_is_already_bound_is_taken() -> None:
    server = HTTPServer(ok)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    await server.start("", 0, sock=listener)
    assert (server.port, server.addresses) == (port, (("127.0.0.1", port),))
    await server.close(0)


@on_loop
async def test_one_connection_too_many_is_closed() -> None:
    async with serving(ok, limits=replace(WIRE, connections=2)) as served:
        callers = [await served.caller() for _ in range(2)]
        for caller in callers:
            await caller.send(request())
            await caller.answer()
        third = await served.caller()
        assert await third.rest() == b""
        callers[0].leave()
        while served.server.connections > 1:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        assert (await served.ask(request())).status == 200


SCARCE = replace(WIRE, head_bytes=1_000, body_bytes=10_000, buffered_bytes=25_000)


@on_loop
async def test_what_callers_have_sent_in_part_is_bounded_over_all_of_them() -> None:
    async with serving(echo, limits=SCARCE) as served:
        whole = request("POST / HTTP/1.1", body=b"a" * 10_000)
        slow = [await served.caller() for _ in range(4)]
        for caller in slow[:3]:
            await caller.send(whole[:-2_000])
        # Three times 8,000 bytes are there: small messages are still read, large ones are refused.
        assert (await served.ask(request("POST / HTTP/1.1", body=b"a" * 900))).status == 200
        await slow[3].send(whole[:-2_000])
        assert (await slow[3].answer()).status == 503
        assert await slow[3].rest() == b""
        # Room comes back when a message is answered and when a caller leaves.
        await slow[0].send(whole[-2_000:] + request())
        assert [(await slow[0].answer()).status for _ in range(2)] == [200, 200]
        assert (await served.ask(whole)).status == 200
        slow[1].leave()
        assert (await served.ask(whole)).status == 200


@on_loop
async def test_bytes_kept_for_later_are_bounded_over_all_callers() -> None:
    gate = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        await gate.wait()
        ok(exchange)

    async with serving(later(work), limits=SCARCE) as served:
        callers = [await served.caller() for _ in range(4)]
        for caller in callers:
            await caller.send(request())
        while len(served.exchanges) < 4:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        for caller in callers:
            await caller.send(b"a" * 8_000)
            await asyncio.sleep(0.02)
        assert await callers[3].rest() == b""
        gate.set()
        assert [(await caller.answer()).status for caller in callers[:3]] == [200] * 3


@on_loop
async def test_closing_lets_work_finish_and_takes_no_more() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def work(exchange: Exchange) -> None:
        begun.set()
        await gate.wait()
        ok(exchange)

    async with serving(later(work)) as served:
        idle, busy = await served.caller(), await served.caller()
        port = served.port
        await busy.send(request("GET /busy HTTP/1.1"))
        await begun.wait()
        closing = asyncio.ensure_future(served.server.close(5))
        assert await idle.rest() == b""
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            await asyncio.open_connection("127.0.0.1", port)
        assert not closing.done()
        gate.set()
        assert await busy.answer() == Answer(200, {"content-length": "5", "connection": "close"}, b"/busy")
        await closing


@pytest.mark.parametrize("started", [False, True])
@on_loop
async def test_closing_cancels_work_when_the_grace_is_over(started: bool) -> None:
    begun = asyncio.Event()

    async def work(exchange: Exchange) -> None:
        if started:
            exchange.start(200, ())
        begun.set()
        await asyncio.Event().wait()

    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request())
        await begun.wait()
        await served.server.close(0.05)
        if started:
            assert (await caller.rest()).endswith(b"chunked\r\n\r\n")
        else:
            assert await caller.answer() == Answer(503, REFUSED, b"")
        assert served.server.connections == 0


@on_loop
async def test_closing_does_not_wait_for_work_that_will_not_stop() -> None:
    async def work(_: Exchange) -> None:
        while True:
            try:
                await asyncio.sleep(3)
            except asyncio.CancelledError:
                if stop:
                    raise

    stop = False
    async with serving(later(work)) as served:
        caller = await served.caller()
        await caller.send(request())
        while not served.exchanges:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        await served.server.close(0.05)
        stop = True


class Other(asyncio.Protocol):
    """Another protocol on the same port."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"other: " + data.split(b"\r\n")[0])  # type: ignore[attr-defined]  # it is a write transport
        self.transport.close()


def claims_other(target: bytes) -> asyncio.Protocol | None:
    return Other() if target.startswith(b"/other") else None


@pytest.mark.parametrize("step", [1, 1000])
@on_loop
async def test_path_of_another_protocol_hands_over_the_connection(step: int) -> None:
    async with serving(ok, fallback=claims_other) as served:
        caller = await served.caller()
        for path in ("/mcp", "/mcp?x"):
            data = request(f"GET {path} HTTP/1.1")
            for start in range(0, len(data), step):
                await caller.send(data[start : start + step])
            assert (await caller.answer()).body == b"/mcp"
        await caller.send(request("GET /other/1 HTTP/1.1"))
        assert await caller.rest() == b"other: GET /other/1 HTTP/1.1"
        assert [exchange.path for exchange in served.exchanges] == ["/mcp", "/mcp"]


@on_loop
async def test_path_of_another_protocol_never_slips_to_the_handler_in_one_read() -> None:
    async with serving(ok, fallback=claims_other) as served:
        caller = await served.caller()
        await caller.send(request("GET /mcp HTTP/1.1") + request("GET /other HTTP/1.1"))
        assert await caller.answer() == Answer(200, {"content-length": "4", "connection": "close"}, b"/mcp")
        assert await caller.rest() == b""
        assert len(served.exchanges) == 1


@on_loop
async def test_slow_first_line_is_left_before_anybody_is_chosen() -> None:
    async with serving(ok, fallback=claims_other, limits=QUICK) as served:
        caller = await served.caller()
        await caller.send(b"GET /oth")
        assert await caller.rest() == b""
