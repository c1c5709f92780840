"""Which names of a document can stand in an HTTP message: a document must not be able to write one of its own."""

import re

from apifold.core.openapi.model import Location

IGNORED_HEADERS = frozenset(("accept", "content-type", "authorization"))
"""Parameter Object: definitions of these headers SHALL be ignored; media types and security schemes decide them."""
CONNECTION_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Framing, routing and hop-by-hop fields belong to the connection (RFC 9110 7.2, 7.6.1, 8.6, 10.1.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENDS_COOKIE = re.compile(r"[\s;=,]")


def is_token(text: str) -> bool:
    """Whether a text can be a method or the name of a header."""
    return _TOKEN.fullmatch(text) is not None


def name_problem(name: str, location: Location) -> str:
    """Why a parameter or an API key cannot have this name, or an empty string."""
    if not name:
        return "it has no name"
    if location is Location.HEADER and not is_token(name):
        return f"{name[:80]!r} cannot be the name of a header"
    if location is Location.COOKIE and _ENDS_COOKIE.search(name):
        return f"{name[:80]!r} cannot be the name of a cookie"
    return f"{name[:80]!r} has control characters" if _CONTROL.search(name) else ""
