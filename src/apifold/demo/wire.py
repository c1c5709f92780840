"""A small HTTP/1.1 server for the demo API: one coroutine per connection, one answer per request, in order.

It knows nothing of books: a handler turns a `Request` into a `Response`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httptools

BODY_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 64 * 1024
CHUNK = 64 * 1024
LINGER_READS = 256


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """Still percent-encoded."""
    query: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


class TooLarge(Exception):
    """The request goes over a bound; the connection is closed after saying so."""


class _Collector:
    """Gathers the callbacks of the parser into whole requests."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.complete: list[tuple[Request, bool]] = []
        self.expects_continue = False
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._body = bytearray()

    def on_message_begin(self) -> None:
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_BYTES:
            raise TooLarge

    def on_headers_complete(self) -> None:
        self.expects_continue = self._headers.get("expect", "").lower() == "100-continue"

    def on_body(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > BODY_BYTES:
            raise TooLarge

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self.parser.get_method().decode("ascii")
        request = Request(method, path, query, self._headers, bytes(self._body))
        self.complete.append((request, self.parser.should_keep_alive()))


class HTTPServer:
    """Listens from `start` to `close`."""

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._handler = handler
        self._host = host
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is really listened on, known after `start`."""
        if self._server is None:
            return self._wanted_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Raises `OSError` (`EADDRINUSE`) when the port is taken."""
        self._server = await asyncio.start_server(self._connection, self._host, self._wanted_port, limit=CHUNK)

    async def close(self) -> None:
        """Stop listening and end open connections."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return  # the other side went away, or `close` was called: nobody is left to tell
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        collector = _Collector()
        while data := await reader.read(CHUNK):
            refusal = _feed(collector, data)
            if refusal is not None:
                writer.write(_encode(refusal, method="GET", keep_alive=False))
                await _linger(reader, writer)
                return
            if collector.expects_continue and not collector.complete:
                collector.expects_continue = False
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            while collector.complete:
                request, keep_alive = collector.complete.pop(0)
                response = await self._handler(request)
                writer.write(_encode(response, method=request.method, keep_alive=keep_alive))
                await writer.drain()
                if not keep_alive:
                    return


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on for a while: closing with bytes unread would reset the connection and lose the answer (RFC 9112 9.6)."""
    writer.write_eof()
    for _ in range(LINGER_READS):
        if not await reader.read(CHUNK):
            return


def _feed(collector: _Collector, data: bytes) -> Response | None:
    """Give bytes to the parser; a refusal when they are not a request that we take."""
    try:
        collector.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return Response(400, b"no upgrade here\n", "text/plain; charset=utf-8")
    except httptools.HttpParserCallbackError as failure:
        if isinstance(failure.__context__, TooLarge):
            return Response(413, b"the request is too large\n", "text/plain; charset=utf-8")
        raise
    except httptools.HttpParserError:
        return Response(400, b"this is not HTTP/1.1\n", "text/plain; charset=utf-8")
    return None


def _encode(response: Response, *, method: str, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    if response.content_type:
        lines.append(f"Content-Type: {response.content_type}")
    if response.status not in {204, 304}:
        lines.append(f"Content-Length: {len(response.body)}")
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    head = "\r\n".join((*lines, "", "")).encode("latin-1")
    return head if method == "HEAD" else head + response.body
