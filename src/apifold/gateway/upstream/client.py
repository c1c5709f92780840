"""Our own HTTP/1.1 client: sends the request byte for byte as it was built, to an address that was checked.

On the wire the request line comes first, then `Host`, the fields of the request in their order and letter case, and
`Content-Length` when there is a body or the method expects one. Nothing else is added. No redirect is followed, no proxy
of the environment is used, no cookie is kept.

One thing is repeated here and nowhere else: an idempotent request whose kept connection turns out to have been closed
by the other side before a byte of an answer came is sent once more on a new connection (RFC 9112 9.3.1).
"""

import asyncio
import errno
import ssl

from apifold.core.limits import CALL, POOL, CallLimits, PoolLimits
from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.model import Origin, UpstreamRequest, UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.upstream.connection import UpstreamConnection
from apifold.gateway.upstream.pool import Pool
from apifold.gateway.upstream.request import RequestEncoder, unsendable
from apifold.gateway.upstream.resolver import Locator, RememberingResolver, Resolver, SystemResolver

_UNREACHABLE = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ECONNRESET: "it closed the connection at once",
    errno.EHOSTUNREACH: "there is no way to that host",
    errno.ENETUNREACH: "there is no way to that network",
    errno.ETIMEDOUT: "it does not answer",
}


class UpstreamClient:
    """Implements `ports.Upstream`. Belongs to the event loop it is first used on."""

    def __init__(
        self,
        *,
        policy: DestinationPolicy,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        call_limits: CallLimits = CALL,
        limits: PoolLimits = POOL,
    ) -> None:
        """`resolver` and `tls` default to the operating system's; the TLS context is made when it is first needed."""
        names = RememberingResolver(resolver or SystemResolver(), seconds=limits.name_seconds, names=limits.names)
        self._locator = Locator(policy, names, limits)
        self._tls = tls
        self._call_limits = call_limits
        self._limits = limits
        self._encoder = RequestEncoder()
        self._pools: dict[Origin, Pool] = {}
        self._calls = 0
        self._closed = False
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(self, request: UpstreamRequest, *, timeout: float) -> UpstreamResponse:
        pool = self._pool(request.origin)
        head = self._encoder.encode(request, pool.host_line, pool.remembered)
        if self._closed or self._calls >= self._limits.calls:
            raise UpstreamFailure(FailureKind.OVERLOADED, "Too many calls are under way.", sent=False)
        deadline = pool.loop.time() + timeout
        connection = pool.take()
        repeated = False
        self._calls += 1
        try:
            while True:  # at most twice
                if connection is None:
                    connection = await self._another(pool, deadline)
                answer = connection.exchange(request.method, head, request.body)
                timer = pool.loop.call_at(deadline, connection.expire)
                try:
                    return await answer
                except UpstreamFailure as failure:
                    if repeated or not _was_stale(connection, failure, request):
                        raise
                finally:  # also when this call is cancelled: the connection is not reusable then and is closed at once
                    timer.cancel()
                    pool.release(connection, keep=not self._closed)
                connection, repeated = None, True
        finally:
            self._calls -= 1

    async def close(self) -> None:
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _pool(self, origin: Origin | None) -> Pool:
        if origin is None:
            raise unsendable("The request has no absolute URL.")
        pool = self._pools.get(origin)
        if pool is None:
            if origin.scheme not in {"http", "https"}:
                raise unsendable(f"Only http and https are spoken, not {origin.scheme}.")
            host = self._locator.host(origin.host, origin.port)
            loop = asyncio.get_running_loop()
            canonical = Origin(origin.scheme, host, origin.port)
            pool = self._pools[origin] = Pool(canonical, loop, self._call_limits, self._limits)
            if self._sweeper is None:
                self._sweep_later(loop)
        return pool

    async def _another(self, pool: Pool, deadline: float) -> UpstreamConnection:
        """A connection that is not free yet: someone else's, or a new one."""
        connection = await pool.turn(deadline - asyncio.get_running_loop().time())
        if connection is not None:
            return connection
        try:
            return await self._connect(pool, deadline)
        except BaseException:
            pool.give_up()
            raise

    async def _connect(self, pool: Pool, deadline: float) -> UpstreamConnection:
        origin = pool.origin
        loop = asyncio.get_running_loop()
        end = min(deadline, loop.time() + self._call_limits.connect_seconds)
        try:
            async with asyncio.timeout_at(end):
                addresses = await self._locator.addresses(origin.host, origin.port)
        except TimeoutError as error:
            raise _failed(FailureKind.CONNECT_TIMEOUT, f"Looking up {origin.host} took too long.") from error
        failure: UpstreamFailure | None = None
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            now = loop.time()
            try:
                async with asyncio.timeout_at(now + (end - now) / left):
                    return await self._open(pool, address)
            except UpstreamFailure as error:
                failure = error
            except TimeoutError as error:
                failure = _failed(FailureKind.CONNECT_TIMEOUT, f"{origin} did not answer in time.")
                failure.__cause__ = error
        assert failure is not None  # noqa: S101  # there is at least one address
        raise failure

    async def _open(self, pool: Pool, address: str) -> UpstreamConnection:
        """Connect to a checked address; the name stays the one that TLS verifies."""
        origin = pool.origin
        secure = origin.scheme == "https"
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                pool.connection,
                address,
                origin.port,
                ssl=self._context() if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except ssl.SSLCertVerificationError as error:
            message = f"The certificate of {origin} is not valid: {error.verify_message}."
            raise _failed(FailureKind.TLS_FAILED, message) from error
        except ssl.SSLError as error:
            reason = error.reason or "the handshake failed"
            raise _failed(FailureKind.TLS_FAILED, f"TLS with {origin} failed: {reason}.") from error
        except OSError as error:
            reason = _UNREACHABLE.get(error.errno or 0, "it cannot be reached")
            raise _failed(FailureKind.CONNECT_FAILED, f"No connection to {origin}: {reason}.") from error
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close idle connections that have had their time; forget origins that have none left."""
        now = loop.time()
        for origin, pool in tuple(self._pools.items()):
            pool.expire(now)
            if pool.unused:
                del self._pools[origin]
        self._sweeper = None
        if self._pools:
            self._sweep_later(loop)

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = loop.call_later(self._limits.idle_seconds / 4, self._sweep, loop)


def _was_stale(connection: UpstreamConnection, failure: UpstreamFailure, request: UpstreamRequest) -> bool:
    if failure.kind is not FailureKind.CLOSED or connection.received:
        return False
    return not failure.sent or (connection.used and request.idempotent)


def _failed(kind: FailureKind, message: str) -> UpstreamFailure:
    return UpstreamFailure(kind, message, sent=False)
