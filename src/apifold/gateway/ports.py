"""What the data plane needs from others. Every port is declared here, by its consumer."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Protocol

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import ToolResult
from apifold.core.mcp.outcome import InputRequired
from apifold.core.mcp.server import Listing, ServerDescription
from apifold.core.policy.access import ANONYMOUS, Principal
from apifold.core.record import CallRecord
from apifold.core.requests.credentials import Credentials
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.values import JSON, JSONObject

__all__ = [
    "Backend",
    "Caller",
    "Channel",
    "ConnectionEvent",
    "CredentialSource",
    "Exchange",
    "Handler",
    "InputRequired",
    "InvalidRequest",
    "Listing",
    "MissingCapability",
    "RecordSink",
    "ServerDescription",
    "ToolCall",
    "Upstream",
]

# --- HTTP, our side -------------------------------------------------------------------------------------------------


class Exchange(Protocol):
    """One HTTP request from a caller and the one answer to it."""

    method: str
    path: str
    """Raw path without query, still percent-encoded."""
    query: str
    headers: Mapping[str, str]
    """Lower-case names; repeats joined by ", "; values latin-1, white space around them trimmed."""
    body: bytes
    peer: str
    """Address of the connection's other end; empty for a Unix socket."""
    cancel_on_disconnect: bool
    """True at first: when the caller goes away the handler's task is cancelled. A handler may set it to False."""

    def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes | tuple[bytes, ...]) -> None:
        """Answer completely. Content-Length and Connection are added here. A body in pieces is not put together first."""

    def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Begin a streamed answer."""

    async def send(self, chunk: bytes) -> None:
        """Write a piece of a streamed answer; waits while the caller does not read. Returns silently once the caller is gone.

        The piece is queued before anything is waited for, so pieces that several tasks send stay whole and in order.
        """

    def end(self) -> None:
        """Finish a streamed answer."""


Handler = Callable[[Exchange], "Coroutine[None, None, None] | None"]
"""Answers one exchange. Returns `None` when it has answered already (no task is made), else the rest of the work."""


# --- Tools, prompts and resources behind one MCP endpoint ------------------------------------------------------------


class Channel(Protocol):
    """The way back to the caller while its call is running."""

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Report progress; does nothing when the caller did not ask for it."""

    async def log(self, level: str, data: JSON, logger: str = "") -> None:
        """Send a log message; does nothing below the level the caller asked for."""

    async def request(self, method: str, params: JSONObject) -> JSONObject:
        """Ask the client (sampling, elicitation, roots) in revisions that have sessions; raises `AppError` where it cannot."""

    async def detach(self, retry_seconds: float) -> None:
        """Let go of the connection while the call goes on; the client comes back for the rest after `retry_seconds`
        (SEP-1699). Does nothing where a client cannot come back.
        """


class MissingCapability(AppError):
    """The call needs something that the client did not declare. `required` is a ClientCapabilities object."""

    category = ErrorCategory.INVALID

    def __init__(self, required: JSONObject) -> None:
        needs = ", ".join(sorted(required))
        super().__init__("mcp.missing_capability", f"This needs a client that declares the capability: {needs}")
        self.required = required


class InvalidRequest(AppError):
    """The request itself is wrong, not the arguments that a model chose: a protocol error (-32602), not a tool result."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str) -> None:
        super().__init__("mcp.invalid_request", message)


class Caller(msgspec.Struct, frozen=True):
    """Everything known about who asks, for one message. A msgspec struct, as `ToolCall` is: one is made for every call."""

    principal: Principal = ANONYMOUS
    revision: str = ""
    client_name: str = ""
    client_version: str = ""
    capabilities: Mapping[str, JSON] = msgspec.field(default_factory=dict)
    session: str = ""


class ConnectionEvent(msgspec.Struct, frozen=True):
    """A client introduced itself: by `initialize`, or by `server/discover` (clients may skip that one)."""

    method: str
    caller: Caller


class ToolCall(msgspec.Struct, frozen=True):
    name: str
    arguments: JSONObject
    caller: Caller
    channel: Channel
    input_responses: Mapping[str, JSON] | None = None
    request_state: str = ""
    meta: Mapping[str, JSON] = msgspec.field(default_factory=dict)


class Backend(Protocol):
    """What stands behind one MCP endpoint. The OpenAPI backend is the product; tests bring others.

    `AppError` with category NOT_FOUND means: no such tool, resource or prompt (a protocol error, not a tool error).
    """

    @property
    def description(self) -> ServerDescription: ...

    def tools(self, caller: Caller) -> Listing: ...

    def preparing(self, caller: Caller) -> Coroutine[None, None, None] | None:
        """What has to be awaited so that `tools` costs nothing any more; `None` when it costs nothing now. Never needed."""

    async def call_tool(self, call: ToolCall) -> ToolResult | InputRequired: ...

    def resources(self, caller: Caller) -> Listing: ...

    def resource_templates(self, caller: Caller) -> Listing: ...

    async def read_resource(self, uri: str, caller: Caller) -> Sequence[JSONObject]:
        """MCP ResourceContents objects."""

    def prompts(self, caller: Caller) -> Listing: ...

    async def get_prompt(self, name: str, arguments: Mapping[str, str], call: ToolCall) -> JSONObject | InputRequired:
        """An MCP GetPromptResult without envelope fields."""

    async def complete(
        self, reference: JSONObject, argument: JSONObject, context: JSONObject, caller: Caller
    ) -> Sequence[str]: ...

    def watch(self, listener: Callable[[str, str], None]) -> Callable[[], None]:
        """Call `listener(kind, uri)` on changes until the returned function is called.

        Kinds: `tools`, `prompts`, `resources` (the list changed), `resource` (the content at `uri` changed).
        """


# --- HTTP, the upstream side -----------------------------------------------------------------------------------------


class Upstream(Protocol):
    """Sends one request to one checked destination. Follows nothing, retries nothing, adds nothing but framing."""

    async def send(self, request: UpstreamRequest, *, timeout: float) -> UpstreamResponse:
        """`timeout` bounds the whole exchange, seconds. Raises `UpstreamFailure` (see `gateway.failures`)."""

    async def close(self) -> None: ...


# --- What one call needs besides -------------------------------------------------------------------------------------


class CredentialSource(Protocol):
    """The secrets that go with a caller's calls: the operator's own, or those of the end user who calls."""

    async def credentials(self, principal: Principal) -> Credentials:
        """Give out the same object while nothing changed: what is worked out from it is kept in it."""


class RecordSink(Protocol):
    def admit(self) -> None:
        """Raises `AppError`, with the cause, when a call made now could not be recorded: it is not made then."""

    def record(self, record: CallRecord) -> None:
        """Take one finished call. When this returns the record survives the end of this process, so it is called before
        the answer's first byte. Returns at once; whatever is slow happens elsewhere.
        """
