"""One connection to an upstream: a request out, the answer to it back, as often as both sides like (RFC 9112).

The answer is as hostile as a request could be: its head is bounded, its content stops at a cap, its framing must be
beyond doubt, and a byte that nobody asked for ends the connection.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from apifold.core.limits import CallLimits
from apifold.core.requests.model import UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.http1 import has_body
from apifold.gateway.upstream.decompress import Content, DecodeFailed, open_content

_JOINED = 65_536
"""A body up to this size is sent in one piece with its head."""

_COMMON = [
    "Age",
    "Allow",
    "Alt-Svc",
    "CF-RAY",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Keep-Alive",
    "Last-Modified",
    "Link",
    "Location",
    "Pragma",
    "RateLimit",
    "Retry-After",
    "Server",
    "Set-Cookie",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-Powered-By",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "X-XSS-Protection",
]
_NAMES = {form.encode(): name.lower() for name in _COMMON for form in (name, name.lower())}
_FRAMED_BY = frozenset({"content-length", "transfer-encoding", "content-encoding"})
_NO_CONTENT = Content(0)


class _Enough(Exception):
    """Raised inside a parser callback to stop it: the answer is settled, the connection is not to be used again."""


class UpstreamConnection(asyncio.Protocol):
    """The protocol object that the event loop feeds. One exchange at a time."""

    __slots__ = (
        "_arrived",
        "_content",
        "_encoding",
        "_ends_with_connection",
        "_fields",
        "_future",
        "_headers",
        "_limits",
        "_loop",
        "_method",
        "_on_lost",
        "_parser",
        "_progress",
        "_status",
        "_transport",
        "_unseen",
        "born",
        "idle_since",
        "received",
        "reusable",
        "used",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: CallLimits,
        on_lost: "Callable[[UpstreamConnection], None]",
        now: float,
    ) -> None:
        self.reusable = False
        """The last exchange ended cleanly, both sides keep the connection, and it is still there."""
        self.received = False
        """A byte of the answer at hand has come."""
        self.used = False
        """An exchange was completed on this connection before the one at hand."""
        self.born = self.idle_since = now
        self._loop = loop
        self._limits = limits
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._future: asyncio.Future[UpstreamResponse] | None = None
        self._method = ""
        self._progress = False
        self._unseen = self._arrived = 0
        self._status = 0
        """Of the final answer, once its head is complete."""
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers: tuple[tuple[str, str], ...] = ()
        self._encoding = ""
        self._content = _NO_CONTENT
        self._ends_with_connection = False

    def exchange(self, method: str, head: bytes, body: bytes) -> asyncio.Future[UpstreamResponse]:
        """Send a request; the future fails with `UpstreamFailure`. Whoever cancels it must `abort` the connection."""
        future: asyncio.Future[UpstreamResponse] = self._loop.create_future()
        transport = self._transport
        if transport is None or transport.is_closing():
            future.set_exception(_closed(sent=False))
            return future
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._future = future
        self.used = self.reusable
        self.reusable = self.received = False
        self._method = method
        self._unseen = self._status = 0
        if len(body) <= _JOINED:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        return future

    def expire(self) -> None:
        """The time for the exchange is over."""
        self._fail(UpstreamFailure(FailureKind.TIMEOUT, "The upstream did not answer in time.", sent=True))

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._ends_with_connection and self._status and exc is None:
            self._complete(keep=False)
        self._fail(_closed(sent=True))
        self._parser = None  # it holds this object's methods: without this, only the collector would free both
        self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        parser, future = self._parser, self._future
        if parser is None or future is None or future.done():
            self.abort()  # nobody asked: an answer to nothing must not become the answer to the next request
            return
        self.received = True
        self._progress = False
        self._arrived = self._unseen + len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(_protocol("it switched to a protocol that nobody asked for"))
        except httptools.HttpParserError as error:
            self._fail(_cause(error))
        else:
            if self._progress and self._status:
                self._unseen = 0
            else:
                self._bound()

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self._future is None or self._future.done():
            raise _Enough
        self._status = 0
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._progress = True
        parser = self._parser
        assert parser is not None  # noqa: S101  # it is calling; tells the type checker
        status = parser.get_status_code()
        if status < 200:
            if status < 100:
                raise _protocol("its status is not one")
            return
        self._status = status
        self._read_fields()
        if has_body(self._method, status):
            self._content = open_content(self._encoding, self._limits.response_bytes)
            return
        self._content = _NO_CONTENT
        if self._method == "HEAD":  # llhttp does not know what was asked and would wait for the content
            self._parser = None
            self._complete(keep=parser.should_keep_alive())

    def on_body(self, data: bytes) -> None:
        if self._future is None or self._future.done():
            raise _Enough
        self._progress = True
        content = self._content
        content.feed(data)
        if content.full:
            self._complete(keep=False)
            raise _Enough

    def on_message_complete(self) -> None:
        parser = self._parser
        if self._status and parser is not None:  # an interim answer has no status here
            self._complete(keep=parser.should_keep_alive())

    # Inside

    def _read_fields(self) -> None:
        """Fields that come later are trailers and are dropped."""
        fields, self._fields = self._fields, []
        limits = self._limits
        if len(fields) > limits.headers or (
            self._arrived > limits.header_bytes and sum(len(k) + len(v) + 4 for k, v in fields) > limits.header_bytes
        ):
            raise _protocol("its head is too large")
        known = _NAMES.get
        headers = tuple([(known(k) or k.decode("ascii").lower(), v.decode("latin-1").rstrip(" \t")) for k, v in fields])
        framed = False
        encoding = ""
        for name, value in headers:
            if name not in _FRAMED_BY:
                continue
            if name == "content-encoding":
                encoding = f"{encoding},{value}" if encoding else value
                continue
            if name == "transfer-encoding" and value.lower() != "chunked":
                raise _protocol("its transfer coding is not known")
            framed = True
        self._headers = headers
        self._encoding = encoding
        self._ends_with_connection = not framed

    def _bound(self) -> None:
        """Bounds on what the parser keeps to itself: an unfinished field, interim answers, trailers, chunk extensions."""
        self._unseen = self._arrived
        if self._unseen > self._limits.header_bytes:
            self._fail(_protocol("its head is too large"))

    def _complete(self, *, keep: bool) -> None:
        future = self._future
        if future is None or future.done():
            return
        content = self._content
        try:
            body = content.finish()
        except DecodeFailed as error:
            self._fail(_undecodable(error))
            return
        transport = self._transport
        self.reusable = keep and transport is not None and transport.get_write_buffer_size() == 0
        future.set_result(UpstreamResponse(self._status, self._headers, body, content.full))

    def _fail(self, failure: UpstreamFailure) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(failure)
        self.abort()


def _cause(error: httptools.HttpParserError) -> UpstreamFailure:
    cause = error.__context__
    if isinstance(cause, UpstreamFailure):
        return cause
    if isinstance(cause, DecodeFailed):
        return _undecodable(cause)
    return _protocol(str(error) or "it could not be read")


def _protocol(what: str) -> UpstreamFailure:
    return UpstreamFailure(FailureKind.PROTOCOL, f"The upstream's answer is not valid HTTP: {what}.", sent=True)


def _undecodable(error: DecodeFailed) -> UpstreamFailure:
    return UpstreamFailure(FailureKind.DECODE, f"The upstream's answer cannot be decoded: {error}.", sent=True)


def _closed(*, sent: bool) -> UpstreamFailure:
    return UpstreamFailure(
        FailureKind.CLOSED, "The upstream closed the connection before its answer was complete.", sent=sent
    )
