"""One call, from admission to record: what its phases know, and what is left of it in the end."""

from apifold.core.errors import AppError
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.core.record import CallKind, CallRecord
from apifold.core.requests.credentials import Credentials, Grant, apply
from apifold.core.requests.cut import Cut
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.requests.result import Shaped
from apifold.core.requests.scrub import NOTHING, Scrubber
from apifold.core.tools.model import Tool
from apifold.gateway.ports import Caller

_NOT_YET = ToolResult((TextContent("The call was not made."),), is_error=True)


class Prepared:
    """A call as it would be sent."""

    __slots__ = ("grant", "repairs", "request", "tool")

    def __init__(self, tool: Tool, request: UpstreamRequest, grant: Grant, repairs: tuple[str, ...]) -> None:
        self.tool = tool
        self.request = request
        """Without credentials."""
        self.grant = grant
        self.repairs = repairs
        """What was set right in the arguments."""

    def shown(self, *, secrets: bool = False) -> UpstreamRequest:
        """The whole request, with the secrets in it as `***` unless `secrets`."""
        return apply(self.request, self.grant if secrets else self.grant.masked())


class CallContext:
    """Filled in by the phases of the call; whoever made the call reads it afterwards. Times are monotonic seconds.

    A plain class: one is made for every call, in a fifth of a frozen dataclass's time.
    """

    __slots__ = (
        "answered",
        "attempts",
        "began",
        "began_at",
        "call_id",
        "caller",
        "credentials",
        "cuts",
        "ended",
        "failure",
        "hops",
        "kind",
        "parent",
        "prepared",
        "refusal",
        "repairs",
        "response",
        "result",
        "sent",
        "size",
        "tool",
    )

    def __init__(self, tool: Tool, caller: Caller, kind: CallKind, parent: str, call_id: str) -> None:
        self.tool = tool
        self.caller = caller
        self.kind = kind
        self.parent = parent
        self.call_id = call_id
        self.began_at = 0.0
        """Seconds since the epoch."""
        self.began = self.sent = self.answered = self.ended = 0.0
        self.attempts = self.hops = 0
        self.repairs: list[str] = []
        self.credentials: Credentials | None = None
        self.prepared: Prepared | None = None
        """`None` when no request could be made of the arguments."""
        self.response: UpstreamResponse | None = None
        """Not scrubbed; `None` when there was no answer."""
        self.failure: AppError | None = None
        """Why there was no answer."""
        self.refusal = ""
        """Code of the reason why nothing was sent."""
        self.result = _NOT_YET
        """What an MCP client gets."""
        self.cuts: tuple[Cut, ...] = ()
        self.size = 0

    @property
    def scrubber(self) -> Scrubber:
        return NOTHING if self.credentials is None else self.credentials.scrubber

    @property
    def upstream_seconds(self) -> float:
        """Spent waiting for the API, pauses between attempts included."""
        return self.answered - self.sent if self.sent else 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def take(self, shaped: Shaped) -> None:
        self.result, self.cuts, self.size = shaped.result, shaped.cuts, shaped.size

    def record(self) -> CallRecord:
        """What may be kept of the call."""
        operation, caller, response, prepared = self.tool.operation, self.caller, self.response, self.prepared
        return CallRecord(
            call_id=self.call_id,
            parent_id=self.parent,
            kind=self.kind,
            billable=self.attempts > 0 and not self.refusal,
            operation=operation.key,
            tool=self.tool.name,
            method=operation.method,
            path=operation.path,
            client_name=caller.client_name,
            client_version=caller.client_version,
            era=caller.revision,
            subject=caller.principal.subject,
            status=0 if response is None else response.status,
            is_error=self.result.is_error,
            error_code="" if self.failure is None else self.failure.code,
            refusal=self.refusal,
            repairs=tuple(self.repairs),
            attempts=self.attempts,
            request_bytes=0 if prepared is None else len(prepared.request.body),
            response_bytes=0 if response is None else len(response.body),
            result_bytes=self.size,
            started_at=self.began_at,
            duration=self.seconds,
            upstream=self.upstream_seconds,
            queued=0.0,
            workspace=caller.principal.workspace,
            server=caller.principal.server,
        )
