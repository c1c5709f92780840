"""The product's whole serving side around a backend of a test: HTTP server, transport, endpoint, on a free port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from apifold.bootstrap.effects import SystemClock, SystemEntropy
from apifold.core.limits import WIRE, WireLimits
from apifold.gateway.access import LOOPBACK_ONLY, AccessRules, Verify, anonymous
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.ports import Backend, ConnectionEvent
from apifold.gateway.routes import serve_one
from apifold.gateway.server import HTTPServer
from apifold.gateway.transport import MCPTransport


@dataclass(frozen=True)
class Serving:
    origin: str
    port: int
    endpoint: Endpoint
    transport: MCPTransport
    crashes: list[BaseException]
    connections: list[ConnectionEvent]

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"


@asynccontextmanager
async def serving(
    backend: Backend,
    *,
    access: AccessRules = LOOPBACK_ONLY,
    verify: Verify = anonymous,
    limits: WireLimits = WIRE,
) -> AsyncIterator[Serving]:
    crashes: list[BaseException] = []
    connections: list[ConnectionEvent] = []
    endpoint = Endpoint(backend, on_crash=lambda _, error: crashes.append(error), on_connect=connections.append)
    transport = MCPTransport(
        serve_one(endpoint),
        clock=SystemClock(),
        entropy=SystemEntropy(),
        access=access,
        verify=verify,
        limits=limits,
    )
    server = HTTPServer(transport.handle, limits=limits, on_crash=crashes.append)
    await server.start("127.0.0.1", 0)
    try:
        yield Serving(f"http://127.0.0.1:{server.port}", server.port, endpoint, transport, crashes, connections)
    finally:
        endpoint.close()
        transport.close()
        await server.close(1.0)
