"""Category to MCP answer; one table. Numbers are given here and nowhere else in the data plane."""

from collections.abc import Mapping

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.codes import INTERNAL_ERROR, INVALID_PARAMS, MISSING_CAPABILITY
from apifold.core.mcp.envelope import Fault
from apifold.gateway.ports import InvalidRequest, MissingCapability


class Shape(msgspec.Struct, frozen=True):
    """How a failure of one category is told."""

    code: int
    """JSON-RPC code outside of tool calls, and in them when `protocol`."""
    protocol: bool = False
    """In a tool call too this is an error of the protocol, not a result for the model (`isError`)."""
    details: bool = True
    """Whether the message may be told."""


SHAPES: Mapping[ErrorCategory, Shape] = {
    ErrorCategory.INVALID: Shape(INVALID_PARAMS),
    ErrorCategory.UNAUTHENTICATED: Shape(INTERNAL_ERROR),
    ErrorCategory.FORBIDDEN: Shape(INTERNAL_ERROR),
    ErrorCategory.NOT_FOUND: Shape(INVALID_PARAMS, protocol=True),
    ErrorCategory.CONFLICT: Shape(INTERNAL_ERROR),
    ErrorCategory.TOO_LARGE: Shape(INVALID_PARAMS),
    ErrorCategory.RATE_LIMITED: Shape(INTERNAL_ERROR),
    ErrorCategory.QUOTA_EXCEEDED: Shape(INTERNAL_ERROR),
    ErrorCategory.UPSTREAM_FAILED: Shape(INTERNAL_ERROR),
    ErrorCategory.UNAVAILABLE: Shape(INTERNAL_ERROR),
    ErrorCategory.INTERNAL: Shape(INTERNAL_ERROR, protocol=True, details=False),
}

CRASH = Fault(INTERNAL_ERROR, "Internal error")
"""What is said of a failure of our own."""


def as_fault(error: AppError, *, in_tool_call: bool) -> Fault | None:
    """The protocol error that tells of `error`; `None` when it is told as a tool result with its message."""
    if isinstance(error, MissingCapability):
        return Fault(MISSING_CAPABILITY, error.message, {"requiredCapabilities": error.required})
    if isinstance(error, InvalidRequest):
        return Fault(INVALID_PARAMS, error.message)
    shape = SHAPES[error.category]
    if in_tool_call and not shape.protocol:
        return None
    return Fault(shape.code, error.message) if shape.details else CRASH
