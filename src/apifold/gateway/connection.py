"""One caller's connection: what is read, served and written, in which order and for how long.

Messages are answered one at a time, in order. While one is at work the next bytes are only kept, and no more are
read once there are many, so a caller costs a bounded amount whatever it sends. No header of a proxy is believed.
"""

import asyncio
import math
import socket
import struct
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from apifold.core.limits import WireLimits
from apifold.gateway.exchange import HTTPExchange
from apifold.gateway.http1 import FRAMING, STATUS_LINES, FieldEncoder
from apifold.gateway.ports import Handler
from apifold.gateway.reader import PIPELINED, Phase, RequestReader

Fallback = Callable[[bytes], asyncio.Protocol | None]
"""Raw request target to the protocol that shall have the whole connection, or `None` to keep it."""

_LINGER_SECONDS = 2.0
"""How long the remaining bytes of a refused caller are read and dropped."""
_CACHED_HEADS = 512


class Shared(msgspec.Struct):
    """What all connections of one server have in common."""

    handler: Handler
    limits: WireLimits
    loop: asyncio.AbstractEventLoop
    on_crash: Callable[[BaseException], None]
    fallback: Fallback | None = None
    connections: "set[Connection]" = msgspec.field(default_factory=set)
    tasks: set[asyncio.Task[None]] = msgspec.field(default_factory=set)
    buffered: int = 0
    """Bytes of callers that keep much here, see `WireLimits.buffered_bytes`."""
    closing: bool = False
    empty: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Set once the server is closing and the last connection is gone."""
    date: bytes = b""
    """The `Date` line of this second (RFC 9110 6.6.1)."""
    fields: FieldEncoder = msgspec.field(default_factory=lambda: FieldEncoder(FRAMING))
    heads: dict[tuple[int, tuple[tuple[str, str], ...]], bytes] = msgspec.field(default_factory=dict)

    def head(self, status: int, fields: Sequence[tuple[str, str]]) -> bytes:
        """Status line and fields, validated once per distinct set of fields."""
        key = (status, tuple(fields))
        found = self.heads.get(key)
        if found is None:
            if not 200 <= status <= 999:
                raise ValueError(f"not a final status: {status}")
            found = STATUS_LINES[status] + self.fields.encode(fields).encode("latin-1")
            if len(self.heads) >= _CACHED_HEADS:
                self.heads.clear()
            self.heads[key] = found
        return found + self.date

    def forget(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        if self.closing and not self.connections:
            self.empty.set()


class Connection(asyncio.Protocol):
    """The protocol object that the event loop feeds; implements `exchange.Wire`."""

    __slots__ = (
        "_active",
        "_closed",
        "_counted",
        "_dropped",
        "_held",
        "_paused",
        "_reader",
        "_refusal",
        "_serving",
        "_shared",
        "_transport",
        "_unread",
        "_waiters",
        "deadline",
        "head",
        "peer",
    )

    def __init__(self, shared: Shared) -> None:
        self.peer = ""
        self.deadline = math.inf
        """When `expire` is due, on the loop's clock."""
        self.head = shared.head
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        # One at a time where another protocol may claim the next: a message must not slip past that choice in one read.
        self._reader = RequestReader(shared.limits, pipelined=1 if shared.fallback is not None else PIPELINED)
        self._active: HTTPExchange | None = None
        self._serving = False
        self._held = bytearray()
        self._counted = 0
        """How much of `Shared.buffered` is ours."""
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self._refusal: int | None = None
        """How to refuse the caller once everything before has been answered."""
        self._closed = False
        """Nothing more is read; bytes that still come are dropped."""
        self._dropped = 0
        self._unread = False
        """The caller has sent bytes that were not read as a message."""

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's transports are none by inheritance
        shared = self._shared
        self._transport = stream
        peer = stream.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        if shared.closing or len(shared.connections) >= shared.limits.connections:
            self._closed = True
            stream.abort()
            return
        shared.connections.add(self)
        self._wait_for(shared.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whatever the reason, the caller is gone
        self._let_go()
        self._wake()
        active, self._active = self._active, None
        if active is not None:
            active.abandon()

    def data_received(self, data: bytes) -> None:
        if self._closed:
            self._drop(data)
        elif self._active is not None or self._paused:
            self._hold(data)
        elif self._shared.fallback is not None and self._reader.phase is Phase.IDLE:
            self._choose(data, self._shared.fallback)
        else:
            self._feed(data)

    def pause_writing(self) -> None:
        self._paused = True
        self._wait_for(self._shared.limits.write_seconds)

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()
        if self._closed:
            return
        self.deadline = math.inf
        if self._active is None:
            self._serve()

    # The server's side

    def expire(self) -> None:
        """The deadline has passed: what was waited for did not come."""
        if self._closed or self._paused or self._reader.phase is Phase.IDLE:
            self.abort()
        else:
            self._refuse(408)

    def shutdown(self) -> None:
        """The server is closing: an idle connection ends now, any other with the message it has begun."""
        if self._reader.phase is Phase.IDLE and self._active is None and not self._paused and not self._held:
            self._end()

    # The exchange's side

    @property
    def ending(self) -> bool:
        return self._shared.closing or (self._refusal == 0 and not self._reader.messages)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Returns when the caller has read enough for more to be written, or has gone."""
        if self._paused and self._transport is not None:
            waiter = self._shared.loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def answered(self, exchange: HTTPExchange, *, keep: bool) -> None:
        """The answer is complete: the next message may be served, even if the handler has things left to do."""
        if exchange is not self._active:
            return
        self._active = None
        if not keep:
            self._refusal = 0
            self._reader.messages.clear()
        if not self._serving:
            self._serve()

    def settle(self, exchange: HTTPExchange, task: asyncio.Task[None]) -> None:
        """The handler's task is over."""
        self._shared.tasks.discard(task)
        if not task.cancelled():
            self._conclude(exchange, task.exception())
        elif not exchange.ended:
            self._give_up(exchange, 503)

    def close(self) -> None:
        """Close once everything written has left."""
        if self._transport is not None:
            self._closed = True
            self._wait_for(self._shared.limits.write_seconds)
            self._transport.close()

    def reset(self) -> None:
        """Close in a way that the caller cannot take for an end (a TCP reset)."""
        if self._transport is not None:
            connected = self._transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._closed = True
            self._transport.abort()

    # Reading

    def _feed(self, data: bytes) -> None:
        reader = self._reader
        before = reader.phase
        self._refusal = reader.feed(data)
        large = self._counted or reader.size > self._shared.limits.head_bytes
        if large and not self._count() and reader.phase is Phase.BODY:
            self._refusal = 503
            reader.drop()
            self._count()
        self._unread = self._refusal is not None
        if reader.phase is not before:
            self.deadline = math.inf
        self._serve()

    def _hold(self, data: bytes) -> None:
        """Bytes of a next message while one is at work."""
        self._held += data
        if len(self._held) > self._shared.limits.head_bytes and self._transport is not None:
            self._transport.pause_reading()
            if not self._count():
                self.abort()

    def _count(self) -> bool:
        """Add what is kept of this caller to what is kept of all; false when that is too much and this caller adds to it."""
        shared = self._shared
        kept = self._reader.size + len(self._held)
        more, self._counted = kept - self._counted, kept
        shared.buffered += more
        return more <= 0 or shared.buffered <= shared.limits.buffered_bytes

    def _drop(self, data: bytes) -> None:
        self._dropped += len(data)
        if self._dropped > self._shared.limits.body_bytes:
            self.abort()

    def _choose(self, data: bytes, fallback: Fallback) -> None:
        """The first line of a message decides whose connection this is."""
        if not self._held:
            self._wait_for(self._shared.limits.head_seconds)
        self._held += data
        line, ended, _ = self._held.partition(b"\r\n")
        if not ended and len(line) <= self._shared.limits.url_bytes:
            return
        held = bytes(self._held)
        self._held.clear()
        parts = bytes(line).split(b" ")
        other = fallback(parts[1]) if len(parts) == 3 else None
        transport = self._transport
        if other is None or transport is None:
            self._feed(held)
            return
        self._let_go()
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(held)

    # Serving

    def _serve(self) -> None:
        """Serve complete messages one by one, then rest. Called again whenever one of them is answered."""
        messages = self._reader.messages
        self._serving = True
        while messages and self._active is None and not self._paused and self._transport is not None:
            self._begin(HTTPExchange(self, messages.popleft()))
        self._serving = False
        if self._active is None and not self._paused and self._transport is not None and not self._closed:
            self._rest()

    def _begin(self, exchange: HTTPExchange) -> None:
        self._active = exchange
        self.deadline = math.inf
        shared = self._shared
        try:
            rest = shared.handler(exchange)
        except Exception as error:  # noqa: BLE001  # the edge: whatever a handler raises becomes a plain 500
            self._conclude(exchange, error)
            return
        if rest is None:
            self._conclude(exchange, None)
            return
        task = shared.loop.create_task(rest)
        exchange.task = task
        shared.tasks.add(task)
        task.add_done_callback(exchange.finished)

    def _conclude(self, exchange: HTTPExchange, error: BaseException | None) -> None:
        """The handler has returned or failed; nothing may be left unanswered."""
        if error is not None:
            self._shared.on_crash(error)
        if exchange.ended:
            return
        if error is None and exchange.started:
            exchange.end()
            return
        if error is None:
            self._shared.on_crash(RuntimeError(f"no answer was given to {exchange.method} {exchange.path}"))
        self._give_up(exchange, 500)

    def _give_up(self, exchange: HTTPExchange, status: int) -> None:
        if exchange.started:
            exchange.cut()
            return
        self._refusal = 0
        self._reader.messages.clear()
        exchange.respond(status, (), b"")

    def _rest(self) -> None:
        """Nothing is at work: end, refuse what was wrong, take what was held, or wait."""
        phase = self._reader.phase
        if self._counted and phase is Phase.IDLE:
            self._forget_answered()
        if self._refusal:
            self._refuse(self._refusal)
        elif self._refusal == 0:
            self._end()
        elif self._held:
            held = bytes(self._held)
            self._held.clear()
            self._resume_reading()
            self.data_received(held)
        elif phase is not Phase.IDLE:
            self._wait_for_message(phase)
        elif self._shared.closing:
            self._end()
        else:
            self._wait_for(self._shared.limits.idle_seconds)

    def _forget_answered(self) -> None:
        """What was large has been answered."""
        self._reader.drop()
        self._count()

    def _wait_for_message(self, phase: Phase) -> None:
        """The rest of a message that has begun; its time runs from when it is this message's turn."""
        limits = self._shared.limits
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if math.isinf(self.deadline):
            self._wait_for(limits.head_seconds if phase is Phase.HEAD else limits.body_seconds)

    # Ending

    def _refuse(self, status: int) -> None:
        self.write(STATUS_LINES[status] + self._shared.date + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self._linger()

    def _end(self) -> None:
        if self._reader.phase is Phase.IDLE and not self._held and not self._unread:
            self.close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Close our side first and drop what the caller still sends: closing both at once would answer those bytes with a
        reset, which can destroy our last answer before it is read (RFC 9112 9.6).
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._closed = True
        self._held.clear()
        self._wait_for(_LINGER_SECONDS)
        self._resume_reading()
        transport.write_eof()

    def _let_go(self) -> None:
        self._shared.forget(self)
        self.deadline = math.inf
        self._closed = True
        self._transport = None
        self._held.clear()
        self._reader.release()
        self._count()

    def _resume_reading(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _wait_for(self, seconds: float) -> None:
        self.deadline = self._shared.loop.time() + seconds
