"""One HTTP answer to one POST: JSON when there is nothing but the answer, an event stream from the first message before it.

The stream is opened lazily. A caller that does not accept one hears nothing before its answer; a caller that accepts
nothing else gets its answer as an event.
"""

from functools import lru_cache

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.outcome import Answer, Refusal
from apifold.gateway.ports import Exchange
from apifold.gateway.streams import KEEPALIVE, SSE_FIELDS, Fields, event

JSON_FIELDS: Fields = (("content-type", "application/json"),)


@lru_cache(maxsize=64)
def acceptable(accept: str | None) -> tuple[bool, bool]:
    """Whether a caller takes JSON, and whether it takes an event stream (RFC 9110 12.5.1, without weights but for `q=0`).

    The protocol asks callers to list both; one that says nothing takes what comes.
    """
    if not accept:
        return True, True
    ranges = set()
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if not any(p.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for p in parameters):
            ranges.add(media)
    anything = "*/*" in ranges
    json = anything or bool(ranges & {"application/json", "application/*"})
    return json, anything or bool(ranges & {"text/event-stream", "text/*"})


def respond_json(exchange: Exchange, outcome: Answer | Refusal, fields: Fields) -> None:
    fields = (*JSON_FIELDS, *fields) if fields else JSON_FIELDS
    if isinstance(outcome, Refusal):
        exchange.respond(outcome.status, fields, outcome.body)
    else:
        exchange.respond(200, fields, outcome.pieces)


class Reply:
    """Implements `calls.Sink` on an exchange."""

    __slots__ = ("_event_bytes", "_exchange", "_fields", "_json", "_stream", "streaming")

    def __init__(self, exchange: Exchange, fields: Fields, *, limits: WireLimits = WIRE) -> None:
        self._event_bytes = limits.event_bytes
        self._exchange = exchange
        self._fields = fields
        self._json, self._stream = acceptable(exchange.headers.get("accept"))
        self.streaming = False

    @property
    def plain(self) -> bool:
        """The answer, if it came now, would go out at once as JSON."""
        return not self.streaming and (self._json or not self._stream)

    @property
    def message_bytes(self) -> int:
        return 0 if self.plain else self._event_bytes

    async def send(self, message: bytes) -> None:
        if self._stream:
            self._start()
            await self._exchange.send(event(message))

    async def keepalive(self) -> None:
        if self._stream:
            self._start()
            await self._exchange.send(KEEPALIVE)

    def detach(self, retry_seconds: float) -> None:
        """Nothing is remembered of this call: a caller that let go could not come back."""
        del retry_seconds

    def respond(self, outcome: Answer | Refusal) -> None:
        """Answer as JSON, where `plain` holds."""
        respond_json(self._exchange, outcome, self._fields)

    async def finish(self, outcome: Answer | Refusal) -> None:
        """Answer as an event, the last of the stream."""
        self._start()
        await self._exchange.send(event(outcome.body))
        self._exchange.end()

    def finish_unanswered(self) -> None:
        """The call was cancelled: it gets no answer, and HTTP gets an empty stream (cancellation, Behavior Requirements)."""
        self._start()
        self._exchange.end()

    def _start(self) -> None:
        if not self.streaming:
            self.streaming = True
            self._exchange.start(200, (*SSE_FIELDS, *self._fields))
