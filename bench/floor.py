"""The floor: the least that can answer these `tools/call` requests, for the product to be held against.

`python bench/floor.py PORT BASE_URL [--bare]`. Without `--bare` it stands on the product's own HTTP server and upstream
client and does the one call with nothing else: decode, make the URL, send, splice the answer. With `--bare` even those
are replaced by two bare protocols without limits, deadlines, checks or a pool that waits: what a socket costs.
"""

import asyncio
import contextlib
import sys
from collections import deque
from typing import ClassVar, cast
from urllib.parse import quote, urlencode, urlsplit

import httptools
import msgspec
import uvloop

from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest
from apifold.gateway.ports import Exchange
from apifold.gateway.server import HTTPServer
from apifold.gateway.upstream.client import UpstreamClient

JSON_HEADERS = (("content-type", "application/json"),)
POST_HEADERS = (("Accept", "application/json"), ("Content-Type", "application/json"))
GET_HEADERS = (("Accept", "application/json"),)


class Params(msgspec.Struct, gc=False):
    name: str
    arguments: dict[str, msgspec.Raw]


class Call(msgspec.Struct, gc=False):
    id: int
    params: Params


decode = msgspec.json.Decoder(Call).decode
text_of = msgspec.json.Decoder(str).decode
number_of = msgspec.json.Decoder(int).decode
encode = msgspec.json.Encoder().encode


def target_of(call: Call) -> tuple[str, str, bytes]:
    arguments = call.params.arguments
    if call.params.name == "create_order":
        return "POST", "/orders", bytes(arguments["body"])
    if call.params.name == "get_report":
        return "GET", f"/reports?{urlencode({'month': text_of(arguments['month'])})}", b""
    query = urlencode({"q": text_of(arguments["q"]), "limit": number_of(arguments["limit"])}, quote_via=quote)
    return "GET", f"/items/{quote(text_of(arguments['id']), safe='')}?{query}", b""


def result(call: Call, body: bytes) -> bytes:
    text = encode(body.decode())
    return (
        b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":%b}],"structuredContent":%b,"isError":false}}'
        % (call.id, text, body)
    )


async def over_ours(port: int, base: str) -> None:
    parts = urlsplit(base)
    origin = Origin("http", parts.hostname or "", parts.port or 80)
    client = UpstreamClient(policy=DestinationPolicy.allowing((), private=True))

    async def answer(exchange: Exchange) -> None:
        call = decode(exchange.body)
        method, target, body = target_of(call)
        kind = BodyKind.JSON if body else BodyKind.NONE
        request = UpstreamRequest(
            method, origin, target, POST_HEADERS if body else GET_HEADERS, body, kind, idempotent=not body
        )
        response = await client.send(request, timeout=30.0)
        exchange.respond(200, JSON_HEADERS, result(call, response.body))

    server = HTTPServer(answer)
    await server.start("127.0.0.1", port)
    await asyncio.Event().wait()


class BareClient(asyncio.Protocol):
    """One connection to the upstream; answers one request at a time."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[bytes] | None = None
        self.parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpResponseParser(self)

    def ask(self, data: bytes) -> "asyncio.Future[bytes]":
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self.waiter

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        body, self.parts = b"".join(self.parts), []
        if self.waiter is not None:
            self.waiter.set_result(body)


class BareServer(asyncio.Protocol):
    idle: ClassVar[deque[BareClient]] = deque()
    upstream: ClassVar[tuple[str, int]] = ("127.0.0.1", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpRequestParser(self)
        self.parts: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        body, self.parts = b"".join(self.parts), []
        self.task = asyncio.get_running_loop().create_task(self.answer(decode(body)))

    async def answer(self, call: Call) -> None:
        method, target, body = target_of(call)
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.upstream[0]}:{self.upstream[1]}\r\n"
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n" if body else "\r\n"
        if self.idle:
            client = self.idle.pop()
        else:
            _, client = await asyncio.get_running_loop().create_connection(BareClient, *self.upstream)
        out = result(call, await client.ask((head + framing).encode() + body))
        self.idle.append(client)
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(out), out)
        )


async def over_bare(port: int, base: str) -> None:
    parts = urlsplit(base)
    BareServer.upstream = (parts.hostname or "", parts.port or 80)
    await asyncio.get_running_loop().create_server(BareServer, "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    chosen = over_bare if "--bare" in sys.argv else over_ours
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(chosen(int(sys.argv[1]), sys.argv[2]))
