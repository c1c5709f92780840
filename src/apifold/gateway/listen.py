"""Streams of changes: `subscriptions/listen` of 2026-07-28, and the stream that earlier clients open with GET."""

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.face import acknowledgment, listen_result
from apifold.core.mcp.outcome import Filter, Stream, answer
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.ports import Exchange
from apifold.gateway.sessions import Session
from apifold.gateway.streams import SSE_FIELDS, Fields, Outbox, event, pump

EVERYTHING = Filter(tools=True, prompts=True, resources=True, any_uri=True)
"""What a client without a session is told: what it subscribed to is not known, and must not be missed."""


class Streams:
    """Counts the open-ended answers of a process and knows how to write them."""

    def __init__(self, *, limits: WireLimits = WIRE) -> None:
        self._limits = limits
        self.open = 0

    @property
    def full(self) -> bool:
        return self.open >= self._limits.streams

    async def listen(self, exchange: Exchange, endpoint: Endpoint, stream: Stream, fields: Fields) -> None:
        """Acknowledge, tell of changes, and say so when the server ends it. A caller ends it by going away."""
        outbox = Outbox(limits=self._limits)
        reader = outbox.attach()
        end = endpoint.watch(lambda: stream.filter, outbox, stream.id)
        self.open += 1
        try:
            exchange.start(200, (*SSE_FIELDS, *fields))
            await exchange.send(event(acknowledgment(stream.id, stream.filter)))
            farewell = event(answer(stream.id, listen_result(stream.id)).body)
            await pump(outbox, exchange, reader=reader, last=farewell, limits=self._limits)
        finally:
            self.open -= 1
            end()

    async def changes(self, exchange: Exchange, endpoint: Endpoint, session: Session | None, fields: Fields) -> None:
        """The GET stream of earlier revisions: lists that changed, and resources that the session subscribed to."""
        outbox = Outbox(limits=self._limits)
        reader = outbox.attach()

        def wanted() -> Filter:
            if session is None:
                return EVERYTHING
            if session.watchers[-1] is not outbox:
                return Filter()  # a message goes out on one stream only, the latest (2025-11-25, Multiple Connections)
            return Filter(tools=True, prompts=True, resources=True, uris=frozenset(session.subscriptions))

        end = endpoint.watch(wanted, outbox)
        self.open += 1
        if session is not None:
            session.watchers.append(outbox)
        try:
            exchange.start(200, (*SSE_FIELDS, *fields))
            await pump(outbox, exchange, reader=reader, limits=self._limits)
        finally:
            self.open -= 1
            if session is not None:
                session.watchers.remove(outbox)
            end()
