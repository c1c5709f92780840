"""HTTP+SSE of 2024-11-05: one GET stream per client, and POSTs whose answers go onto it.

Deprecated since 2025-03-26, and still what a client does that was told `"type": "sse"`. Both halves must reach the same
process.
"""

from urllib.parse import parse_qs

from apifold.core.limits import WIRE, WireLimits
from apifold.core.policy.access import Principal
from apifold.gateway.answers import Rest, accepted, invalid, is_json, not_allowed, say, too_many
from apifold.gateway.duplex import Duplex
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.listen import Streams
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Exchange
from apifold.gateway.sessions import Sessions
from apifold.gateway.streams import SSE_FIELDS, Fields, pump


class LegacySSE:
    def __init__(self, sessions: Sessions, streams: Streams, patience: Patience, *, limits: WireLimits = WIRE) -> None:
        self._sessions = sessions
        self._streams = streams
        self._patience = patience
        self._limits = limits
        self._open: dict[str, tuple[Endpoint, Duplex]] = {}

    def connect(
        self, exchange: Exchange, endpoint: Endpoint, principal: Principal, messages: str, fields: Fields
    ) -> Rest:
        if exchange.method != "GET":
            return not_allowed(exchange, "GET", fields)
        if self._streams.full:
            return say(exchange, too_many(), fields)
        return self._serve(exchange, endpoint, principal, messages, fields)

    async def _serve(
        self, exchange: Exchange, endpoint: Endpoint, principal: Principal, messages: str, fields: Fields
    ) -> None:
        identifier = self._sessions.new_id()
        duplex = Duplex(
            endpoint,
            principal,
            self._patience,
            identifier=identifier,
            message_bytes=self._limits.event_bytes,
            limits=self._limits,
        )
        reader = duplex.outbox.attach()
        self._open[identifier] = (endpoint, duplex)
        self._streams.open += 1
        try:
            exchange.start(200, (*SSE_FIELDS, *fields))
            # A path and nothing more: the client refuses an endpoint of another origin, and we may not know our own.
            await exchange.send(f"event: endpoint\ndata: {messages}?session_id={identifier}\n\n".encode())
            await pump(duplex.outbox, exchange, reader=reader, limits=self._limits)
        finally:
            self._streams.open -= 1
            del self._open[identifier]
            duplex.close()

    def post(self, exchange: Exchange, endpoint: Endpoint, principal: Principal, fields: Fields) -> Rest:
        if exchange.method != "POST":
            return not_allowed(exchange, "POST", fields)
        if not is_json(exchange.headers.get("content-type")):
            return say(exchange, invalid(415, "The body of a POST is application/json"), fields)
        identifier = parse_qs(exchange.query).get("session_id", [""])[0]
        found = self._open.get(identifier)
        if found is None or found[0] is not endpoint or found[1].session.principal != principal:
            return say(exchange, invalid(404, "There is no such session; connect again"), fields)
        if not found[1].receive(exchange.body):
            return say(exchange, too_many(), fields)
        return accepted(exchange, fields)

    def close(self) -> None:
        for _, duplex in tuple(self._open.values()):
            duplex.close()
