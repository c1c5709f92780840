"""One message of a caller and the one answer to it: how an answer is framed (RFC 9112 section 6)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from apifold.gateway.http1 import has_body
from apifold.gateway.reader import Message

_LARGE = 64 * 1024
"""Bytes of an answer above which its pieces are written one by one."""


class Wire(Protocol):
    """What an exchange needs of the connection it belongs to."""

    peer: str

    @property
    def ending(self) -> bool:
        """No message is taken after this one."""

    def head(self, status: int, headers: Sequence[tuple[str, str]]) -> bytes:
        """Status line and fields; raises `ValueError` for what must not be written."""

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None: ...

    def answered(self, exchange: "HTTPExchange", *, keep: bool) -> None: ...

    def settle(self, exchange: "HTTPExchange", task: asyncio.Task[None]) -> None: ...

    def close(self) -> None: ...

    def reset(self) -> None: ...


class HTTPExchange:
    """Implements `ports.Exchange`."""

    __slots__ = (
        "_chunked",
        "_keep",
        "_old",
        "_wire",
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

    def __init__(self, wire: Wire, message: Message) -> None:
        self.method = message.method
        self.path = message.path
        self.query = message.query
        self.headers: Mapping[str, str] = message.headers
        self.body = message.body
        self.peer = wire.peer
        self.cancel_on_disconnect = True
        self.started = False
        self.ended = False
        self.task: asyncio.Task[None] | None = None
        self._wire = wire
        self._keep = message.keep
        self._old = message.old
        self._chunked = False

    def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes | tuple[bytes, ...]) -> None:
        head = self._open(status, headers)
        pieces = (body,) if isinstance(body, bytes) else body
        if status in {204, 304}:
            self._wire.write(b"%b%b\r\n" % (head, self._persistence()))
        else:
            size = sum(map(len, pieces))
            head = b"%bcontent-length: %d\r\n%b\r\n" % (head, size, self._persistence())
            if self.method == "HEAD":
                self._wire.write(head)
            elif size < _LARGE:
                self._wire.write(b"".join((head, *pieces)))
            else:  # the event loop gathers them; putting half a megabyte together costs more than all the rest
                self._wire.write(head)
                for piece in pieces:
                    self._wire.write(piece)
        self._close()

    def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        head = self._open(status, headers)
        bodied = has_body(self.method, status)
        framing = b""
        if bodied and self._old:  # no chunks for HTTP/1.0: the end of the connection ends the answer
            self._keep = False
        elif bodied:
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n"
        self._wire.write(b"%b%b%b\r\n" % (head, framing, self._persistence()))
        if not bodied:
            self._close()

    async def send(self, chunk: bytes) -> None:
        if not self.started:
            raise RuntimeError("send before start")
        if self.ended or not chunk:  # an empty chunk would end the answer (RFC 9112 7.1)
            return
        self._wire.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)
        await self._wire.drained()

    def end(self) -> None:
        if not self.started:
            raise RuntimeError("end before start")
        if self.ended:
            return
        if self._chunked:
            self._wire.write(b"0\r\n\r\n")
        self._close()

    def finished(self, task: asyncio.Task[None]) -> None:
        """The handler's work is over, one way or another."""
        self._wire.settle(self, task)

    def cut(self) -> None:
        """End the connection inside the answer: the only way to say that it is not whole."""
        self.ended = True
        if self._chunked:  # the missing last chunk says it
            self._wire.close()
        else:
            self._wire.reset()

    def abandon(self) -> None:
        """The caller is gone: what is written from now on is dropped; work is cancelled unless it is meant to go on."""
        self.ended = True
        if self.task is not None and self.cancel_on_disconnect:
            self.task.cancel()

    def _open(self, status: int, headers: Sequence[tuple[str, str]]) -> bytes:
        if self.started:
            raise RuntimeError("this exchange has been answered")
        head = self._wire.head(status, headers)
        self.started = True
        self._keep = self._keep and not self._wire.ending
        return head

    def _persistence(self) -> bytes:
        if not self._keep:
            return b"connection: close\r\n"
        return b"connection: keep-alive\r\n" if self._old else b""

    def _close(self) -> None:
        if not self.ended:
            self.ended = True
            self._wire.answered(self, keep=self._keep)
