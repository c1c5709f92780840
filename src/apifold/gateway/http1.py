"""What both ends of an HTTP/1.1 connection agree on: the grammar of header fields and the text of status lines.

Nothing here touches a socket. Fields that decide framing are written by whoever owns the connection, never by its
user, so a value from outside can neither split a message nor contradict its length (RFC 9112 section 11).
"""

import re
import time
from collections.abc import Sequence
from http import HTTPStatus

FRAMING = frozenset({"connection", "content-length", "date", "keep-alive", "trailer", "transfer-encoding", "upgrade"})
"""Lower-case names of fields that only the owner of a connection writes."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_LINES = re.compile(r"(?:[^\x00-\x20:]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")
_KNOWN_NAMES = 4_096

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
STATUS_LINES = {code: f"HTTP/1.1 {code} {_REASONS.get(code, '')}\r\n".encode() for code in range(100, 1000)}
"""Status code to the first line of an answer (RFC 9112 section 4)."""


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: float) -> str:
    """Seconds since the epoch as RFC 9110 5.6.7 writes them, whatever the locale."""
    at = time.gmtime(seconds)
    day = f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year}"
    return f"{day} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"


def is_token(text: str) -> bool:
    """RFC 9110 5.6.2: what a method or a field name may be."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """RFC 9110 5.5: no control character but tab, and nothing that latin-1 cannot carry."""
    return _VALUE.fullmatch(text) is not None


class FieldEncoder:
    """Writes header lines. Names it has seen are remembered, for they are few and checking them is most of the work."""

    def __init__(self, reserved: frozenset[str]) -> None:
        """`reserved`: lower-case names that are not the user's to write."""
        self._reserved = reserved
        self._known: set[str] = set()

    def encode(self, fields: Sequence[tuple[str, str]]) -> str:
        """Header lines with their CRLFs, in the order and the letter case given; latin-1.

        Raises `ValueError` for a reserved name and for what would not be one field on the wire (RFC 9110 5.1, 5.5). The
        value is not in the message.
        """
        lines: list[str] = []
        known = self._known
        for name, value in fields:
            if name not in known:
                self._learn(name)
            lines.append(f"{name}: {value}\r\n")
        text = "".join(lines)
        # One look at the whole block; a value that brought a line of its own makes it longer than what was put in.
        if _LINES.fullmatch(text) is None or text.count("\n") != len(lines):
            name = next((name for name, value in fields if not is_field_value(value)), "")
            raise ValueError(f"the value of the header field {name!r} has a character that HTTP forbids")
        return text

    def _learn(self, name: str) -> None:
        if not is_token(name):
            raise ValueError(f"not a header field name: {name!r}")
        if name.lower() in self._reserved:
            raise ValueError(f"the header field {name!r} is written with the framing of a message")
        if len(self._known) >= _KNOWN_NAMES:
            self._known.clear()
        self._known.add(name)


def has_body(method: str, status: int) -> bool:
    """Whether an answer to `method` with `status` carries content (RFC 9110 6.4.1)."""
    return method != "HEAD" and status >= 200 and status not in {204, 304}
