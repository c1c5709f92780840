"""The life of a call, its phases in written order: admit, execute, record. Who the caller is was settled before.

One function serves the gateway, the terminal and tests made by a person; a dry run is its first half. It gives an
answer for everything that can go wrong with a call, because a model can do something about most of it. Nothing in it
grows with the number of tools.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import CALL, CallLimits
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.core.policy.access import ANONYMOUS, Principal
from apifold.core.policy.resilience import Verdict
from apifold.core.record import CallKind, CallRecord
from apifold.core.requests.build import build_request
from apifold.core.requests.credentials import Credentials, Grant, apply
from apifold.core.requests.cut import Cut
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.requests.result import Shaped, shape
from apifold.core.requests.scrub import NOTHING, Scrubber
from apifold.core.tools.model import Tool
from apifold.core.values import JSONObject
from apifold.gateway.admit import Admission, Gate, verdict_of_failure, verdict_of_status
from apifold.gateway.execute import Effects, Sender, Tally
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.plans import Plans
from apifold.gateway.ports import Caller, Channel, CredentialSource, RecordSink, Upstream
from apifold.gateway.record import keep

NOBODY = Caller()
PATIENCE_SECONDS = 3.0
"""A call that takes longer reports progress, and again every so many seconds."""


class NoServer(AppError):
    """The request has nowhere to go: the document names no absolute server."""

    category = ErrorCategory.INVALID

    def __init__(self, target: str) -> None:
        super().__init__(
            "server.relative",
            f"The document does not say on which host {target} is.",
            hint="The person who runs this server can name it with --base-url.",
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call as it would be sent."""

    tool: Tool
    request: UpstreamRequest
    """Without credentials."""
    grant: Grant
    repairs: tuple[str, ...]

    def shown(self, *, secrets: bool = False) -> UpstreamRequest:
        """The whole request, with the secrets in it as `***` unless `secrets`."""
        return apply(self.request, self.grant if secrets else self.grant.masked())


@dataclass(frozen=True, slots=True)
class Completed:
    """A call that came to an end, good or bad."""

    result: ToolResult
    """What an MCP client gets."""
    record: CallRecord
    prepared: Prepared | None
    """`None` when no request could be made of the arguments."""
    response: UpstreamResponse | None
    """Not scrubbed; `None` when there was no answer."""
    failure: AppError | None
    """Why there was no answer."""
    cuts: tuple[Cut, ...] = ()


@dataclass(slots=True)
class _Work:
    """What is known of a call while it runs."""

    tool: Tool
    caller: Caller
    kind: CallKind
    parent: str
    call_id: str
    began: float
    began_at: float
    repairs: list[str] = field(default_factory=list)
    prepared: Prepared | None = None
    credentials: Credentials | None = None
    admission: Admission | None = None
    sent_at: float = 0.0
    answered_at: float = 0.0
    response: UpstreamResponse | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def scrubber(self) -> Scrubber:
        return NOTHING if self.credentials is None else self.credentials.scrubber


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
        self._effects = effects
        self._clock = effects.clock
        self._limits = limits
        self._records = records
        self._on_failure = on_failure
        self._sender = Sender(upstream, effects, limits)
        self._gate = Gate(effects.clock.monotonic, concurrent=limits.concurrent)

    async def prepare(self, tool: Tool, arguments: JSONObject, principal: Principal = ANONYMOUS) -> Prepared:
        """The request a call would send. Sends nothing and needs neither secrets nor an absolute server.

        Raises `InvalidArguments`, `RequestTooLarge`, `InvalidServer`.
        """
        credentials = await self._credentials.credentials(principal)
        return self._prepare(tool, arguments, credentials, [])

    def _prepare(self, tool: Tool, arguments: JSONObject, credentials: Credentials, repairs: list[str]) -> Prepared:
        request = build_request(self._plans.plan(tool), arguments, repairs=repairs)
        return Prepared(tool, request, credentials.grant(tool.operation), tuple(repairs))

    async def call(
        self,
        tool: Tool,
        arguments: JSONObject,
        *,
        caller: Caller = NOBODY,
        channel: Channel | None = None,
        kind: CallKind = CallKind.CALL,
        parent: str = "",
    ) -> Completed:
        """Make a call. Raises only when cancelled, or by a fault of ours."""
        began_at = self._clock.now()
        call_id = f"call_{int(began_at * 1000):012x}{self._effects.entropy.token(10).hex()}"
        work = _Work(tool, caller, kind, parent, call_id, self._clock.monotonic(), began_at)
        try:
            self._gate.enter()
        except AppError as error:
            return self._refuse(work, error)
        patience = None if channel is None else _Patience(channel, self._effects)
        try:
            return await self._run(work, arguments)
        except BaseException as reason:
            code = "call.cancelled" if isinstance(reason, asyncio.CancelledError) else "internal"
            self._settle(work, Verdict.UNKNOWN)
            self._record(work, is_error=True, error_code=code, result_bytes=0)
            raise
        finally:
            self._gate.leave()
            if patience is not None:
                patience.end()

    async def _run(self, work: _Work, arguments: JSONObject) -> Completed:
        try:
            credentials = work.credentials = await self._credentials.credentials(work.caller.principal)
            prepared = work.prepared = self._prepare(work.tool, arguments, credentials, work.repairs)
            origin = prepared.request.origin
            if origin is None:
                raise NoServer(prepared.request.target)
            work.admission = self._gate.admit(origin)
        except AppError as error:
            return self._refuse(work, error)
        work.sent_at = self._clock.monotonic()
        deadline = work.began + self._limits.timeout_seconds
        try:
            exchanged = await self._sender.send(
                prepared.request, prepared.grant, scrubber=work.scrubber, deadline=deadline, tally=work.tally
            )
        except UpstreamFailure as failure:
            self._settle(work, Verdict.ALIVE if work.tally.hops else verdict_of_failure(failure))
            return self._fail(work, failure)
        response = work.response = exchanged.response
        self._settle(work, Verdict.ALIVE if work.tally.hops else verdict_of_status(response.status))
        hint = f"The redirect was not followed: {exchanged.not_followed}." if exchanged.not_followed else ""
        if response.status in {401, 403}:
            hint = credentials.explain_refusal(prepared.grant)
        shaped = shape(
            response,
            method=prepared.request.method,
            uri=f"openapi://operations/{work.tool.name}/answer",
            hint=hint,
            scrubber=work.scrubber,
            limits=self._limits,
        )
        return self._complete(work, shaped, None)

    # --- ends --------------------------------------------------------------------------------------------------------

    def _settle(self, work: _Work, verdict: Verdict) -> None:
        """Tell the gate how the call ended, once."""
        work.answered_at = self._clock.monotonic()
        if work.admission is not None:
            self._gate.report(work.admission, verdict)
            work.admission = None

    def _refuse(self, work: _Work, error: AppError) -> Completed:
        """Nothing was sent."""
        return self._complete(work, _as_shaped(error.message, error.hint, work.scrubber), error, refusal=error.code)

    def _fail(self, work: _Work, failure: UpstreamFailure) -> Completed:
        advice = _advice(failure, work.prepared)
        return self._complete(work, _as_shaped(failure.message, advice, work.scrubber), failure)

    def _complete(self, work: _Work, shaped: Shaped, failure: AppError | None, *, refusal: str = "") -> Completed:
        result = shaped.result
        code = "" if failure is None else failure.code
        record = self._record(
            work, is_error=result.is_error, error_code=code, result_bytes=shaped.size, refusal=refusal
        )
        return Completed(result, record, work.prepared, work.response, failure, shaped.cuts)

    def _record(
        self, work: _Work, *, is_error: bool, error_code: str, result_bytes: int, refusal: str = ""
    ) -> CallRecord:
        operation, caller, response = work.tool.operation, work.caller, work.response
        record = CallRecord(
            call_id=work.call_id,
            parent_id=work.parent,
            kind=work.kind,
            billable=work.tally.attempts > 0,
            operation=operation.key,
            tool=work.tool.name,
            method=operation.method,
            path=operation.path,
            client_name=caller.client_name,
            client_version=caller.client_version,
            era=caller.revision,
            subject=caller.principal.subject,
            status=0 if response is None else response.status,
            is_error=is_error,
            error_code=error_code,
            refusal=refusal,
            repairs=tuple(work.repairs),
            attempts=work.tally.attempts,
            request_bytes=0 if work.prepared is None else len(work.prepared.request.body),
            response_bytes=0 if response is None else len(response.body),
            result_bytes=result_bytes,
            started_at=work.began_at,
            duration=self._clock.monotonic() - work.began,
            upstream=work.answered_at - work.sent_at if work.sent_at else 0.0,
            queued=0.0,
        )
        if self._records is not None:
            keep(record, self._records, self._on_failure)
        return record


def _as_shaped(message: str, advice: str, scrubber: Scrubber) -> Shaped:
    text = scrubber.clean_text(f"{message}\n{advice}" if advice else message)
    return Shaped(ToolResult((TextContent(text),), is_error=True), size=len(text))


def _advice(failure: UpstreamFailure, prepared: Prepared | None) -> str:
    """What model and person can do; above all, whether the call may have had its effect."""
    if failure.kind is FailureKind.REFUSED_DESTINATION:
        return failure.hint or "The person who runs this server can allow the address with --allow-upstream."
    if failure.kind is FailureKind.OVERLOADED:
        return "Try again in a few seconds."
    if failure.sent and prepared is not None and not prepared.request.idempotent:
        return "The API may have acted on the call all the same. Find out before calling again."
    return failure.hint


class _Patience:
    """Reports progress for a call that takes long. A call that does not costs one timer."""

    def __init__(self, channel: Channel, effects: Effects) -> None:
        self._channel = channel
        self._effects = effects
        self._began = effects.clock.monotonic()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(PATIENCE_SECONDS, self._start)
        self._task: asyncio.Task[None] | None = None

    def _start(self) -> None:
        self._task = self._loop.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            waited = self._effects.clock.monotonic() - self._began
            await self._channel.progress(waited, None, f"Waiting for the API, {waited:.0f} s so far")
            await self._effects.pause(PATIENCE_SECONDS)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
