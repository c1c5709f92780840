"""Identifiers: opaque, typed and prefixed. What is stored, logged and shown is one and the same text.

`srv_06ews6xz0ydb1f6ng5zr3e9h4g` is a kind, an underscore and 128 bits in 26 characters. Where order is wanted (`new_id`)
the bits are a UUID of version 7 (RFC 9562, 5.7), so that ids sort by the millisecond they were made in; where an id must
not be guessed (`unguessable`) all of them are random.
"""

import hashlib
from enum import StrEnum
from typing import NewType

from apifold.core.effects import Clock, Entropy

WorkspaceId = NewType("WorkspaceId", str)
UserId = NewType("UserId", str)
SpecId = NewType("SpecId", str)
ServerId = NewType("ServerId", str)
EndpointId = NewType("EndpointId", str)
ToolId = NewType("ToolId", str)


class IdKind(StrEnum):
    """What an id names; the value is its prefix. Prefixes are part of the API and never change."""

    WORKSPACE = "ws"
    USER = "usr"
    IDENTITY = "idn"
    SESSION = "ses"
    API_KEY = "key"
    LINK = "lnk"
    SPEC = "spec"
    SPEC_VERSION = "ver"
    SERVER = "srv"
    ENDPOINT = "ep"
    TOOL = "tool"
    ACCESS_TOKEN = "tok"
    CREDENTIAL = "cred"
    CALL = "call"
    AUDIT = "aud"


ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u; in ASCII order, so that texts sort as the numbers do."""

_BYTES = 16
_CHARACTERS = 26
_KNOWN = frozenset(ALPHABET)


def new_id(kind: IdKind, *, clock: Clock, entropy: Entropy) -> str:
    """A new id that sorts after those of earlier milliseconds."""
    milliseconds = int(clock.now() * 1000) & (1 << 48) - 1
    chance = int.from_bytes(entropy.token(10)) & (1 << 74) - 1
    high, low = chance >> 62, chance & (1 << 62) - 1
    return _text(kind, milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def unguessable(kind: IdKind, *, entropy: Entropy) -> str:
    """An id of 128 random bits, for addresses that are known only to whom they were told."""
    return _text(kind, int.from_bytes(entropy.token(_BYTES)))


def tool_id(operation: str) -> ToolId:
    """The id of a tool, from its operation's key alone: the same on every server, in every version of a document."""
    return ToolId(_text(IdKind.TOOL, int.from_bytes(hashlib.sha256(operation.encode()).digest()[:_BYTES])))


def is_id(kind: IdKind, text: str) -> bool:
    """Whether a text from outside has the form of an id of this kind. Nothing else needs to be asked of a database."""
    prefix, _, rest = text.partition("_")
    return prefix == kind and len(rest) == _CHARACTERS and rest[0] in "01234567" and _KNOWN.issuperset(rest)


def _text(kind: IdKind, number: int) -> str:
    # 26 characters hold 130 bits: the first has two to spare, hence at most "7".
    return f"{kind}_" + "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (_CHARACTERS - 1), -1, -5))
