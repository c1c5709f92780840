"""One client on one two-way channel, in both eras: stdio, and HTTP+SSE of 2024-11-05.

2026-07-28 does not know HTTP+SSE, but allows any channel that keeps its message rules, and clients try. Everything that goes to the client goes through one outbox, in the order in which it was ready.
"""

import asyncio
from collections.abc import Callable, Coroutine

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.codes import INVALID_REQUEST
from apifold.core.mcp.envelope import Fault, is_modern, open_envelope
from apifold.core.mcp.face import acknowledgment, listen_result
from apifold.core.mcp.handler import CALLS, Call, Initialize, Listen
from apifold.core.mcp.messages import (
    Batch,
    Malformed,
    Message,
    Notification,
    Request,
    Response,
    error_body,
    parse,
)
from apifold.core.mcp.outcome import Answer, Filter, Refusal, answer
from apifold.core.mcp.revisions import V2026_07_28
from apifold.core.policy.access import Principal
from apifold.core.values import JSONObject
from apifold.gateway.apart import OutboxSink
from apifold.gateway.calls import Scope, legacy_scope, modern_scope
from apifold.gateway.dialogue import answer_call, run_batch
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.patience import Patience
from apifold.gateway.sessions import Session
from apifold.gateway.streams import Outbox


class Duplex:
    """`receive` what the client sends, one frame at a time; write what `outbox` holds. `close` when the channel is gone."""

    def __init__(
        self,
        endpoint: Endpoint,
        principal: Principal,
        patience: Patience,
        *,
        identifier: str = "",
        message_bytes: int = 0,
        limits: WireLimits = WIRE,
    ) -> None:
        """`message_bytes`: what the channel can carry in one message, 0 for any number."""
        self._endpoint = endpoint
        self._patience = patience
        self._limits = limits
        self.session = Session(identifier, principal, limits=limits)
        self.outbox = Outbox(limits=limits)
        self._sink = OutboxSink(self.outbox, message_bytes=message_bytes)
        self._stop_watching: Callable[[], None] = lambda: None
        self._batches = 0
        self._listens: dict[bytes, Outbox] = {}

    def receive(self, data: bytes) -> bool:
        """Take one frame: answer it at once, or begin to work on it. False when there is no room for another answer: then
        nothing was taken.
        """
        message = parse(data, limits=self._limits)
        # What answers or cancels is taken all the same: it may be what makes room.
        if self.busy and not isinstance(message, Notification | Response):
            return False
        if isinstance(message, Batch):
            self._batch(message)
        else:
            self._take(message)
        return True

    @property
    def busy(self) -> bool:
        """As many calls are at work as may be, or the client does not read its answers."""
        return self.session.busy or self.outbox.full

    async def drained(self, seconds: float) -> None:
        """Until no call is at work, at most some time. Streams of changes never end by themselves: they do now."""
        for changes in self._listens.values():
            changes.close()
        tasks = tuple(self.session.calls)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def has_room(self) -> None:
        """Until there is room for another answer, or the channel is gone."""
        while self.busy and not self.outbox.closed:
            await self.outbox.room()
            if self.session.busy:
                await asyncio.wait(tuple(self.session.calls), return_when=asyncio.FIRST_COMPLETED)

    def close(self) -> None:
        self._stop_watching()
        self.session.close()
        self.outbox.close()

    def _take(self, message: Message) -> None:
        if isinstance(message, Request):
            self._request(message)
        elif isinstance(message, Notification):
            if message.method == "notifications/cancelled":
                self.session.cancel(message.params.get("requestId"))
        elif isinstance(message, Response):
            self.session.resolve(message)
        else:
            self.outbox.push(error_body(message.id, message.code, message.message))

    def _request(self, request: Request) -> None:
        if is_modern(request.params, None):
            envelope = open_envelope(request.method, request.params, None)
            if isinstance(envelope, Fault):
                self._refuse(envelope, request.id)
                return
            self._serve(request, modern_scope(envelope, self.session.principal, message_bytes=self._sink.message_bytes))
        else:
            self._serve(request, self._legacy_scope(request.params))

    def _legacy_scope(self, params: JSONObject) -> Scope:
        session = self.session
        return legacy_scope(
            params, session.revision, session.principal, session, message_bytes=self._sink.message_bytes
        )

    def _serve(self, request: Request, scope: Scope) -> None:
        operation = self._endpoint.interpret(request, scope.revision)
        if isinstance(operation, Fault):
            self._refuse(operation, request.id)
        elif self.session.is_running(request.id):
            self._refuse(Fault(INVALID_REQUEST, "A request with this id is still running"), request.id)
        elif isinstance(operation, Listen):
            self.session.run(request.id, self._listen(request.id, operation.filter))
        elif isinstance(operation, CALLS):
            self.session.run(request.id, self._call(operation, request.id, scope))
        elif (preparing := self._endpoint.preparing(operation, scope)) is not None:
            answering = self._endpoint.answer_later(preparing, operation, request.id, scope)
            self.session.run(request.id, self._say_later(answering))
        else:
            self.outbox.push(self._endpoint.answer(operation, request.id, scope).body)
            if isinstance(operation, Initialize):
                self._watch()

    async def _say_later(self, answering: Coroutine[None, None, Answer | Refusal]) -> None:
        await self.outbox.put((await answering).body)

    async def _call(self, call: Call, identifier: bytes, scope: Scope) -> None:
        await self.outbox.put(await answer_call(self._endpoint, call, identifier, scope, self._sink, self._patience))

    async def _listen(self, identifier: bytes, wanted: Filter) -> None:
        """Changes go out among everything else, tagged; the outbox of their own only merges what repeats."""
        changes = Outbox(limits=self._limits)
        reader = changes.attach()
        self._listens[identifier] = changes
        end = self._endpoint.watch(lambda: wanted, changes, identifier)
        try:
            await self.outbox.put(acknowledgment(identifier, wanted))
            while not changes.closed or changes.unread:
                while (item := changes.take()) is not None:
                    await self.outbox.put(item.message)
                if not changes.closed:
                    await changes.wait(self._limits.keepalive_seconds)
            await self.outbox.put(answer(identifier, listen_result(identifier)).body)
        finally:
            changes.detach(reader)
            del self._listens[identifier]
            end()

    def _watch(self) -> None:
        """Earlier revisions are told of changes unasked, from `initialize` on."""
        self._stop_watching()
        session = self.session

        def wanted() -> Filter:
            return Filter(tools=True, prompts=True, resources=True, uris=frozenset(session.subscriptions))

        self._stop_watching = self._endpoint.watch(wanted, self.outbox)

    def _batch(self, batch: Batch) -> None:
        if not self.session.revision.batches:
            self._refuse(Fault(INVALID_REQUEST, "This revision has no batches"), b"null")
            return
        for message in batch.messages:
            if not isinstance(message, Request | Malformed):
                self._take(message)
        if any(isinstance(message, Request | Malformed) for message in batch.messages):
            self._batches += 1
            self.session.run(b"batch %d" % self._batches, self._answer_batch(batch))

    async def _answer_batch(self, batch: Batch) -> None:
        scope = self._legacy_scope({})
        await self.outbox.put(await run_batch(self._endpoint, batch, scope, self._sink, self._patience))

    def _refuse(self, fault: Fault, identifier: bytes) -> None:
        self.outbox.push(self._endpoint.refuse(identifier, fault, V2026_07_28).body)
