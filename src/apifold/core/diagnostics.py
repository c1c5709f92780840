"""A problem found in a document is a value: what, how bad, where, and what to do about it.

Only "nothing could be read" is an exception; everything else is a `Diagnostic` next to the rest of the result.
"""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    ERROR = "error"
    """Something the document describes is missing from the result (an operation is not a tool)."""
    WARNING = "warning"
    """The result differs from the document in a way a caller can notice (a schema was cut, a reference dropped)."""
    NOTE = "note"
    """A harmless rewrite, or a part that is understood and deliberately not used."""


class Diagnostic(msgspec.Struct, frozen=True):
    code: str
    """Stable, dotted, lower case: `reference.unresolved`, `schema.cut`, `name.shortened`."""
    severity: Severity
    pointer: str
    """JSON pointer into the document (RFC 6901), prefixed by `file#` when it is not the root document."""
    message: str
    advice: str = ""
    """What the owner of the document can do; empty when nothing needs doing."""
    operation: str = ""
    """`Operation.key` when the problem belongs to one operation."""
