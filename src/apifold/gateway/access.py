"""Who may talk to us at all: by the names we are called by, by where a page comes from, by a token.

Without these checks any page in a browser could use a server on this machine: by DNS rebinding (it calls us by a name of
its own, refused by `Host`) or directly (refused by `Origin`).
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from apifold.core.policy.access import ANONYMOUS, Principal, PrincipalKind
from apifold.gateway.ports import Exchange
from apifold.gateway.streams import Fields

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\\\s]+)(?::[0-9]*)?")
_ORIGIN = re.compile(r"https?://([^/]*)", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class AccessRules(msgspec.Struct, frozen=True):
    """Host names, lower case, without port; origins as browsers write them, `https://example.com`."""

    hosts: frozenset[str] | None = _LOOPBACK
    """Names we answer to; `None` for any, which is for servers that anybody may reach, or that ask for a token."""
    origins: frozenset[str] = frozenset()
    """Pages that may call us besides those that were served from a loopback address of this machine."""


LOOPBACK_ONLY = AccessRules()
ANY_HOST = AccessRules(hosts=None)


def is_host_allowed(rules: AccessRules, host: str) -> bool:
    if rules.hosts is None:
        return True
    name = _name(host)
    return bool(name) and (name in rules.hosts or name.strip("[]") in rules.hosts)


def is_origin_allowed(rules: AccessRules, origin: str) -> bool:
    """A page of a loopback address is the user's own tool (the Inspector, for one). `null` is nobody in particular."""
    if origin in rules.origins:
        return True
    read = _ORIGIN.fullmatch(origin)
    return read is not None and _name(read[1]) in _LOOPBACK


def _name(authority: str) -> str:
    """The host of `host:port`, lower case; empty for what is not of that form, so that nothing can stand beside it."""
    read = _AUTHORITY.fullmatch(authority)
    return read[1].lower() if read else ""


EXPOSED = "Mcp-Session-Id, WWW-Authenticate"


@lru_cache(maxsize=64)
def cross_origin_fields(origin: str) -> Fields:
    """What lets an allowed page read the answer."""
    return (
        ("access-control-allow-origin", origin),
        ("access-control-expose-headers", EXPOSED),
        ("vary", "Origin"),
    )


def preflight_fields(origin: str, asked: str) -> Fields:
    """The headers that are asked for are echoed: `Mcp-Param-*` cannot be listed."""
    allowed = (("access-control-allow-headers", asked),) if asked else ()
    return (
        *cross_origin_fields(origin),
        ("access-control-allow-methods", "POST, GET, DELETE, OPTIONS"),
        ("access-control-max-age", "600"),
        *allowed,
    )


class Denied(msgspec.Struct, frozen=True):
    """Why a caller is not let in, in the words of `WWW-Authenticate`."""

    challenge: str


Verify = Callable[[Exchange], Principal | Denied]
"""Who is calling. Sees headers only; must not keep the exchange."""


def anonymous(exchange: Exchange) -> Principal | Denied:
    """Lets everybody in."""
    del exchange
    return ANONYMOUS


def bearer_token(token: str, *, realm: str = "apifold") -> Verify:
    """Lets in who has the one token, as `Authorization: Bearer` or `X-API-Key`.

    The challenge names no OAuth metadata: clients that find some ignore the header they were given and start a login.
    """
    expected = _digest(token.encode("utf-8", "replace"))
    caller = Principal(PrincipalKind.TOKEN)
    denied = Denied(f'Bearer realm="{realm}"')

    def verify(exchange: Exchange) -> Principal | Denied:
        headers = exchange.headers
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        sent = given.encode("latin-1", "replace")  # the bytes that came over the wire
        # Digests have one length, so the time this takes says nothing about the token.
        return caller if sent and hmac.compare_digest(_digest(sent), expected) else denied

    return verify


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
