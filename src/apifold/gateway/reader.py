"""Bytes from a caller to complete HTTP messages, or to the status that refuses them. No socket, no clock.

The grammar is llhttp's in its strict mode: bare LF, folded lines, white space before a colon, two lengths, a length
beside a transfer coding are errors there. What it leaves open is closed here: sizes, counts, Host, trailers, codings,
versions. A message reaches the other side whole or not at all.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto

import httptools
import msgspec

from apifold.core.limits import WireLimits

PIPELINED = 64
"""Complete messages kept at most: a caller that sends more in one piece is answered so far, then disconnected."""

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_COMMON = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Host",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Session-Id",
    "Origin",
    "Transfer-Encoding",
    "User-Agent",
]
_NAMES = {form.encode(): name.lower() for name in _COMMON for form in (name, name.lower())}
_OFFERS = frozenset({"upgrade", "http2-settings"})
"""Fields, and options of Connection, that offer another protocol (RFC 9110 7.8)."""
_SINGLE = frozenset({"host", "content-length", "transfer-encoding"})


class Phase(Enum):
    IDLE = auto()
    """No byte of the next message has come."""
    HEAD = auto()
    BODY = auto()


class Refused(Exception):
    """Raised inside a parser callback: the message is answered with `status`; 0 closes without a word."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Message(msgspec.Struct):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep: bool
    """The caller lets the connection live on after the answer."""
    old: bool
    """HTTP/1.0: no chunks, no keeping unless announced."""


class RequestReader:
    """Feed it what comes from the socket; complete messages pile up in `messages`."""

    __slots__ = (
        "_body",
        "_completed",
        "_fields",
        "_headers",
        "_limits",
        "_offered",
        "_old",
        "_parser",
        "_pipelined",
        "_progress",
        "_size",
        "_unseen",
        "_url",
        "expects_continue",
        "messages",
        "phase",
        "stopped",
    )

    def __init__(self, limits: WireLimits, *, pipelined: int = PIPELINED) -> None:
        self.phase = Phase.IDLE
        self.messages: deque[Message] = deque()
        self.expects_continue = False
        """The caller waits for a 100 before it sends the body; whoever sends it sets this back."""
        self.stopped = False
        """No message is begun after the one at hand."""
        self._limits = limits
        self._pipelined = pipelined
        self._parser = httptools.HttpRequestParser(self)
        self._completed = self._progress = False
        self._unseen = 0
        self._old = False
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._offered: list[tuple[bytes, bytes]] = []
        """The fields of a head that may offer another protocol."""
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._size = 0

    def feed(self, data: bytes) -> int | None:
        """Read on. Returns a status when the caller is to be refused, after the messages that are complete have been
        answered (0: closed without a word); nothing can be fed after that.
        """
        if self.phase is Phase.IDLE:
            self.phase = Phase.HEAD
        self._completed = self._progress = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._decline(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            return cause.status if isinstance(cause, Refused) else 400
        return self._over_bound(len(data))

    @property
    def size(self) -> int:
        """Bytes of the latest body that have come so far."""
        return self._size

    def drop(self) -> None:
        """Forget the message that has begun; nothing can be fed after that."""
        self._body = b""
        self._size = 0

    def release(self) -> None:
        """Break the cycle with the parser, which holds this object's methods; nothing can be fed after that."""
        del self._parser
        self.drop()
        self.messages.clear()

    def _decline(self, rest: bytes) -> int | None:
        """No other protocol is spoken here: the message is read as if none had been offered. The parser stops in front of
        its content, so a new one reads it, after the same head without the offer.
        """
        fields, self._offered = self._offered, []
        version = b"1.0" if self._old else b"1.1"
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, version)]
        lines += [b"%b: %b" % field for field in _without_offers(fields)]
        self._parser = httptools.HttpRequestParser(self)
        return self.feed(b"%b\r\n\r\n%b" % (b"\r\n".join(lines), rest))

    def _over_bound(self, size: int) -> int | None:
        """Bounds on what the parser keeps to itself: an unfinished field, trailers, chunk extensions."""
        if self._completed or self._progress or self.phase is Phase.IDLE:
            self._unseen = 0
            return None
        self._unseen += size
        if self._unseen <= self._limits.head_bytes:
            return None
        return 431 if self.phase is Phase.HEAD else 400

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self.stopped or len(self.messages) >= self._pipelined:
            raise Refused(0)
        self.phase = Phase.HEAD
        self._url = b""
        self._fields = []
        self._body = b""
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self._limits.url_bytes:
            raise Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.phase = Phase.BODY
        self._progress = True
        headers = self._headers = self._read_fields()
        version = self._parser.get_http_version()
        self._old = version != "1.1"
        if self._old and version != "1.0":
            raise Refused(505)
        if "host" not in headers and not self._old:
            raise Refused(400)  # RFC 9112 3.2
        if "transfer-encoding" in headers:
            if self._old:
                raise Refused(400)  # RFC 9112 6.1: faulty framing
            if headers["transfer-encoding"].lower() != "chunked":
                raise Refused(501)
        elif "content-length" in headers and int(headers["content-length"]) > self._limits.body_bytes:
            raise Refused(413)
        if "expect" in headers:
            if headers["expect"].lower() != "100-continue":
                raise Refused(417)
            self.expects_continue = not self._old

    def on_body(self, data: bytes) -> None:
        self._progress = True
        self._size += len(data)
        if self._size > self._limits.body_bytes:
            raise Refused(413)
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:  # grows in place from the second piece on: a list of tiny pieces would cost many times their size
            self._body = bytearray(self._body)
            self._body += data

    def on_message_complete(self) -> None:
        parser = self._parser
        method = parser.get_method()
        path, _, query = self._target().partition("?")
        if parser.should_upgrade():
            return  # its content is still to be read
        keep = parser.should_keep_alive()
        name = _METHODS.get(method) or method.decode("ascii")
        self.messages.append(Message(name, path, query, self._headers, bytes(self._body), keep, self._old))
        self.phase = Phase.IDLE
        self.expects_continue = False
        self._completed = True

    def _read_fields(self) -> dict[str, str]:
        """Lower-case names to trimmed values. Fields that come later are trailers and are dropped (RFC 9110 6.5.1)."""
        fields, self._fields = self._fields, []
        headers: dict[str, str] = {}
        size = len(self._url)
        for name, value in fields:
            size += len(name) + len(value) + 4
            key = _NAMES.get(name) or name.decode("ascii").lower()
            text = value.decode("latin-1").strip(" \t")
            if key not in headers:
                headers[key] = text
            elif key in _SINGLE:
                raise Refused(400)
            else:
                headers[key] = f"{headers[key]}, {text}"
        if size > self._limits.head_bytes or len(fields) > self._limits.headers:
            raise Refused(431)
        if "upgrade" in headers:
            self._offered = fields
        return headers

    def _target(self) -> str:
        """The request target in origin form (RFC 9112 3.2); the authority of an absolute one stands above Host."""
        target = self._url.decode("ascii")
        if "#" in target:
            raise Refused(400)
        if target.startswith("/") or target == "*":
            return target
        scheme, found, rest = target.partition("://")
        if not found or scheme.lower() not in {"http", "https"}:
            raise Refused(400)
        end = min((rest.index(mark) for mark in "/?" if mark in rest), default=len(rest))
        if not end or "@" in rest[:end]:
            raise Refused(400)
        self._headers["host"] = rest[:end]
        return rest[end:] if rest[end : end + 1] == "/" else f"/{rest[end:]}"


def _without_offers(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields:
        key = name.decode("ascii").lower()
        if key == "connection":
            options = (option.strip() for option in value.decode("latin-1").split(","))
            kept = ", ".join(option for option in options if option.lower() not in _OFFERS)
            if kept:
                yield name, kept.encode("latin-1")
        elif key not in _OFFERS:
            yield name, value
