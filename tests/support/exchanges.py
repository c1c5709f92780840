"""An exchange without a connection: what a handler does with it is written down."""

import asyncio
from collections.abc import Mapping, Sequence


class Recorded:
    """Implements `ports.Exchange`."""

    def __init__(
        self, method: str = "POST", path: str = "/mcp", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.method = method
        self.path = path
        self.query = ""
        self.headers: Mapping[str, str] = {"host": "127.0.0.1", **(headers or {})}
        self.body = body
        self.peer = "127.0.0.1"
        self.cancel_on_disconnect = True
        self.status = 0
        self.fields: dict[str, str] = {}
        self.answer = b""
        self.written: list[bytes] = []
        self.ended = False
        self._more = asyncio.Event()

    def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes | tuple[bytes, ...]) -> None:
        assert not self.status
        self.status = status
        self.fields = dict(headers)
        self.answer = body if isinstance(body, bytes) else b"".join(body)
        self.ended = True

    def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        assert not self.status
        self.status = status
        self.fields = dict(headers)

    async def send(self, chunk: bytes) -> None:
        if chunk and not self.ended:
            self.written.append(chunk)
            self._more.set()

    def end(self) -> None:
        self.ended = True

    async def wrote(self, count: int) -> None:
        """Until so many pieces were written."""
        while len(self.written) < count:
            self._more.clear()
            await self._more.wait()
