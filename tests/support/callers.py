"""Raw callers of our server: they send exactly what they are told and read what comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from apifold.core.limits import WIRE, WireLimits
from apifold.gateway.ports import Exchange, Handler
from apifold.gateway.server import HTTPServer

QUICK = replace(WIRE, head_seconds=0.2, body_seconds=0.2, idle_seconds=0.2, write_seconds=0.3)
"""Times short enough to wait for."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Caller:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; content by Content-Length or chunks (checked to be whole), else until the end."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        headers.pop("date", None)
        if head_only or status in {204, 304} or status < 200:
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, await self._chunks())
        if "content-length" in headers:
            return Answer(status, headers, await self.reader.readexactly(int(headers["content-length"])))
        return Answer(status, headers, await self.reader.read())

    async def rest(self) -> bytes:
        """Everything until the server closes the connection; a reset is an end."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def leave(self) -> None:
        self.writer.close()

    async def _chunks(self) -> bytes:
        content = bytearray()
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            content += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return bytes(content)


@dataclass
class Served:
    """A running server, and what its handler and its crash reporter have seen."""

    server: HTTPServer
    exchanges: list[Exchange] = field(default_factory=list)
    crashes: list[BaseException] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    async def caller(self) -> Caller:
        """A new connection; it is closed with the server at the latest."""
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20))
        self.callers.append(caller)
        return caller

    @property
    def port(self) -> int:
        return self.server.port

    async def ask(self, data: bytes) -> Answer:
        """One request on a connection of its own."""
        caller = await self.caller()
        await caller.send(data)
        return await caller.answer()


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    limits: WireLimits = WIRE,
    fallback: Callable[[bytes], asyncio.Protocol | None] | None = None,
) -> AsyncIterator[Served]:
    def remembering(exchange: Exchange) -> object:
        served.exchanges.append(exchange)
        return handler(exchange)

    crashes: list[BaseException] = []
    served = Served(HTTPServer(remembering, limits=limits, on_crash=crashes.append, fallback=fallback))  # type: ignore[arg-type]  # passes on what the handler returns
    served.crashes = crashes
    await served.server.start("127.0.0.1", 0)
    try:
        yield served
    finally:
        for caller in served.callers:
            caller.writer.transport.abort()
        await served.server.close(0)


def request(line: str = "GET / HTTP/1.1", *fields: str, body: bytes = b"") -> bytes:
    """A request with a Host field; a length is added when there is a body."""
    length = (f"Content-Length: {len(body)}",) if body else ()
    return "\r\n".join((line, "Host: x", *fields, *length, "", "")).encode("latin-1") + body


def echo(exchange: Exchange) -> None:
    """Answers at once with everything it was asked."""
    lines = [exchange.method, exchange.path, exchange.query, *(f"{k}={v}" for k, v in exchange.headers.items())]
    exchange.respond(200, (("content-type", "text/plain"),), "\n".join(lines).encode() + b"\n" + exchange.body)
