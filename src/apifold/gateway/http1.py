"""What both ends of an HTTP/1.1 connection agree on: the grammar of header fields and the text of status lines.

Nothing here touches a socket. Fields that decide framing are written by whoever owns the connection, never by its
user, so a value from outside can neither split a message nor contradict its length (RFC 9112 section 11).
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

FRAMING = frozenset({"connection", "content-length", "date", "keep-alive", "trailer", "transfer-encoding", "upgrade"})
"""Lower-case names of fields that only the owner of a connection writes."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
STATUS_LINES = {code: f"HTTP/1.1 {code} {_REASONS.get(code, '')}\r\n".encode() for code in range(100, 1000)}
"""Status code to the first line of an answer (RFC 9112 section 4)."""


def is_token(text: str) -> bool:
    """RFC 9110 5.6.2: what a method or a field name may be."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """RFC 9110 5.5: no control character but tab, and nothing that latin-1 cannot carry."""
    return _VALUE.fullmatch(text) is not None


def encode_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Header lines with their CRLFs, in the order and the letter case given.

    Raises `ValueError` for a name or a value that would not be one field on the wire; the value is not in the message.
    """
    lines: list[str] = []
    for name, value in fields:
        if not is_token(name):
            raise ValueError(f"not a header field name: {name!r}")
        if not is_field_value(value):
            raise ValueError(f"the value of the header field {name!r} has a character that HTTP forbids")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


def has_body(method: str, status: int) -> bool:
    """Whether an answer to `method` with `status` carries content (RFC 9110 6.4.1)."""
    return method != "HEAD" and status >= 200 and status not in {204, 304}
