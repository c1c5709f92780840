"""The API behind every gateway under measurement: canned answers from a bare protocol, so that it is never the bottleneck.

Three operations (see `document.json`): a GET with path and query (1 kB answer), a POST with a nested body (1 kB answer),
and a GET with a 20 kB answer. Run as `python bench/upstream.py PORT`.
"""

import asyncio
import contextlib
import json
import sys
from typing import cast

import httptools
import uvloop


def _answer(value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


ITEM = {"id": "item-7", "name": "Oak table", "tags": ["wood", "large"], "price": 120.5, "stock": 4, "note": "x" * 880}
ORDER = {"id": "ord-1", "status": "accepted", "total": 4812, "note": "y" * 930}
ROWS = [{"id": i, "name": f"row {i}", "price": i * 1.5, "open": i % 2 == 0, "note": "z" * 40} for i in range(190)]
ANSWERS = {b"/items": _answer(ITEM), b"/order": _answer(ORDER), b"/repor": _answer({"rows": ROWS})}
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Upstream(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)
        self.path = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path = url

    def on_message_complete(self) -> None:
        self.transport.write(ANSWERS.get(self.path[:6], MISSING))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
