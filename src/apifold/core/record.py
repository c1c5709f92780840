"""What is kept of one tool call: sizes, times and outcomes, never arguments, bodies or secrets.

The same value is written by every way a call can be made; `apifold serve` throws it away.
"""

from enum import StrEnum

import msgspec


class CallKind(StrEnum):
    CALL = "call"
    """`tools/call` from an MCP client."""
    TEST = "test"
    """Made by a person from a page or the API."""
    TERMINAL = "terminal"
    """`apifold call`."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call, from admission to answer. A Struct because one is made per call, in a third of a dataclass's time."""

    call_id: str
    """Made when the call is admitted; the primary key wherever the record goes."""
    parent_id: str
    """The call that caused this one; empty for a call of its own."""
    kind: CallKind
    billable: bool
    """It reached, or tried to reach, the upstream. Refused and invalid calls do not count; retries are not calls."""
    operation: str
    """`Operation.key`."""
    tool: str
    """The name under which it was called."""
    method: str
    path: str
    """The path template."""
    client_name: str
    client_version: str
    era: str
    """The protocol revision of the message; empty outside MCP."""
    subject: str
    """Who called, as authentication named them."""
    status: int
    """The upstream's status; 0 when there was none."""
    is_error: bool
    error_code: str
    """A stable code of `AppError` when there was no answer; empty otherwise."""
    refusal: str
    """Why the call was not sent: a stable code; empty when it was sent."""
    repairs: tuple[str, ...]
    """What was changed in the arguments so that the call could be made."""
    attempts: int
    request_bytes: int
    response_bytes: int
    result_bytes: int
    started_at: float
    """Seconds since the epoch."""
    duration: float
    """Seconds from admission to answer."""
    upstream: float
    """Seconds of `duration` spent waiting for the upstream, pauses between attempts included."""
    queued: float
    """Seconds spent waiting for a free place."""
    workspace: str = ""
    server: str = ""
    """Whose call it was, as authentication found it; both empty where there is only one server."""
