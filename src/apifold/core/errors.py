"""The closed set of failures. A category says what kind of failure it is; numbers (HTTP, JSON-RPC, exit codes)
are given by the layer that answers, in one table each.
"""

from collections.abc import Mapping
from enum import StrEnum

from apifold.core.values import JSON


class ErrorCategory(StrEnum):
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    UPSTREAM_FAILED = "upstream_failed"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class AppError(Exception):
    """A failure with a stable `code` (dotted, lower case), a category and a message for a person.

    `details` is JSON-ready and never holds a secret. `hint` is one sentence with the next step for a person at a
    terminal (`error: …` / `hint: …`); empty when the message already says it.
    """

    category: ErrorCategory = ErrorCategory.INTERNAL

    def __init__(
        self,
        code: str,
        message: str,
        *,
        category: ErrorCategory | None = None,
        details: Mapping[str, JSON] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        if category is not None:
            self.category = category
        self.hint = hint
        self.details: dict[str, JSON] = dict(details or {})
