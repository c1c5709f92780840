"""Open-ended answers: the frames of Server-Sent Events, and messages that wait for a caller to read them.

Memory is bounded everywhere: who produces for a slow reader waits, what may be merged is merged, what is kept for a
caller that comes back is kept up to a size.
"""

import asyncio
import math
from collections import deque

import msgspec

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.result import one_line
from apifold.gateway.ports import Exchange

Fields = tuple[tuple[str, str], ...]

SSE_FIELDS: Fields = (
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
)
KEEPALIVE = b": keep-alive\n\n"


def event(message: bytes, identifier: str = "") -> bytes:
    """One message as one SSE event."""
    head = b"id: %b\n" % identifier.encode("ascii") if identifier else b""
    return b"%bevent: message\ndata: %b\n\n" % (head, one_line(message))


class Item(msgspec.Struct, frozen=True):
    number: int
    message: bytes


class Outbox:
    """Messages on their way to one caller, numbered from 1. The latest reader is the only one.

    While somebody reads, who adds more than `backlog_bytes` waits. While nobody does, the oldest of more than `kept` bytes
    are dropped; as many bytes of what was read stay for a reader that starts again from an earlier place.
    """

    def __init__(self, *, limits: WireLimits = WIRE, kept: int = 0) -> None:
        self._backlog = limits.backlog_bytes
        self._kept = kept
        self._items: deque[Item] = deque()
        self._last = 0
        self._read = 0
        """The number up to which a reader has come."""
        self._size_read = 0
        self._size_waiting = 0
        self._keys: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._retry: float | None = None
        self._readers = 0
        self._attended = False
        self.closed = False

    # Writing

    def push(self, message: bytes, key: str = "") -> None:
        """Add a message without waiting. One that waits under the same `key` already makes this one needless."""
        if self.closed or (key and self._keys.get(key, 0) > self._read):
            return
        self._last += 1
        if key:
            self._keys[key] = self._last
        self._items.append(Item(self._last, message))
        self._size_waiting += len(message)
        if not self._attended:
            self._drop_oldest()
        elif self._size_waiting > self._backlog:
            self._room.clear()
        self._wake.set()

    async def put(self, message: bytes) -> None:
        """Add a message once the caller has read enough of the ones before it."""
        await self.room()
        self.push(message)

    @property
    def full(self) -> bool:
        """So much waits to be read that nothing should be added that can be done without."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Until the outbox is not full, or closed."""
        await self._room.wait()

    def close(self) -> None:
        """Nothing will follow. What waits can still be read."""
        self.closed = True
        self._wake.set()
        self._room.set()

    def release(self, retry_seconds: float) -> None:
        """Ask the reader to let go of its connection, once it has read what is there, and to come back after a while."""
        if self._attended:
            self._retry = retry_seconds
            self._wake.set()

    # Reading

    @property
    def unread(self) -> bool:
        return self._last > self._read

    def attach(self) -> int:
        """Begin to read; whoever read before finds that `is_reader` is over."""
        self._readers += 1
        self._attended = True
        self._retry = None
        self._wake.set()
        return self._readers

    def detach(self, reader: int) -> None:
        if self.is_reader(reader):
            self._attended = False
            self._room.set()
            self._drop_oldest()

    def is_reader(self, reader: int) -> bool:
        return self._attended and reader == self._readers

    def rewind(self, number: int) -> bool:
        """Read again from after `number`; false when that is not there any more."""
        oldest = self._items[0].number if self._items else self._last + 1
        if not oldest - 1 <= number <= self._last:
            return False
        self._read = number
        self._size_read = sum(len(i.message) for i in self._items if i.number <= number)
        self._size_waiting = sum(len(i.message) for i in self._items if i.number > number)
        return True

    def take(self) -> Item | None:
        """The next message, now known to be read; `None` when none waits."""
        if self._read >= self._last:
            return None
        item = self._items[self._read + 1 - self._items[0].number]
        self._read = item.number
        self._size_waiting -= len(item.message)
        self._size_read += len(item.message)
        while self._items and self._items[0].number <= self._read and self._size_read > self._kept:
            self._size_read -= len(self._items.popleft().message)
        if self._size_waiting <= self._backlog:
            self._room.set()
        return item

    def take_last(self, *, even_if_not_alone: bool) -> Item | None:
        """The last message of a closed outbox, if nothing else was ever added, or if that does not matter."""
        if not self.closed or not self._items or not (self._last == 1 or even_if_not_alone):
            return None
        self._read, self._size_waiting = self._last, 0
        self._size_read = sum(len(item.message) for item in self._items)
        return self._items[-1]

    async def finished(self) -> None:
        """Until the outbox is closed; what it held before its last message is of no interest."""
        while not self.closed:
            while self.take() is not None:
                continue
            await self.wait(math.inf)

    def released(self) -> float | None:
        """The seconds after which to come back, said once."""
        retry, self._retry = self._retry, None
        return retry

    async def wait(self, seconds: float) -> bool:
        """Until there is something to do for a reader; false when `seconds` went by without."""
        if self.unread or self.closed or self._retry is not None:
            return True
        self._wake.clear()
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _drop_oldest(self) -> None:
        """The last message, which may be the answer, is never dropped."""
        while len(self._items) > 1 and self._size_read + self._size_waiting > self._kept:
            item = self._items.popleft()
            if item.number > self._read:
                self._size_waiting -= len(item.message)
                self._read = item.number
            else:
                self._size_read -= len(item.message)


async def pump(
    outbox: Outbox,
    exchange: Exchange,
    *,
    reader: int,
    stream: int = 0,
    last: bytes = b"",
    limits: WireLimits = WIRE,
) -> None:
    """Write an outbox to a started event stream until it is closed and empty, or the caller is to let go. Ends the exchange.

    Events get ids when `stream` is a number of a stream that can be resumed. `last` is written when the outbox was closed.
    """
    try:
        while outbox.is_reader(reader):
            while outbox.is_reader(reader) and (item := outbox.take()) is not None:
                await exchange.send(event(item.message, f"{stream}-{item.number}" if stream else ""))
            if outbox.closed:
                await exchange.send(last)
                break
            if (retry := outbox.released()) is not None:
                await exchange.send(b"retry: %d\n\n" % int(retry * 1000))
                break
            if not await outbox.wait(limits.keepalive_seconds):
                await exchange.send(KEEPALIVE)
    finally:
        outbox.detach(reader)
    exchange.end()
