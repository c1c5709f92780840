"""From a host to the addresses that may be connected to.

The policy is asked every time, also about remembered addresses and literal ones, so a name that pointed to a public
address when it was first looked up gains nothing by pointing elsewhere later.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

from apifold.core.limits import POOL, PoolLimits
from apifold.core.requests.destination import DestinationPolicy, Refused, check_addresses, check_host, is_address
from apifold.gateway.failures import FailureKind, UpstreamFailure


class NameNotFound(Exception):
    """The name has no address, or none could be found out."""


class Resolver(Protocol):
    async def resolve(self, host: str) -> Sequence[str]:
        """Addresses of a canonical host name, best first. Raises `NameNotFound`."""


class SystemResolver:
    """The operating system's own idea of names, hosts file included."""

    async def resolve(self, host: str) -> Sequence[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(host) from error
        return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class RememberingResolver:
    """Remembers answers for a short, fixed time (the operating system tells no TTL) and asks once for all who wait."""

    def __init__(self, inner: Resolver, *, seconds: float = POOL.name_seconds, names: int = POOL.names) -> None:
        self._inner = inner
        self._seconds = seconds
        self._names = names
        self._known: dict[str, tuple[float, Sequence[str]]] = {}
        self._asking: dict[str, asyncio.Task[Sequence[str]]] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        known = self._known.get(host)
        if known is not None and known[0] > loop.time():
            return known[1]
        asking = self._asking.get(host)
        if asking is None:
            asking = self._asking[host] = loop.create_task(self._ask(host))
        # Shielded: one caller that leaves must not take the answer from the others.
        return await asyncio.shield(asking)

    async def _ask(self, host: str) -> Sequence[str]:
        try:
            addresses = await self._inner.resolve(host)
        finally:
            del self._asking[host]
        if len(self._known) >= self._names:
            del self._known[next(iter(self._known))]
        self._known.pop(host, None)
        self._known[host] = (asyncio.get_running_loop().time() + self._seconds, addresses)
        return addresses


class Locator:
    """Resolves and checks: the only source of addresses for every adapter."""

    def __init__(self, policy: DestinationPolicy, resolver: Resolver, limits: PoolLimits = POOL) -> None:
        self._policy = policy
        self._resolver = resolver
        self._limits = limits

    def host(self, host: str, port: int) -> str:
        """The canonical host. Raises `UpstreamFailure` when its spelling is refused already."""
        verdict = check_host(host, port, self._policy)
        if isinstance(verdict, Refused):
            raise _refusal(verdict)
        return verdict

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Where a canonical host may be reached now, best first, at least one. Raises `UpstreamFailure`."""
        found: Sequence[str] = (host,)
        if not is_address(host):
            try:
                found = await self._resolver.resolve(host)
            except NameNotFound as error:
                raise _unknown(host) from error
        verdict = check_addresses(found, host=host, port=port, policy=self._policy)
        if isinstance(verdict, Refused):
            raise _refusal(verdict)
        if not verdict:
            raise _unknown(host)
        return verdict[: self._limits.addresses]


def _refusal(verdict: Refused) -> UpstreamFailure:
    return UpstreamFailure(
        FailureKind.REFUSED_DESTINATION, f"The destination policy refuses this: {verdict.message}", sent=False
    )


def _unknown(host: str) -> UpstreamFailure:
    return UpstreamFailure(FailureKind.NAME_NOT_FOUND, f"The name {host} has no address.", sent=False)
