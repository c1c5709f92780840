"""Connections to one origin: which are free, how many there may be, and who comes next when all are taken."""

import asyncio
from collections import deque

from apifold.core.limits import CallLimits, PoolLimits
from apifold.core.requests.model import Origin
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.upstream.connection import UpstreamConnection
from apifold.gateway.upstream.request import Remembered


class Pool:
    """First come, first served. A connection is lent to one call at a time and comes back through `release`."""

    def __init__(
        self, origin: Origin, loop: asyncio.AbstractEventLoop, call_limits: CallLimits, limits: PoolLimits
    ) -> None:
        self.origin = origin
        """With the canonical host."""
        self.host_line = f"Host: {origin.authority}\r\n"
        self.remembered: Remembered = {}
        self.idle: list[UpstreamConnection] = []
        """The one used last is at the end and is used first, so that the others can grow old and go."""
        self.loop = loop
        self.now = loop.time()
        """As of the last look at idle connections: near enough for their ages."""
        self.open = 0
        """Connections that are open, and permissions to open one that have been given out."""
        self._call_limits = call_limits
        self._limits = limits
        self._waiters: deque[asyncio.Future[UpstreamConnection | None]] = deque()

    @property
    def unused(self) -> bool:
        return not self.open and not self._waiters

    def take(self) -> UpstreamConnection | None:
        """A connection that is free right now."""
        while self.idle:
            connection = self.idle.pop()
            if connection.reusable:
                return connection
            self._discard(connection)
        return None

    async def turn(self, seconds: float) -> UpstreamConnection | None:
        """Wait for a connection, at most so long. `None`: the caller may open one and must `release` it or `give_up`."""
        if self.open < self._limits.per_origin:
            self.open += 1
            return None
        if len(self._waiters) >= self._limits.waiting:
            raise _overloaded(self.origin)
        waiter: asyncio.Future[UpstreamConnection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        timer = self.loop.call_later(seconds, _refuse, waiter, self.origin)
        try:
            return await waiter
        except BaseException:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())  # it was this call's turn in the very moment it was cancelled
            raise
        finally:
            timer.cancel()

    def connection(self) -> UpstreamConnection:
        """A protocol object for a connection that is being opened."""
        return UpstreamConnection(self.loop, self._call_limits, self._lost, self.now)

    def give_up(self) -> None:
        """The permission to open a connection was not used."""
        self._pass_on(None)

    def release(self, connection: UpstreamConnection, *, keep: bool) -> None:
        """The call is over. `keep` is whether an idle connection may be kept at all."""
        if connection.reusable and self.now < connection.born + self._limits.age_seconds:
            if self._waiters and self._hand_over(connection):
                return
            if keep:
                connection.idle_since = self.now
                self.idle.append(connection)
                return
        connection.abort()
        self._pass_on(None)

    def expire(self, now: float) -> None:
        """Close what has been idle for too long, or is too old."""
        self.now = now
        limits = self._limits
        for connection in [
            c for c in self.idle if now >= c.idle_since + limits.idle_seconds or now >= c.born + limits.age_seconds
        ]:
            self.idle.remove(connection)
            self._discard(connection)

    def close(self) -> None:
        idle, self.idle = self.idle, []
        for connection in idle:
            self._discard(connection)
        while self._waiters:
            _refuse(self._waiters.popleft(), self.origin)

    def _discard(self, connection: UpstreamConnection) -> None:
        connection.abort()
        self._pass_on(None)

    def _lost(self, connection: UpstreamConnection) -> None:
        """A connection has gone by itself; one that is lent out is counted when it comes back."""
        if connection in self.idle:
            self.idle.remove(connection)
            self._pass_on(None)

    def _pass_on(self, connection: UpstreamConnection | None) -> None:
        """Something became free: a connection, or the permission to open one."""
        if connection is not None:
            self.release(connection, keep=True)
        elif not self._hand_over(None):
            self.open -= 1

    def _hand_over(self, connection: UpstreamConnection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


def _refuse(waiter: asyncio.Future[UpstreamConnection | None], origin: Origin) -> None:
    if not waiter.done():
        waiter.set_exception(_overloaded(origin))


def _overloaded(origin: Origin) -> UpstreamFailure:
    return UpstreamFailure(FailureKind.OVERLOADED, f"Too many calls are waiting for {origin}.", sent=False)
