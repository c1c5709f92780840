"""A client on the two ends of a pipe that is none: lines into `serve_lines`, lines out of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from apifold.core.limits import WIRE, WireLimits
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.ports import Backend
from apifold.gateway.stdio import serve_lines
from support.raw_http import META, message


class Lines:
    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.raw = b""
        self.gone = False
        """Nobody reads what the server writes."""
        self.reading = asyncio.Event()
        """Cleared: the client is slow to read."""
        self.reading.set()

    async def lines(self) -> AsyncIterator[bytes]:
        while (line := await self.sent.get()) is not None:
            yield line

    async def write(self, data: bytes) -> None:
        await self.reading.wait()
        if self.gone:
            raise BrokenPipeError
        self.raw += data
        assert data.endswith(b"\n")
        for line in data[:-1].split(b"\n"):
            self.heard.put_nowait(line)

    def send(self, said: Any) -> None:
        self.sent.put_nowait(said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n")

    def end(self) -> None:
        self.sent.put_nowait(None)

    async def hear(self) -> Any:
        return json.loads(await self.heard.get())

    async def ask(self, method: str, params: Any = None, *, identifier: Any = 1) -> Any:
        """The answer to a request, with whatever came before it dropped."""
        self.send(message(method, params, identifier=identifier))
        while True:
            heard = await self.hear()
            if "method" not in heard:
                return heard

    async def modern(self, method: str, params: Any = None, *, identifier: Any = 1) -> Any:
        return await self.ask(method, {**(params or {}), "_meta": META}, identifier=identifier)

    async def initialize(self, version: str, capabilities: Any = None) -> Any:
        client = {"name": "tester", "version": "9"}
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": client}
        answer = await self.ask("initialize", params, identifier="init")
        self.send(message("notifications/initialized", identifier=None))
        return answer


@asynccontextmanager
async def lines_to(backend: Backend, *, limits: WireLimits = WIRE, grace: float = 5.0) -> AsyncIterator[Lines]:
    """Ends the input at the end of the block and waits until the server has ended too."""
    client = Lines()
    crashes: list[BaseException] = []
    endpoint = Endpoint(backend, on_crash=lambda _, error: crashes.append(error))
    serving = asyncio.ensure_future(serve_lines(endpoint, client.lines(), client.write, limits=limits, grace=grace))
    try:
        yield client
    finally:
        client.end()
        await serving
    assert crashes == []
