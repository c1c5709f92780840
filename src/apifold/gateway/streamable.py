"""The MCP endpoint over Streamable HTTP, both eras on one URL: which message an HTTP request carries, whose it is, and
where its answer goes.

2026-07-28 is stateless: a POST is a call, its end is the end of everything, and a caller that goes away cancels it.
Before that a caller that goes away has only lost a connection; where it has a session it can come back for the answer.
"""

from collections.abc import Coroutine, Mapping

from msgspec.structs import replace

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.codes import HEADER_MISMATCH
from apifold.core.mcp.envelope import VERSION_HEADER, Fault, is_modern, open_envelope, unsupported
from apifold.core.mcp.handler import CALLS, Call, CallTool, Listen, Operation
from apifold.core.mcp.messages import NO_ID, Batch, Malformed, Notification, Request, Response, parse
from apifold.core.mcp.outcome import Answer, Refusal, Stream
from apifold.core.mcp.revisions import ASSUMED, LEGACY, MODERN, NEWEST_LEGACY, V2026_07_28, Revision
from apifold.core.policy.access import Principal
from apifold.core.values import JSONObject
from apifold.gateway.answers import (
    Rest,
    accepted,
    invalid,
    is_json,
    malformed,
    not_allowed,
    say,
    say_text,
    too_many,
)
from apifold.gateway.apart import deliver, resume, run_apart
from apifold.gateway.calls import CallChannel, Scope, legacy_scope, modern_scope
from apifold.gateway.dialogue import run_batch
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.listen import Streams
from apifold.gateway.patience import Patience
from apifold.gateway.ports import Exchange
from apifold.gateway.reply import Reply, acceptable
from apifold.gateway.sessions import Session, Sessions
from apifold.gateway.streams import Fields

SESSION_HEADER = "mcp-session-id"


class Visit:
    """One HTTP request to one endpoint, on its way to an answer."""

    __slots__ = ("_limits", "endpoint", "exchange", "fields", "headers", "principal")

    def __init__(
        self, exchange: Exchange, endpoint: Endpoint, principal: Principal, fields: Fields, limits: WireLimits
    ) -> None:
        self._limits = limits
        self.exchange = exchange
        self.endpoint = endpoint
        self.principal = principal
        self.fields = fields
        """Headers that every answer gets."""
        self.headers: Mapping[str, str] = exchange.headers

    @property
    def version(self) -> str | None:
        return self.headers.get(VERSION_HEADER)

    @property
    def message_bytes(self) -> int:
        """What an answer may have at most that comes at once."""
        return 0 if acceptable(self.headers.get("accept"))[0] else self._limits.event_bytes

    def say(self, outcome: Answer | Refusal) -> Rest:
        return say(self.exchange, outcome, self.fields)

    def refuse(self, fault: Fault, identifier: bytes, revision: Revision) -> Rest:
        return self.say(self.endpoint.refuse(identifier, fault, revision))


class StreamableHTTP:
    def __init__(self, sessions: Sessions, streams: Streams, patience: Patience, *, limits: WireLimits = WIRE) -> None:
        self._sessions = sessions
        self._streams = streams
        self._patience = patience
        self._limits = limits

    def handle(self, exchange: Exchange, endpoint: Endpoint, principal: Principal, fields: Fields) -> Rest:
        visit = Visit(exchange, endpoint, principal, fields, self._limits)
        if exchange.method == "POST":
            return self._post(visit)
        if visit.version in MODERN:
            return not_allowed(exchange, "POST", fields)
        described = endpoint.backend.description
        streams = bool(described.sessions or described.list_changed or described.resource_subscriptions)
        if exchange.method == "GET" and streams:
            return self._get(visit)
        if exchange.method == "DELETE" and described.sessions:
            return self._delete(visit)
        methods = ["GET"] * streams + ["POST"] + ["DELETE"] * described.sessions
        return not_allowed(exchange, ", ".join(methods), fields)

    # POST

    def _post(self, visit: Visit) -> Rest:
        if not is_json(visit.headers.get("content-type")):
            return visit.say(invalid(415, "The body of a POST is application/json"))
        message = parse(visit.exchange.body, limits=self._limits)
        if isinstance(message, Request):
            return self._request(visit, message)
        if isinstance(message, Notification):
            return self._notification(visit, message)
        if isinstance(message, Response):
            return self._response(visit, message)
        return self._batch(visit, message) if isinstance(message, Batch) else visit.say(malformed(message))

    def _request(self, visit: Visit, request: Request) -> Rest:
        # `initialize` chooses the legacy era whatever the header says (versioning, Compatibility Matrix): clients that
        # fall back from a modern probe may still send its version.
        version = None if request.method == "initialize" else visit.version
        if is_modern(request.params, version):
            envelope = open_envelope(request.method, request.params, visit.headers)
            if isinstance(envelope, Fault):
                return visit.refuse(envelope, request.id, V2026_07_28)
            return self._serve(
                visit, request, modern_scope(envelope, visit.principal, message_bytes=visit.message_bytes)
            )
        if request.method == "initialize":
            return self._initialize(visit, request)
        session = self._session(visit, request.id)
        if isinstance(session, Refusal):
            return visit.say(session)
        return self._serve(visit, request, _legacy_scope(visit, request.params, session))

    def _serve(self, visit: Visit, request: Request, scope: Scope) -> Rest:
        operation = visit.endpoint.interpret(request, scope.revision)
        if isinstance(operation, Fault):
            return visit.refuse(operation, request.id, scope.revision)
        return self._finish(visit, operation, request.id, scope)

    def _finish(self, visit: Visit, operation: Operation, identifier: bytes, scope: Scope) -> Rest:
        if isinstance(operation, CALLS):
            return self._begin(visit, operation, identifier, scope)
        if isinstance(operation, Listen):
            return self._listen(visit, Stream(identifier, operation.filter))
        preparing = visit.endpoint.preparing(operation, scope)
        if preparing is not None:
            return self._say_later(visit, visit.endpoint.answer_later(preparing, operation, identifier, scope))
        return visit.say(visit.endpoint.answer(operation, identifier, scope))

    async def _say_later(self, visit: Visit, answering: Coroutine[None, None, Answer | Refusal]) -> None:
        rest = visit.say(await answering)
        if rest is not None:
            await rest

    def _begin(self, visit: Visit, call: Call, identifier: bytes, scope: Scope) -> Rest:
        if isinstance(call, CallTool) and scope.revision.modern:
            wrong = visit.endpoint.header_mismatch(call, visit.headers, scope.caller)
            if wrong:
                return visit.refuse(Fault(HEADER_MISMATCH, wrong), identifier, scope.revision)
        if scope.session is not None:
            return self._begin_apart(visit, call, identifier, scope, scope.session)
        visit.exchange.cancel_on_disconnect = scope.revision.modern
        return self._call(
            Reply(visit.exchange, visit.fields, limits=self._limits), visit.endpoint, call, identifier, scope
        )

    async def _call(self, reply: Reply, endpoint: Endpoint, call: Call, identifier: bytes, scope: Scope) -> None:
        """A call without a session, awaited where the exchange is: no task, no queue."""
        channel = CallChannel(reply, scope, self._patience)
        try:
            outcome = await endpoint.settle(call, identifier, scope, channel)
        finally:
            channel.close()
        if reply.plain:
            reply.respond(outcome)
        else:
            await reply.finish(outcome)

    def _listen(self, visit: Visit, stream: Stream) -> Rest:
        if not acceptable(visit.headers.get("accept"))[1]:
            return visit.say(invalid(406, "subscriptions/listen answers with text/event-stream only", stream.id))
        if self._streams.full:
            return visit.say(too_many(stream.id))
        return self._streams.listen(visit.exchange, visit.endpoint, stream, visit.fields)

    # Sessions

    def _initialize(self, visit: Visit, request: Request) -> Rest:
        operation = visit.endpoint.interpret(request, NEWEST_LEGACY)
        if isinstance(operation, Fault):
            return visit.refuse(operation, request.id, NEWEST_LEGACY)
        session = None
        if visit.endpoint.backend.description.sessions:
            session = self._sessions.open(visit.endpoint, visit.principal)
            if session is None:
                return visit.say(too_many(request.id))
            visit.fields = (*visit.fields, (SESSION_HEADER, session.id))
        scope = legacy_scope(request.params, NEWEST_LEGACY, visit.principal, session)
        return self._finish(visit, operation, request.id, scope)

    def _session(self, visit: Visit, identifier: bytes = NO_ID) -> Session | Refusal | None:
        """The session a message belongs to; `None` where the endpoint has none, whatever the caller says."""
        if not visit.endpoint.backend.description.sessions:
            return None
        sent = visit.headers.get(SESSION_HEADER)
        if sent is None:
            return invalid(400, "Mcp-Session-Id is missing; the answer to initialize has one", identifier)
        found = self._sessions.find(sent, visit.endpoint, visit.principal)
        return found or invalid(404, "There is no such session; initialize again", identifier)

    def _begin_apart(self, visit: Visit, call: Call, identifier: bytes, scope: Scope, session: Session) -> Rest:
        if session.is_running(identifier):
            return visit.say(invalid(400, "A request with this id is still running", identifier))
        if session.busy:
            return visit.say(too_many(identifier))
        # The answer may come as an event, also to a client that takes JSON.
        event_bytes = self._limits.event_bytes if acceptable(visit.headers.get("accept"))[1] else 0
        scope = replace(scope, message_bytes=event_bytes)
        number, outbox = session.open_stream()
        reader = outbox.attach()  # before the call begins: it may let go at once
        session.run(identifier, run_apart(visit.endpoint, call, identifier, scope, outbox, self._patience))
        return deliver(outbox, visit.exchange, number, scope.revision, visit.fields, reader=reader, limits=self._limits)

    # Messages without an answer, and many at once

    def _notification(self, visit: Visit, notification: Notification) -> Rest:
        version = visit.version
        if is_modern(notification.params, version):
            # This revision has no notifications of the client over HTTP; what is sent out of habit is accepted.
            if version is not None and version not in MODERN:
                return visit.refuse(unsupported(version), NO_ID, V2026_07_28)
            return accepted(visit.exchange, visit.fields)
        session = self._session(visit)
        if isinstance(session, Refusal):
            return visit.say(session)
        if session is not None and notification.method == "notifications/cancelled":
            session.cancel(notification.params.get("requestId"))
        return accepted(visit.exchange, visit.fields)

    def _response(self, visit: Visit, response: Response) -> Rest:
        if is_modern({}, visit.version):
            return visit.say(invalid(400, "This revision has no responses of the client"))
        session = self._session(visit)
        if isinstance(session, Refusal):
            return visit.say(session)
        if session is not None:
            session.resolve(response)
        return accepted(visit.exchange, visit.fields)

    def _batch(self, visit: Visit, batch: Batch) -> Rest:
        if is_modern({}, visit.version):
            return visit.say(invalid(400, "This revision has no batches: send one message per POST"))
        session = self._session(visit)
        if isinstance(session, Refusal):
            return visit.say(session)
        revision = _revision(visit, session)
        if not revision.batches:
            return visit.say(invalid(400, "This revision has no batches: send one message per POST"))
        for message in batch.messages:
            if isinstance(message, Response) and session is not None:
                session.resolve(message)
        if not any(isinstance(message, Request | Malformed) for message in batch.messages):
            return accepted(visit.exchange, visit.fields)
        visit.exchange.cancel_on_disconnect = False
        return self._answer_batch(visit, batch, _legacy_scope(visit, {}, session))

    async def _answer_batch(self, visit: Visit, batch: Batch, scope: Scope) -> None:
        reply = Reply(visit.exchange, visit.fields, limits=self._limits)
        answer = Answer((await run_batch(visit.endpoint, batch, scope, reply, self._patience),))
        if reply.plain:
            reply.respond(answer)
        else:
            await reply.finish(answer)

    # GET and DELETE, before 2026-07-28

    def _get(self, visit: Visit) -> Rest:
        if "text/event-stream" not in visit.headers.get("accept", ""):
            return say_text(
                visit.exchange, 406, "GET is for MCP clients that accept text/event-stream.\n", visit.fields
            )
        session = self._session(visit)
        if isinstance(session, Refusal):
            return visit.say(session)
        if self._streams.full:
            return visit.say(too_many())
        last = visit.headers.get("last-event-id")
        if session is None or not last:
            return self._streams.changes(visit.exchange, visit.endpoint, session, visit.fields)
        found = session.resume(last)
        if found is None:
            return visit.say(invalid(404, "Nothing is kept after this event"))
        number, outbox = found
        return resume(outbox, visit.exchange, number, visit.fields, limits=self._limits)

    def _delete(self, visit: Visit) -> Rest:
        session = self._session(visit)
        if isinstance(session, Refusal):
            return visit.say(session)
        if session is not None:
            self._sessions.end(session.id)
        visit.exchange.respond(204, visit.fields, b"")
        return None


def _revision(visit: Visit, session: Session | None) -> Revision:
    """What a legacy message speaks: what it says, what its session negotiated, what the revisions tell us to assume."""
    named = LEGACY.get(visit.version or "")
    return named or (session.revision if session is not None else ASSUMED)


def _legacy_scope(visit: Visit, params: JSONObject, session: Session | None) -> Scope:
    revision = _revision(visit, session)
    return legacy_scope(params, revision, visit.principal, session, message_bytes=visit.message_bytes)
