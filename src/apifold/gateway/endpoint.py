"""One MCP server, whatever it is reached by: operations in, outcomes out. Knows no transport.

What can be answered from what is known already is answered at once; what needs the backend is a `Call`. A failure of our
own is told as "Internal error" and reported here, once.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import assert_never

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.codes import INVALID_PARAMS
from apifold.core.mcp.envelope import Fault, client_identity
from apifold.core.mcp.face import Face, change_notice, negotiate
from apifold.core.mcp.handler import (
    TOO_MANY_SUBSCRIPTIONS,
    Call,
    CallTool,
    Complete,
    Discover,
    GetPrompt,
    Immediate,
    Initialize,
    Kind,
    ListItems,
    Operation,
    Ping,
    ReadResource,
    SetLevel,
    Subscribe,
    interpret,
)
from apifold.core.mcp.messages import Request, error_body
from apifold.core.mcp.mirrored import Mirrored, argument_mismatch, mirrored_arguments
from apifold.core.mcp.outcome import Answer, Filter, InputRequired, Refusal, answer
from apifold.core.mcp.result import encode_tool_result, error_result, fit_messages
from apifold.core.mcp.revisions import Revision
from apifold.core.values import JSON, JSONObject
from apifold.gateway.calls import CallChannel, Scope, fit_question, missing_capabilities
from apifold.gateway.errors import CRASH, as_fault
from apifold.gateway.ports import Backend, Caller, ConnectionEvent, Listing, MissingCapability, ToolCall
from apifold.gateway.streams import Outbox

_ROUNDS = 8
"""How often one call may come back with further questions before we stop asking for it."""
_MOST_COMPLETIONS = 100

_log = logging.getLogger("apifold.gateway")


def _log_crash(what: str, error: BaseException) -> None:
    _log.error("%s failed", what, exc_info=error)


class Endpoint:
    """A backend with its face to callers. `on_crash` hears of failures of our own, `on_connect` of clients that introduce
    themselves.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        on_crash: Callable[[str, BaseException], None] = _log_crash,
        on_connect: Callable[[ConnectionEvent], None] = lambda _: None,
    ) -> None:
        self.backend = backend
        self._on_crash = on_crash
        self._on_connect = on_connect
        self._face = Face(backend.description)
        self._mirrored: tuple[Listing, dict[str, tuple[Mirrored, ...]]] | None = None
        self._open: set[Outbox] = set()

    @property
    def face(self) -> Face:
        described = self.backend.description
        if described is not self._face.description:
            self._face = Face(described)
        return self._face

    # What a request asks for

    def interpret(self, request: Request, revision: Revision) -> Operation | Fault:
        return interpret(request, revision, self.backend.description)

    def refuse(self, identifier: bytes, fault: Fault, revision: Revision) -> Refusal:
        status = revision.status.get(fault.code, 200)
        return Refusal(status, error_body(identifier, fault.code, fault.message, fault.data))

    def header_mismatch(self, call: CallTool, headers: Mapping[str, str], caller: Caller) -> str:
        """What is wrong with `Mcp-Param-*`; empty when nothing is, or when no tool mirrors an argument."""
        if not self.backend.description.mirrored_headers:
            return ""
        mirrored = self._mirrored_by(self.backend.tools(caller)).get(call.name, ())
        return argument_mismatch(mirrored, call.arguments, headers)

    def _mirrored_by(self, listing: Listing) -> dict[str, tuple[Mirrored, ...]]:
        if self._mirrored is None or self._mirrored[0] is not listing:
            found = {str(item.get("name")): mirrored_arguments(item.get("inputSchema")) for item in listing.items}
            self._mirrored = (listing, {name: arguments for name, arguments in found.items() if arguments})
        return self._mirrored[1]

    # What is answered at once

    def answer(self, operation: Immediate, identifier: bytes, scope: Scope) -> Answer | Refusal:
        match operation:
            case ListItems():
                return self._list(operation, identifier, scope)
            case Initialize():
                return self._initialize(operation, identifier, scope)
            case Discover():
                self._on_connect(ConnectionEvent("server/discover", scope.caller))
                return answer(identifier, self.face.discovery(scope.revision))
            case Ping():
                return answer(identifier, b"{}")
            case SetLevel():
                if scope.session is not None:
                    scope.session.log_level = operation.level
                return answer(identifier, b"{}")
            case Subscribe():
                return self._subscribe(operation, identifier, scope)
            case _:
                assert_never(operation)

    def preparing(self, operation: Immediate, scope: Scope) -> Coroutine[None, None, None] | None:
        """What an answer needs that takes long to make; to be awaited by `answer_later`."""
        if isinstance(operation, ListItems) and operation.kind is Kind.TOOLS:
            return self.backend.preparing(scope.caller)
        return None

    async def answer_later(
        self, preparing: Coroutine[None, None, None], operation: Immediate, identifier: bytes, scope: Scope
    ) -> Answer | Refusal:
        try:
            await preparing
        except Exception as error:  # noqa: BLE001  # the edge: whatever breaks behind it is one failed request
            return self._crashed("preparing a list", error, identifier, scope)
        return self.answer(operation, identifier, scope)

    def _initialize(self, operation: Initialize, identifier: bytes, scope: Scope) -> Answer:
        revision = negotiate(operation.version)
        name, version = client_identity(operation.client)
        session = scope.session
        if session is not None:
            session.revision = revision
            session.client_name, session.client_version = name, version
            session.capabilities = operation.capabilities
        caller = Caller(scope.caller.principal, revision.name, name, version, operation.capabilities)
        self._on_connect(ConnectionEvent("initialize", caller))
        return answer(identifier, self.face.handshake(revision))

    def _subscribe(self, operation: Subscribe, identifier: bytes, scope: Scope) -> Answer | Refusal:
        """Without a session nothing is remembered: every change is told then (`listen.EVERYTHING`)."""
        if scope.session is not None and not operation.wanted:
            scope.session.subscriptions.discard(operation.uri)
        elif scope.session is not None and not scope.session.subscribe(operation.uri):
            return self.refuse(identifier, TOO_MANY_SUBSCRIPTIONS, scope.revision)
        return answer(identifier, b"{}")

    def _list(self, operation: ListItems, identifier: bytes, scope: Scope) -> Answer | Refusal:
        try:
            listing = self._listing(operation.kind, scope.caller)
            page = self.face.page(listing, operation.kind, scope.revision, operation.cursor, most=scope.message_bytes)
        except AppError as error:
            return self._failed(error, identifier, scope)
        except Exception as error:  # noqa: BLE001  # the edge: whatever breaks behind it is one failed request
            return self._crashed(f"listing {operation.kind.value}", error, identifier, scope)
        if page is None:
            return self.refuse(
                identifier, Fault(INVALID_PARAMS, "This cursor is not valid; list from the start"), scope.revision
            )
        return answer(identifier, page)

    def _listing(self, kind: Kind, caller: Caller) -> Listing:
        match kind:
            case Kind.TOOLS:
                return self.backend.tools(caller)
            case Kind.RESOURCES:
                return self.backend.resources(caller)
            case Kind.TEMPLATES:
                return self.backend.resource_templates(caller)
            case Kind.PROMPTS:
                return self.backend.prompts(caller)
            case _:
                assert_never(kind)

    # What the backend answers

    async def settle(self, call: Call, identifier: bytes, scope: Scope, channel: CallChannel) -> Answer | Refusal:
        """The answer to a call, with whatever has to be asked of the client on the way."""
        outcome = await self.perform(call, identifier, scope, channel)
        for _ in range(_ROUNDS):
            if not isinstance(outcome, InputRequired):
                return outcome
            if scope.revision.modern:
                return self._ask_by_result(outcome, identifier, scope)
            asked = await self._ask_directly(outcome, call, scope, channel)
            if isinstance(asked, str):
                return self._unable(asked, call, identifier, scope)
            call = asked
            outcome = await self.perform(call, identifier, scope, channel)
        if isinstance(outcome, InputRequired):
            return self._unable("it asked the client too often", call, identifier, scope)
        return outcome

    async def perform(
        self, call: Call, identifier: bytes, scope: Scope, channel: CallChannel
    ) -> Answer | Refusal | InputRequired:
        """Have the backend do it. Every failure becomes an answer, but for cancellation."""
        try:
            match call:
                case CallTool():
                    return await self._call_tool(call, identifier, scope, channel)
                case GetPrompt():
                    return await self._get_prompt(call, identifier, scope, channel)
                case ReadResource():
                    return await self._read(call, identifier, scope)
                case Complete():
                    return await self._complete(call, identifier, scope)
                case _:
                    assert_never(call)
        except AppError as error:
            return self._failed(error, identifier, scope, call)
        except Exception as error:  # noqa: BLE001  # the edge: whatever breaks behind it is one failed request
            return self._crashed(type(call).__name__, error, identifier, scope)

    async def _call_tool(
        self, call: CallTool, identifier: bytes, scope: Scope, channel: CallChannel
    ) -> Answer | InputRequired:
        asked = ToolCall(call.name, call.arguments, scope.caller, channel, call.input_responses, call.state, scope.meta)
        result = await self.backend.call_tool(asked)
        if isinstance(result, InputRequired):
            return result
        tail = self.face.tail(scope.revision)
        encoded = encode_tool_result(result, scope.revision, tail, most=channel.message_bytes)
        return answer(identifier, encoded)

    async def _get_prompt(
        self, call: GetPrompt, identifier: bytes, scope: Scope, channel: CallChannel
    ) -> Answer | InputRequired:
        asked = ToolCall(call.name, {}, scope.caller, channel, call.input_responses, call.state, scope.meta)
        result = await self.backend.get_prompt(call.name, call.arguments, asked)
        if isinstance(result, InputRequired):
            return result
        messages = result.get("messages")
        fitted: JSONObject = dict(result)
        if isinstance(messages, list):
            known = [message for message in messages if isinstance(message, dict)]
            fitted["messages"] = list[JSON](fit_messages(known, scope.revision))
        return answer(identifier, self.face.result(fitted, scope.revision))

    async def _read(self, call: ReadResource, identifier: bytes, scope: Scope) -> Answer:
        contents = await self.backend.read_resource(call.uri, scope.caller)
        result = self.face.result({"contents": list[JSON](contents)}, scope.revision, cacheable=True)
        return answer(identifier, result)

    async def _complete(self, call: Complete, identifier: bytes, scope: Scope) -> Answer:
        values = await self.backend.complete(call.reference, call.argument, call.context, scope.caller)
        completion: JSONObject = {
            "values": list[JSON](values[:_MOST_COMPLETIONS]),
            "total": len(values),
            "hasMore": len(values) > _MOST_COMPLETIONS,
        }
        return answer(identifier, self.face.result({"completion": completion}, scope.revision))

    # Questions to the client

    def _ask_by_result(self, needed: InputRequired, identifier: bytes, scope: Scope) -> Answer | Refusal:
        """2026-07-28: the result is the question. Nothing is asked that the client did not declare."""
        lacking = missing_capabilities(needed.requests, scope.caller.capabilities)
        if lacking:
            return self._failed(MissingCapability(lacking), identifier, scope)
        return answer(identifier, self.face.input_required(needed))

    async def _ask_directly(
        self, needed: InputRequired, call: Call, scope: Scope, channel: CallChannel
    ) -> CallTool | GetPrompt | str:
        """Before 2026-07-28: ask over the session, then the same call again with the answers. A string says why not."""
        if not isinstance(call, CallTool | GetPrompt):
            return "this method cannot ask"
        responses: JSONObject = {}
        for key, question in needed.requests.items():
            params = question.get("params")
            method = str(question.get("method"))
            asked = params if isinstance(params, dict) else {}
            try:
                responses[key] = await channel.request(method, fit_question(method, asked, scope.revision))
            except AppError as error:
                return error.message
        if isinstance(call, CallTool):
            return CallTool(call.name, call.arguments, responses, needed.state)
        return GetPrompt(call.name, call.arguments, responses, needed.state)

    def _unable(self, reason: str, call: Call, identifier: bytes, scope: Scope) -> Answer | Refusal:
        message = f"This needs an answer from the person or the client, and there is no way to get one: {reason}"
        error = AppError("mcp.input_unavailable", message, category=ErrorCategory.UNAVAILABLE)
        return self._failed(error, identifier, scope, call)

    # Failures

    def _failed(self, error: AppError, identifier: bytes, scope: Scope, call: Call | None = None) -> Answer | Refusal:
        fault = as_fault(error, in_tool_call=isinstance(call, CallTool))
        if fault is None:
            return answer(identifier, error_result(error.message, self.face.tail(scope.revision)))
        if fault is CRASH:
            self._on_crash(error.code, error)
        if isinstance(call, ReadResource) and error.category is ErrorCategory.NOT_FOUND:
            fault = Fault(scope.revision.resource_not_found, fault.message, {"uri": call.uri})
        return self.refuse(identifier, fault, scope.revision)

    def _crashed(self, what: str, error: Exception, identifier: bytes, scope: Scope) -> Refusal:
        self._on_crash(what, error)
        return self.refuse(identifier, CRASH, scope.revision)

    # Changes

    def watch(self, wanted: Callable[[], Filter], outbox: Outbox, subscription: bytes = b"") -> Callable[[], None]:
        """Put a notice into `outbox` for every change that `wanted` covers at that time, until the returned function is
        called. The outbox is closed when the endpoint is.
        """

        def notice(kind: str, uri: str) -> None:
            if wanted().covers(kind, uri):
                outbox.push(change_notice(kind, uri, subscription), f"{kind} {uri}")

        stop = self.backend.watch(notice)
        self._open.add(outbox)

        def end() -> None:
            stop()
            self._open.discard(outbox)

        return end

    def close(self) -> None:
        """End every stream of changes, the graceful way."""
        for outbox in tuple(self._open):
            outbox.close()
