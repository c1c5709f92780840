"""The HTTP server: a listening socket, the connections that came through it, and a way to end both with grace.

It knows nothing of what its handler does. Deadlines of all connections are looked at together a few times a second,
so a request costs no timer.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable

from msgspec.structs import replace

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import WIRE, WireLimits
from apifold.core.values import JSONObject
from apifold.gateway.connection import Connection, Fallback, Shared
from apifold.gateway.descriptors import make_room
from apifold.gateway.http1 import http_date
from apifold.gateway.ports import Handler

_BACKLOG = 2048
_UNWIND_SECONDS = 1.0
"""How long cancelled work has to come to its end."""


class HTTPServer:
    """HTTP/1.1 (and 1.0) over TCP for one `Handler`, on the running event loop.

    `on_crash` hears of every exception a handler lets out; the caller only sees a 500. `fallback` is asked with the raw
    request target at the first bytes of a message and may take over the whole connection with a protocol of its own.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: WireLimits = WIRE,
        on_crash: Callable[[BaseException], None] = lambda _: None,
        fallback: Fallback | None = None,
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._on_crash = on_crash
        self._fallback = fallback
        self._shared: Shared | None = None
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Address and real port of every listening socket; empty before `start` and after `close`."""
        if self._server is None:
            return ()
        return tuple(s.getsockname()[:2] for s in self._server.sockets if s.family in {socket.AF_INET, socket.AF_INET6})

    @property
    def port(self) -> int:
        """The real port, also when 0 was asked for."""
        return self.addresses[0][1]

    @property
    def connections(self) -> int:
        """How many callers are connected."""
        return len(self._shared.connections) if self._shared is not None else 0

    async def start(self, host: str, port: int, *, sock: socket.socket | None = None) -> None:
        """Listen on `host` and `port`, or on a socket that is already bound.

        Raises `AppError`: `server.port_in_use`, `server.address_unavailable`, `server.bind_refused`.
        """
        loop = asyncio.get_running_loop()
        limits = replace(self._limits, connections=make_room(self._limits.connections))
        shared = Shared(self._handler, limits, loop, self._on_crash, self._fallback)

        def accept() -> Connection:
            return Connection(shared)

        try:
            if sock is not None:
                self._server = await loop.create_server(accept, sock=sock, backlog=_BACKLOG)
            else:
                self._server = await loop.create_server(accept, host, port, backlog=_BACKLOG)
        except OSError as error:
            raise _named(error, host, port) from error
        self._shared = shared
        times = (shared.limits.head_seconds, shared.limits.body_seconds, shared.limits.idle_seconds)
        self._sweep(shared, min(1.0, min(times) / 8))

    async def close(self, grace: float) -> None:
        """Stop listening, end idle connections, let work at hand finish for `grace` seconds, then cancel it.

        Open-ended streams do not finish by themselves: whoever opened them ends them before calling this, or they are
        cancelled when the grace is over.
        """
        shared, server = self._shared, self._server
        if shared is None or server is None:
            return
        self._server = None
        shared.closing = True
        server.close()
        for connection in tuple(shared.connections):
            connection.shutdown()
        await _settled(shared, grace)
        for task in tuple(shared.tasks):
            task.cancel()
        if shared.tasks:
            await asyncio.wait(tuple(shared.tasks), timeout=_UNWIND_SECONDS)
        for connection in tuple(shared.connections):
            connection.abort()
        shared.tasks.clear()
        await _settled(shared, _UNWIND_SECONDS)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self, shared: Shared, interval: float) -> None:
        shared.date = f"date: {http_date(time.time())}\r\n".encode()
        now = shared.loop.time()
        for connection in [c for c in shared.connections if c.deadline <= now]:
            connection.expire()
        self._sweeper = shared.loop.call_later(interval, self._sweep, shared, interval)


async def _settled(shared: Shared, seconds: float) -> None:
    """Wait until no connection and no work is left, at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while shared.tasks:
                await asyncio.wait(tuple(shared.tasks))
            if shared.connections:
                await shared.empty.wait()
    except TimeoutError:
        return


def _named(error: OSError, host: str, port: int) -> AppError:
    where = f"{host}:{port}"
    details: JSONObject = {"host": host, "port": port}
    if error.errno == errno.EADDRINUSE:
        return AppError(
            "server.port_in_use",
            f"Port {port} on {host} is in use by another program.",
            category=ErrorCategory.CONFLICT,
            details=details,
            hint="Choose another with --port, or 0 for any that is free.",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return AppError(
            "server.bind_refused",
            f"This user may not listen on {where}.",
            category=ErrorCategory.FORBIDDEN,
            details=details,
            hint="Ports below 1024 need a privilege: choose a higher one with --port.",
        )
    # asyncio puts a sentence of its own where the system's words were; names that are not found have negative numbers.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return AppError(
        "server.address_unavailable",
        f"{host} is not an address of this machine ({reason}).",
        category=ErrorCategory.INVALID,
        details=details,
        hint="Listen on 127.0.0.1 for this machine only, or on one of its addresses with --host.",
    )
