"""The life of a call, its phases in written order: admit, execute, record. Who the caller is was settled before.

One function serves the gateway, the terminal and tests made by a person; a dry run is its first half. It gives an
answer for everything that can go wrong with a call, because a model can do something about most of it. Nothing in it
grows with the number of tools.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import CALL, CallLimits
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.core.policy.access import ANONYMOUS, Principal
from apifold.core.policy.resilience import Verdict
from apifold.core.record import CallKind
from apifold.core.requests.build import build_request
from apifold.core.requests.credentials import Credentials
from apifold.core.requests.model import Origin
from apifold.core.requests.result import Shaped, shape
from apifold.core.tools.model import Tool
from apifold.core.values import JSONObject
from apifold.gateway.admit import Gate, verdict_of_failure, verdict_of_status
from apifold.gateway.context import CallContext, Prepared
from apifold.gateway.execute import Effects, Sender
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.plans import Plans
from apifold.gateway.ports import Caller, CredentialSource, RecordSink, Upstream
from apifold.gateway.record import keep

NOBODY = Caller()
_NOT_TRIED = frozenset({FailureKind.REFUSED_DESTINATION, FailureKind.OVERLOADED})
"""Failures that are our own refusal to send."""
_LARGE = 1024 * 1024
"""Bytes of an answer from which on shaping it takes milliseconds, in which other calls would stand still."""
_CREDENTIAL_STATUSES = frozenset({401, 403})


class NoServer(AppError):
    """The request has nowhere to go: the document names no server that can be called."""

    category = ErrorCategory.INVALID

    def __init__(self, target: str, problem: str) -> None:
        super().__init__(
            "server.invalid" if problem else "server.relative",
            problem or f"The document does not say on which host {target} is.",
            hint="The person who runs this server can name it with --base-url.",
        )


class _Apart:
    """Work on megabytes goes beside the event loop, one piece after the other: they would only wait for each other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], Shaped]) -> Shaped:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "apifold-large-answers")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class CallEngine:
    """Makes the calls of one server. Knows its tools only as they are handed in."""

    def __init__(
        self,
        plans: Plans,
        upstream: Upstream,
        credentials: CredentialSource,
        *,
        effects: Effects,
        limits: CallLimits = CALL,
        records: RecordSink | None = None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """Without `records` nothing is kept. `on_failure` hears when a record could not be."""
        self._plans = plans
        self._credentials = credentials
        self._clock = effects.clock
        self._limits = limits
        self._records = records
        self._on_failure = on_failure
        self._sender = Sender(upstream, effects, limits)
        self._gate = Gate(effects.clock.monotonic, concurrent=limits.concurrent)
        self._apart = _Apart()
        self._id = f"call_{effects.entropy.token(12).hex()}"
        self._number = count(1)

    async def prepare(self, tool: Tool, arguments: JSONObject, principal: Principal = ANONYMOUS) -> Prepared:
        """The request a call would send. Sends nothing and needs neither secrets nor an absolute server.

        Raises `InvalidArguments` and `RequestTooLarge`.
        """
        return self._prepare(tool, arguments, await self._credentials.credentials(principal), [])

    def _prepare(self, tool: Tool, arguments: JSONObject, credentials: Credentials, repairs: list[str]) -> Prepared:
        request = build_request(self._plans.plan(tool), arguments, repairs=repairs)
        return Prepared(tool, request, credentials.grant(tool.operation), tuple(repairs))

    async def call(
        self,
        tool: Tool,
        arguments: JSONObject,
        *,
        caller: Caller = NOBODY,
        kind: CallKind = CallKind.CALL,
        parent: str = "",
    ) -> CallContext:
        """Make a call and tell how it went. Raises only when cancelled, or by a fault of ours."""
        context = CallContext(tool, caller, kind, parent, f"{self._id}{next(self._number):08x}")
        context.began_at = self._clock.now()
        context.began = self._clock.monotonic()
        try:
            if self._records is not None:
                self._records.admit()
            self._gate.enter()
        except AppError as error:
            _refuse(context, error)
            self._finish(context)
            return context
        try:
            await self._run(context, arguments)
        except BaseException as reason:
            cancelled = isinstance(reason, asyncio.CancelledError)
            context.failure = AppError("call.cancelled" if cancelled else "internal", "The call did not end.")
            raise
        finally:
            self._gate.leave()
            self._finish(context)
        return context

    async def _run(self, context: CallContext, arguments: JSONObject) -> None:
        """Phases admit and execute."""
        try:
            credentials = context.credentials = await self._credentials.credentials(context.caller.principal)
            prepared = context.prepared = self._prepare(context.tool, arguments, credentials, context.repairs)
            origin = prepared.request.origin
            if origin is None:
                raise NoServer(prepared.request.target, self._plans.plan(context.tool).base.problem)
            probe = self._gate.admit(origin)
        except AppError as error:
            _refuse(context, error)
            return
        try:
            not_followed = await self._exchange(context, prepared, origin, probe=probe)
        except UpstreamFailure as failure:
            failure.hint = _advice(failure, prepared)
            if failure.kind in _NOT_TRIED:
                context.refusal = failure.code
            _give_up(context, failure)
            return
        response = context.response
        if response is None:  # the sender gives an answer or raises
            raise AssertionError("no answer and no failure")
        hint = f"The redirect was not followed: {not_followed}." if not_followed else ""
        if response.status in _CREDENTIAL_STATUSES:
            hint = credentials.explain_refusal(prepared.grant)
        shaping = partial(
            shape,
            response,
            method=prepared.request.method,
            subject=context.tool.name,
            hint=hint,
            scrubber=credentials.scrubber,
            limits=self._limits,
        )
        large = len(response.body) > _LARGE
        context.take(await self._apart.run(shaping) if large else shaping())

    async def _exchange(self, context: CallContext, prepared: Prepared, origin: Origin, *, probe: bool) -> str:
        """The answer is in the context afterwards; the gate hears how it went in every case."""
        verdict = Verdict.UNKNOWN
        context.sent = self._clock.monotonic()
        try:
            not_followed = await self._sender.send(context, prepared, context.began + self._limits.timeout_seconds)
            response = context.response
            if response is not None:
                verdict = verdict_of_status(response.status)
        except UpstreamFailure as failure:
            verdict = verdict_of_failure(failure)
            raise
        finally:
            context.answered = self._clock.monotonic()
            # After a redirect the origin has answered; how the place it led to is doing is not its matter.
            self._gate.report(origin, Verdict.ALIVE if context.hops else verdict, probe=probe)
        return not_followed

    def _finish(self, context: CallContext) -> None:
        """Phase record."""
        context.ended = self._clock.monotonic()
        if self._records is not None:
            keep(context.record(), self._records, self._on_failure)


def _refuse(context: CallContext, error: AppError) -> None:
    """Nothing was sent."""
    context.refusal = error.code
    _give_up(context, error)


def _give_up(context: CallContext, error: AppError) -> None:
    """There is no answer: tell why. The error is kept, so what it says must be free of secrets itself."""
    scrubber = context.scrubber
    if scrubber:
        error.message, error.hint = scrubber.clean_text(error.message), scrubber.clean_text(error.hint)
        error.args = (error.message,)
    context.failure = error
    text = f"{error.message}\n{error.hint}" if error.hint else error.message
    context.take(Shaped(ToolResult((TextContent(text),), is_error=True), size=len(text)))


def _advice(failure: UpstreamFailure, prepared: Prepared) -> str:
    """What model and person can do; above all, whether the call may have had its effect."""
    if failure.kind is FailureKind.REFUSED_DESTINATION:
        return failure.hint or "The person who runs this server can allow the address with --allow-upstream."
    if failure.kind is FailureKind.OVERLOADED:
        return "Try again in a few seconds."
    if failure.sent and not prepared.request.idempotent:
        return "The API may have acted on the call all the same. Find out before calling again."
    return failure.hint
