"""The HTTP edge of MCP: who may come in, and which transport a path speaks.

The order of the checks is the order of the answers: name we are called by, page that calls, path, caller, method. What
comes after is the business of the transports.
"""

from functools import lru_cache, partial

from apifold.core.effects import Clock, Entropy
from apifold.core.limits import WIRE, WireLimits
from apifold.core.policy.access import Principal
from apifold.gateway.access import (
    LOOPBACK_ONLY,
    AccessRules,
    Denied,
    Verify,
    anonymous,
    cross_origin_fields,
    is_host_allowed,
    is_origin_allowed,
    preflight_fields,
)
from apifold.gateway.answers import Rest, not_allowed, say_text
from apifold.gateway.legacy_sse import LegacySSE
from apifold.gateway.listen import Streams
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Exchange
from apifold.gateway.routes import Leg, Resolver, Route
from apifold.gateway.sessions import Sessions
from apifold.gateway.streamable import StreamableHTTP
from apifold.gateway.streams import Fields

_ABOUT = """\
{title} speaks the Model Context Protocol.

Point an MCP client at the path /mcp of this address (Streamable HTTP; older clients: /sse).
"""


class MCPTransport:
    """Serves the endpoints that `resolve` finds. `handle` is the handler for the HTTP server."""

    def __init__(
        self,
        resolve: Resolver,
        *,
        clock: Clock,
        entropy: Entropy,
        access: AccessRules = LOOPBACK_ONLY,
        verify: Verify = anonymous,
        limits: WireLimits = WIRE,
    ) -> None:
        self._resolve = resolve
        # The same few names and origins come with every request; what strangers send must not pile up.
        self._is_host_allowed = lru_cache(maxsize=64)(partial(is_host_allowed, access))
        self._is_origin_allowed = lru_cache(maxsize=64)(partial(is_origin_allowed, access))
        self._verify = verify
        self.sessions = Sessions(clock, entropy, limits=limits)
        self.streams = Streams(limits=limits)
        patience = Patience(limits=limits)
        self._streamable = StreamableHTTP(self.sessions, self.streams, patience, limits=limits)
        self._sse = LegacySSE(self.sessions, self.streams, patience, limits=limits)

    def handle(self, exchange: Exchange) -> Rest:
        headers = exchange.headers
        if not self._is_host_allowed(headers.get("host", "")):
            return say_text(exchange, 421, "This server does not go by that name.\n", ())
        fields: Fields = ()
        origin = headers.get("origin")
        if origin is not None:
            if not self._is_origin_allowed(origin):
                return say_text(exchange, 403, "Pages of this origin may not use this server.\n", ())
            fields = cross_origin_fields(origin)
        route = self._resolve(exchange.path)
        if route is None:
            return say_text(exchange, 404, "There is nothing here.\n", fields)
        if exchange.method == "OPTIONS" and origin is not None:
            exchange.respond(204, preflight_fields(origin, headers.get("access-control-request-headers", "")), b"")
            return None
        caller = self._verify(exchange)
        if isinstance(caller, Denied):
            challenge = (("www-authenticate", caller.challenge), *fields)
            return say_text(exchange, 401, "This server asks for a token: Authorization: Bearer …\n", challenge)
        return self._lead(exchange, route, caller, fields)

    def _lead(self, exchange: Exchange, route: Route, caller: Principal, fields: Fields) -> Rest:
        if route.leg is Leg.MCP:
            return self._streamable.handle(exchange, route.endpoint, caller, fields)
        if route.leg is Leg.SSE:
            return self._sse.connect(exchange, route.endpoint, caller, route.messages, fields)
        if route.leg is Leg.MESSAGES:
            return self._sse.post(exchange, route.endpoint, caller, fields)
        if exchange.method not in {"GET", "HEAD"}:
            return not_allowed(exchange, "GET", fields)
        described = route.endpoint.backend.description
        return say_text(exchange, 200, _ABOUT.format(title=described.title or described.name), fields)

    def close(self) -> None:
        """End sessions and the streams of HTTP+SSE. Endpoints end their streams of changes themselves (`Endpoint.close`)."""
        self._sse.close()
        self.sessions.close()
