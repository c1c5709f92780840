"""Both adapters of the `Upstream` port behind one handle, and short words for the requests that tests send."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from apifold.core.limits import CALL, POOL, CallLimits, PoolLimits
from apifold.core.requests.destination import ALLOW_PRIVATE, DestinationPolicy
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest, UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.ports import Upstream
from apifold.gateway.upstream.aiohttp_client import AiohttpUpstream
from apifold.gateway.upstream.client import UpstreamClient
from apifold.gateway.upstream.resolver import Resolver
from support.upstream_lab import RawUpstream, answering, once


@dataclass(frozen=True)
class Lab:
    """Opens clients of the adapter under test."""

    adapter: type[UpstreamClient] | type[AiohttpUpstream]

    @classmethod
    def ours_alone(cls) -> "Lab":
        return cls(UpstreamClient)

    @property
    def ours(self) -> bool:
        return self.adapter is UpstreamClient

    @asynccontextmanager
    async def client(
        self,
        *,
        policy: DestinationPolicy = ALLOW_PRIVATE,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        call_limits: CallLimits = CALL,
        limits: PoolLimits = POOL,
    ) -> AsyncIterator[Upstream]:
        client = self.adapter(policy=policy, resolver=resolver, tls=tls, call_limits=call_limits, limits=limits)
        try:
            yield client
        finally:
            await client.close()
            await asyncio.sleep(0)

    async def answer(self, raw: bytes, *, close: bool = False, method: str = "GET") -> UpstreamResponse:
        """What a raw answer becomes; `close` ends the connection after it."""
        async with RawUpstream(once(raw) if close else answering(raw)) as upstream, self.client() as client:
            return await client.send(replace(get(at(upstream)), method=method), timeout=5)


def get(origin: Origin, target: str = "/", *headers: tuple[str, str]) -> UpstreamRequest:
    return UpstreamRequest("GET", origin, target, headers, b"", BodyKind.NONE, idempotent=True)


def post(origin: Origin, target: str = "/", *headers: tuple[str, str], body: bytes = b"") -> UpstreamRequest:
    return UpstreamRequest("POST", origin, target, headers, body, BodyKind.BYTES, idempotent=False)


def at(upstream: RawUpstream, host: str = "127.0.0.1", scheme: str = "http") -> Origin:
    return Origin(scheme, host, upstream.port)


async def failure(client: Upstream, request: UpstreamRequest, timeout: float = 5) -> tuple[FailureKind, bool]:
    """How a call fails: the kind, and whether something may have been sent."""
    with pytest.raises(UpstreamFailure) as caught:
        await client.send(request, timeout=timeout)
    return caught.value.kind, caught.value.sent
