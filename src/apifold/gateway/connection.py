"""One caller's connection: bytes in, exchanges out, answers back in order (RFC 9112).

Everything a hostile or broken caller can do is decided here: sizes, times, framing, pipelining, disappearing. The
grammar is llhttp's in its strict mode; what it leaves open is closed here. No thought is given to what the exchanges
are about, and no header of a proxy is believed.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

import httptools

from apifold.core.limits import WireLimits
from apifold.gateway.http1 import FRAMING, STATUS_LINES, encode_fields, has_body
from apifold.gateway.ports import Handler

Fallback = Callable[[bytes], asyncio.Protocol | None]
"""Raw request target to the protocol that shall have the whole connection, or `None` to keep it."""

_PIPELINED = 64
"""Complete messages taken from one read; a caller that sends more at once is answered so far and disconnected."""
_LINGER_SECONDS = 2.0
"""How long a refused caller's remaining bytes are thrown away, so that a reset does not destroy the refusal."""
_CACHED_HEADS = 512

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_NAMES = {
    name.encode(): name.lower()
    for title in [
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Connection",
        "Content-Type",
        "Content-Length",
        "Origin",
        "Mcp-Session-Id",
        "MCP-Protocol-Version",
        "Mcp-Method",
        "Mcp-Name",
        "Last-Event-ID",
        "Cookie",
        "Transfer-Encoding",
    ]
    for name in (title, title.lower())
}
_SINGLE = frozenset({"host", "content-length", "transfer-encoding"})


class _Phase(Enum):
    IDLE = auto()
    """No byte of the next message has come."""
    HEAD = auto()
    BODY = auto()
    CLOSED = auto()
    """Nothing more is read from this caller; bytes that still come are dropped."""


class _Refused(Exception):
    """Raised inside a parser callback: the message is answered with `status` and the connection ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Shared:
    """What all connections of one server have in common."""

    handler: Handler
    limits: WireLimits
    loop: asyncio.AbstractEventLoop
    on_crash: Callable[[BaseException], None]
    fallback: Fallback | None = None
    connections: "set[Connection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    closing: bool = False
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the server is closing and the last connection is gone."""
    date: bytes = b""
    """The `Date` line of this second (RFC 9110 6.6.1)."""
    heads: dict[tuple[int, tuple[tuple[str, str], ...]], bytes] = field(default_factory=dict)

    def forget(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        if self.closing and not self.connections:
            self.empty.set()

    def head(self, status: int, fields: Sequence[tuple[str, str]]) -> bytes:
        """Status line and fields, validated once per distinct set of fields."""
        key = (status, tuple(fields))
        found = self.heads.get(key)
        if found is None:
            if not 200 <= status <= 999:
                raise ValueError(f"not a final status: {status}")
            for name, _ in fields:
                if name.lower() in FRAMING:
                    raise ValueError(f"the header field {name!r} is written by the server")
            found = STATUS_LINES[status] + encode_fields(fields)
            if len(self.heads) >= _CACHED_HEADS:
                self.heads.clear()
            self.heads[key] = found
        return found + self.date


class HTTPExchange:
    """One message of a caller and its answer; implements `ports.Exchange`."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_keep",
        "_old",
        "body",
        "cancel_on_disconnect",
        "ended",
        "headers",
        "method",
        "path",
        "peer",
        "query",
        "started",
        "task",
    )

    def __init__(
        self,
        connection: "Connection",
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        keep: bool,
        old: bool,
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = body
        self.peer = connection.peer
        self.cancel_on_disconnect = True
        self.started = False
        self.ended = False
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._keep = keep
        self._old = old
        self._chunked = False

    def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        head = self._open(status, headers)
        if status in {204, 304}:
            self._connection.write(b"%b%b\r\n" % (head, self._persistence()))
        else:
            head = b"%bcontent-length: %d\r\n%b\r\n" % (head, len(body), self._persistence())
            self._connection.write(head + body if self.method != "HEAD" else head)
        self._close()

    def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        head = self._open(status, headers)
        if not has_body(self.method, status):
            framing = b""
        elif self._old:  # RFC 9112 6.1: no chunks for HTTP/1.0; the end of the connection ends the answer
            framing, self._keep = b"", False
        else:
            framing, self._chunked = b"transfer-encoding: chunked\r\n", True
        self._connection.write(b"%b%b%b\r\n" % (head, framing, self._persistence()))
        if not has_body(self.method, status):
            self._close()

    async def send(self, chunk: bytes) -> None:
        if self.ended or not chunk:  # an empty chunk would end the answer (RFC 9112 7.1)
            return
        if not self.started:
            raise RuntimeError("send before start")
        self._connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)
        await self._connection.drained()

    def end(self) -> None:
        if self.ended:
            return
        if self._chunked:
            self._connection.write(b"0\r\n\r\n")
        self._close()

    @property
    def keep(self) -> bool:
        return self._keep and not self._connection.closing and not self._connection.shared.closing

    def finished(self, task: asyncio.Task[None]) -> None:
        """The handler's work is over, one way or another."""
        self._connection.settle(self, None if task.cancelled() else task.exception(), task)

    def cut(self) -> None:
        """End the connection inside the answer: the only way to say that it is not whole."""
        self.ended = True
        if self._chunked:
            self._connection.close()
        else:
            self._connection.abort()

    def abandon(self) -> None:
        """The caller is gone: everything written from now on is dropped, the work is cancelled unless it is meant to go on."""
        self.ended = True
        if self.task is not None and self.cancel_on_disconnect:
            self.task.cancel()

    def _open(self, status: int, headers: Sequence[tuple[str, str]]) -> bytes:
        if self.started:
            raise RuntimeError("this exchange has been answered")
        head = self._connection.shared.head(status, headers)
        self.started = True
        return head

    def _persistence(self) -> bytes:
        if not self.keep:
            return b"connection: close\r\n"
        return b"connection: keep-alive\r\n" if self._old else b""

    def _close(self) -> None:
        if not self.ended:
            self.ended = True
            self._connection.answered(self)


class Connection(asyncio.Protocol):
    """The protocol object that the event loop feeds."""

    __slots__ = (
        "_active",
        "_body",
        "_body_size",
        "_expects",
        "_failure",
        "_headers",
        "_held",
        "_message_done",
        "_parser",
        "_paused",
        "_phase",
        "_progress",
        "_ready",
        "_seen",
        "_serving",
        "_size",
        "_transport",
        "_url",
        "_waiters",
        "closing",
        "deadline",
        "peer",
        "shared",
    )

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.peer = ""
        self.closing = False
        """This connection takes no message after the ones it has."""
        self.deadline = math.inf
        """When `expire` is due, on the loop's clock."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._phase = _Phase.IDLE
        self._active: HTTPExchange | None = None
        self._serving = False
        self._ready: deque[HTTPExchange] = deque()
        self._held = bytearray()
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self._failure = 0
        self._expects = False
        self._seen = 0
        self._progress = False
        self._message_done = False
        self._url = b""
        self._headers: dict[str, str] = {}
        self._size = 0
        self._body: bytes | bytearray = b""
        self._body_size = 0

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's transports are none by inheritance
        shared = self.shared
        self._transport = stream
        peer = stream.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        if shared.closing or len(shared.connections) >= shared.limits.connections:
            self._phase = _Phase.CLOSED
            stream.abort()
            return
        shared.connections.add(self)
        self._wait_for(shared.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whatever the reason, the caller is gone
        self.shared.forget(self)
        self.deadline = math.inf
        self._phase = _Phase.CLOSED
        self._transport = None
        del self._parser  # the parser holds this object's methods: without this, only the collector would free both
        self._ready.clear()
        self._held.clear()
        self._wake()
        if self._active is not None:
            active, self._active = self._active, None
            active.abandon()

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.CLOSED:
            self._drop(data)
        elif self._active is not None or self._paused:
            self._hold(data)
        elif self._phase is not _Phase.IDLE or self.shared.fallback is None:
            self._feed(data)
        else:
            self._choose(data, self.shared.fallback)

    def pause_writing(self) -> None:
        self._paused = True
        self._wait_for(self.shared.limits.write_seconds)

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()
        if self._phase is _Phase.CLOSED:
            return
        self.deadline = math.inf
        if self._active is None:
            self._serve()

    # The server's side

    def expire(self) -> None:
        """The deadline has passed: what was waited for did not come."""
        if self._phase in {_Phase.HEAD, _Phase.BODY} and not self._paused:
            self._refuse(408)
        elif self._transport is not None:
            self._transport.abort()

    def shutdown(self) -> None:
        """The server is closing: an idle connection ends now, any other with the message it has begun."""
        if self._phase is _Phase.IDLE and self._active is None and not self._ready and not self._paused:
            self._end()

    def close(self) -> None:
        if self._transport is not None:
            self._wait_for(self.shared.limits.write_seconds)
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # The exchange's side

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Returns when the caller has read enough for more to be written, or has gone."""
        if self._paused and self._transport is not None:
            waiter = self.shared.loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def answered(self, exchange: HTTPExchange) -> None:
        """The answer is complete: the next message may be served, even if the handler has things left to do."""
        if exchange is not self._active:
            return
        self._active = None
        if not exchange.keep:
            self.closing = True
            self._ready.clear()
        if not self._serving:
            self._serve()

    def settle(self, exchange: HTTPExchange, error: BaseException | None, task: asyncio.Task[None] | None) -> None:
        """The handler has returned, failed or been cancelled; nothing may be left unanswered."""
        if task is not None:
            self.shared.tasks.discard(task)
        if error is not None:
            self.shared.on_crash(error)
        cancelled = task is not None and task.cancelled()
        if exchange.ended:
            return
        if exchange.started:
            if error is None and not cancelled:
                exchange.end()
            else:
                exchange.cut()
            return
        if error is None and not cancelled:
            self.shared.on_crash(RuntimeError(f"no answer was given to {exchange.method} {exchange.path}"))
        self.closing = True
        exchange.respond(503 if cancelled else 500, (), b"")

    # Reading

    def _feed(self, data: bytes) -> None:
        if self._phase is _Phase.IDLE:
            self._phase = _Phase.HEAD
            self._wait_for(self.shared.limits.head_seconds)
        self._progress = self._message_done = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.closing = True  # no other protocol is spoken here; the message itself is answered (RFC 9110 7.8)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._failure = cause.status if isinstance(cause, _Refused) else 400
        else:
            self._count(len(data))
        self._serve()

    def _count(self, size: int) -> None:
        """Bounds on what the parser keeps to itself: an unfinished field, trailers, chunk extensions."""
        if self._message_done or self._progress or self._phase not in {_Phase.HEAD, _Phase.BODY}:
            self._seen = 0
            return
        self._seen += size
        if self._seen > self.shared.limits.head_bytes:
            self._failure = 431 if self._phase is _Phase.HEAD else 400

    def _hold(self, data: bytes) -> None:
        """Bytes of a next message while one is at work: kept, and no more read once there are many."""
        self._held += data
        if len(self._held) > self.shared.limits.head_bytes and self._transport is not None:
            self._transport.pause_reading()

    def _drop(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen > self.shared.limits.body_bytes:
            self.abort()

    def _choose(self, data: bytes, fallback: Fallback) -> None:
        """The first bytes of a message decide whose connection this is."""
        self._held += data
        line, ended, _ = self._held.partition(b"\r\n")
        if not ended and len(self._held) <= self.shared.limits.head_bytes:
            return
        held, self._held = bytes(self._held), bytearray()
        parts = bytes(line).split(b" ")
        other = fallback(parts[1]) if len(parts) == 3 else None
        if other is None or self._transport is None:
            self._feed(held)
            return
        transport, self._transport = self._transport, None
        self.shared.forget(self)
        self.deadline = math.inf
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(held)

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self.closing or self.shared.closing or len(self._ready) >= _PIPELINED:
            self.closing = True
            raise _Refused(0)
        self._phase = _Phase.HEAD
        self._url = b""
        self._headers = {}
        self._size = 0
        self._body = b""
        self._body_size = 0
        self._expects = False

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self.shared.limits.url_bytes:
            raise _Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value) + 4
        limits = self.shared.limits
        headers = self._headers
        if self._size > limits.head_bytes or len(headers) >= limits.headers:
            raise _Refused(431)
        if self._phase is _Phase.BODY:
            return  # a trailer: never merged into the head (RFC 9110 6.5.1)
        key = _NAMES.get(name) or name.decode("ascii").lower()
        text = value.decode("latin-1").strip(" \t")
        if key not in headers:
            headers[key] = text
        elif key in _SINGLE:
            raise _Refused(400)
        else:
            headers[key] = f"{headers[key]}, {text}"

    def on_headers_complete(self) -> None:
        self._phase = _Phase.BODY
        self._wait_for(self.shared.limits.body_seconds)
        headers = self._headers
        version = self._parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise _Refused(505)
        if "host" not in headers and version == "1.1":
            raise _Refused(400)
        if "transfer-encoding" in headers:
            # RFC 9112 6.1: faulty framing in 1.0; and no coding but chunked is understood here.
            if version == "1.0":
                raise _Refused(400)
            if headers["transfer-encoding"].lower() != "chunked":
                raise _Refused(501)
        elif int(headers.get("content-length", "0")) > self.shared.limits.body_bytes:
            raise _Refused(413)
        if "expect" in headers:
            if headers["expect"].lower() != "100-continue":
                raise _Refused(417)
            self._expects = version == "1.1"

    def on_body(self, data: bytes) -> None:
        self._progress = True
        self._body_size += len(data)
        if self._body_size > self.shared.limits.body_bytes:
            raise _Refused(413)
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body)
            self._body += data

    def on_message_complete(self) -> None:
        parser = self._parser
        method = parser.get_method()
        self._ready.append(
            HTTPExchange(
                self,
                _METHODS.get(method) or method.decode("ascii"),
                self._target(),
                self._headers,
                bytes(self._body),
                keep=parser.should_keep_alive() and not parser.should_upgrade(),
                old=parser.get_http_version() == "1.0",
            )
        )
        self._phase = _Phase.IDLE
        self._message_done = True

    def _target(self) -> str:
        """The request target in origin form (RFC 9112 3.2); the authority of an absolute one stands above Host."""
        target = self._url.decode("ascii")
        if target.startswith("/") or target == "*":
            if "#" in target:
                raise _Refused(400)
            return target
        scheme, found, rest = target.partition("://")
        if not found or scheme.lower() not in {"http", "https"} or "#" in rest:
            raise _Refused(400)
        authority, slash, path = rest.partition("/")
        authority, question, query = authority.partition("?")
        if "@" in authority:
            raise _Refused(400)
        self._headers["host"] = authority
        return f"/{path}" if slash and not question else f"/{question}{query}{slash}{path}"

    # Serving

    def _serve(self) -> None:
        """Serve complete messages one by one, then rest. Called again whenever one of them is answered."""
        if self._serving:
            return
        self._serving = True
        while self._ready and self._active is None and not self._paused and self._transport is not None:
            self._begin(self._ready.popleft())
        self._serving = False
        if self._active is None and not self._paused and self._transport is not None:
            self._rest()

    def _begin(self, exchange: HTTPExchange) -> None:
        self._active = exchange
        self.deadline = math.inf
        shared = self.shared
        try:
            rest = shared.handler(exchange)
        except Exception as error:  # noqa: BLE001  # the edge: whatever a handler raises becomes a plain 500
            self.settle(exchange, error, None)
            return
        if rest is None:
            self.settle(exchange, None, None)
            return
        task = shared.loop.create_task(rest)
        exchange.task = task
        shared.tasks.add(task)
        task.add_done_callback(exchange.finished)

    def _rest(self) -> None:
        """Nothing is at work: end, refuse what was wrong, take what was held, or wait."""
        if self._phase is _Phase.CLOSED:
            return
        if self.closing:
            self._end()
        elif self._failure:
            self._refuse(self._failure)
        elif self._held:
            held = bytes(self._held)
            self._held.clear()
            self._resume_reading()
            self.data_received(held)
        elif self._phase is not _Phase.IDLE:
            self._wait_for_message()
        elif self.shared.closing:
            self._end()
        else:
            self._wait_for(self.shared.limits.idle_seconds)

    def _wait_for_message(self) -> None:
        """The rest of a message that has begun; its time starts when the one before it has been answered."""
        limits = self.shared.limits
        if self._expects:
            self._expects = False
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if math.isinf(self.deadline):
            self._wait_for(limits.head_seconds if self._phase is _Phase.HEAD else limits.body_seconds)

    def _refuse(self, status: int) -> None:
        self.write(STATUS_LINES[status] + self.shared.date + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self._end()

    def _end(self) -> None:
        """Close when everything written has left. Where the caller may still be sending, our side is closed first and its
        bytes are dropped for a while: a plain close would answer them with a reset that can destroy our last answer
        before it is read (RFC 9112 9.6).
        """
        transport = self._transport
        if transport is None:
            return
        clean = self._phase is _Phase.IDLE and not self._failure and not self._held
        self._phase = _Phase.CLOSED
        self.closing = True
        self._seen = 0
        self._held.clear()
        if clean:
            self._wait_for(self.shared.limits.write_seconds)
            transport.close()
            return
        self._wait_for(_LINGER_SECONDS)
        self._resume_reading()
        if not transport.is_closing():
            transport.write_eof()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _wait_for(self, seconds: float) -> None:
        self.deadline = self.shared.loop.time() + seconds
