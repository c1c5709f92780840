"""How an exchange with the upstream can fail before there is an answer. A closed set, adapter-independent."""

from enum import StrEnum

from apifold.core.errors import AppError, ErrorCategory


class FailureKind(StrEnum):
    REFUSED_DESTINATION = "refused_destination"
    """The destination policy forbids the address; nothing was sent."""
    NAME_NOT_FOUND = "name_not_found"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    """The request was sent, the answer did not come in time."""
    CLOSED = "closed"
    """The connection broke before the answer was complete."""
    PROTOCOL = "protocol"
    """The answer was not valid HTTP, or went over a bound on its head."""
    DECODE = "decode"
    """The content coding was broken or unknown."""
    OVERLOADED = "overloaded"
    """Too many calls are already waiting for this destination."""


class UpstreamFailure(AppError):
    category = ErrorCategory.UPSTREAM_FAILED

    def __init__(self, kind: FailureKind, message: str, *, sent: bool) -> None:
        super().__init__(f"upstream.{kind.value}", message)
        self.kind = kind
        self.sent = sent
        """Whether any byte of the request may have reached the destination: only unsent or idempotent calls are retried."""
