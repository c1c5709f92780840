"""Calls of a session: they run apart from the connection they came on, which may be lost, let go of, and resumed."""

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.handler import Call
from apifold.core.mcp.revisions import Revision
from apifold.gateway.calls import Scope
from apifold.gateway.dialogue import answer_call
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Exchange
from apifold.gateway.reply import JSON_FIELDS, acceptable
from apifold.gateway.streams import SSE_FIELDS, Fields, Outbox, pump


class OutboxSink:
    """Implements `calls.Sink` on an outbox; whoever reads the outbox keeps the connection alive."""

    __slots__ = ("_outbox", "message_bytes")

    def __init__(self, outbox: Outbox, *, message_bytes: int = 0) -> None:
        self._outbox = outbox
        self.message_bytes = message_bytes

    async def send(self, message: bytes) -> None:
        await self._outbox.put(message)

    async def keepalive(self) -> None:
        return

    def detach(self, retry_seconds: float) -> None:
        self._outbox.release(retry_seconds)


async def run_apart(
    endpoint: Endpoint, call: Call, identifier: bytes, scope: Scope, outbox: Outbox, patience: Patience
) -> None:
    """A call whose answer is the last message of an outbox. Cancelled, it has no answer."""
    try:
        outbox.push(
            await answer_call(
                endpoint, call, identifier, scope, OutboxSink(outbox, message_bytes=scope.message_bytes), patience
            )
        )
    finally:
        outbox.close()


async def deliver(
    outbox: Outbox,
    exchange: Exchange,
    number: int,
    revision: Revision,
    fields: Fields,
    *,
    reader: int,
    limits: WireLimits = WIRE,
) -> None:
    """The answer to the POST that began the call: JSON when there is nothing but the answer, else a resumable stream."""
    json, streams = acceptable(exchange.headers.get("accept"))
    try:
        while not await outbox.wait(limits.keepalive_seconds) and not streams:
            continue
        if not streams:
            await outbox.finished()
        alone = outbox.take_last(even_if_not_alone=not streams) if json or not streams else None
        if alone is not None:
            exchange.respond(200, (*JSON_FIELDS, *fields), alone.message)
            return
        exchange.start(200, (*SSE_FIELDS, *fields))
        if revision.primed:
            # SEP-1699: an id to come back with, before there is anything to lose. Earlier clients choke on empty data.
            await exchange.send(b"id: %d-0\ndata: \n\n" % number)
        await pump(outbox, exchange, reader=reader, stream=number, limits=limits)
    finally:
        outbox.detach(reader)


async def resume(outbox: Outbox, exchange: Exchange, number: int, fields: Fields, *, limits: WireLimits = WIRE) -> None:
    """The rest of a stream, for a client that came back with `Last-Event-ID`."""
    exchange.start(200, (*SSE_FIELDS, *fields))
    await pump(outbox, exchange, reader=outbox.attach(), stream=number, limits=limits)
