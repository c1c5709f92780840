"""The form of a sealed value, and when it opens: AES-256-GCM, bound to the place it is stored in.

    version (1) | key id (8) | nonce (12) | ciphertext and tag (16 more than the plaintext)

Table, row and column are authenticated with it, so a value that is moved to another row or column does not open. Knows
nothing of where keys come from or where values are stored.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from apifold.core.errors import AppError, ErrorCategory

VERSION = 1
KEY_ID_BYTES = 8
NONCE_BYTES = 12
"""96 bits, drawn anew for each value: NIST SP 800-38D 8.3 allows 2**32 random nonces under one key."""
TAG_BYTES = 16
_HEADER = 1 + KEY_ID_BYTES + NONCE_BYTES
OVERHEAD = _HEADER + TAG_BYTES


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a sealed value is stored. The three names together are what it is bound to."""

    table: str
    row: str
    """The row's primary key, as text."""
    column: str

    def __post_init__(self) -> None:
        if not (self.table and self.row and self.column):
            raise ValueError("a place names a table, a row and a column")


class SealProblem(StrEnum):
    """Why a sealed value does not open; there is no other reason."""

    MALFORMED = "malformed"
    """Not a sealed value of a version that is known."""
    UNKNOWN_KEY = "unknown_key"
    TAMPERED = "tampered"
    """Changed, cut, or moved from another place."""


class SealBroken(AppError):
    """A sealed value does not open. Names the place and the key's id; never what is in it."""

    category = ErrorCategory.INTERNAL

    def __init__(self, problem: SealProblem, place: Place | None = None, *, key_id: bytes = b"") -> None:
        where = f" in {place.table}.{place.column} of row {place.row}" if place else ""
        super().__init__(
            f"vault.{problem}",
            _MESSAGES[problem].format(where=where, key=key_id.hex()),
            hint=_HINTS[problem],
            details={"reason": str(problem)},
        )
        self.problem = problem
        self.place = place


_MESSAGES: Mapping[SealProblem, str] = {
    SealProblem.MALFORMED: "What is stored{where} is not a sealed value.",
    SealProblem.UNKNOWN_KEY: "The sealed value{where} is under the key {key}, which is not among the vault's keys.",
    SealProblem.TAMPERED: "The sealed value{where} was changed, or belongs somewhere else.",
}
_HINTS: Mapping[SealProblem, str] = {
    SealProblem.MALFORMED: "Restore the row from a backup, or store the secret again.",
    SealProblem.UNKNOWN_KEY: "Add the key it was sealed with to the vault's keys.",
    SealProblem.TAMPERED: "Restore the row from a backup, or store the secret again.",
}


class Cipher(Protocol):
    """AES-256-GCM under one key."""

    @property
    def id(self) -> bytes:
        """`KEY_ID_BYTES` bytes that name the key; not secret."""

    def encrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        """Ciphertext and tag; `bound` is authenticated with it."""

    def decrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes | None:
        """The plaintext, or `None` when `data` or `bound` is not what was encrypted."""


class Envelope(msgspec.Struct, frozen=True):
    """A sealed value, taken apart. Holds nothing that is secret without the key."""

    key_id: bytes
    nonce: bytes
    body: bytes
    """Ciphertext and tag."""


def pack(envelope: Envelope) -> bytes:
    return bytes((VERSION,)) + envelope.key_id + envelope.nonce + envelope.body


def unpack(sealed: bytes, place: Place | None = None) -> Envelope:
    """Raises `SealBroken` (malformed); `place` is only for its message."""
    if len(sealed) < OVERHEAD or sealed[0] != VERSION:
        raise SealBroken(SealProblem.MALFORMED, place)
    return Envelope(sealed[1 : 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES : _HEADER], sealed[_HEADER:])


def encrypt(cipher: Cipher, place: Place, plaintext: bytes, *, nonce: bytes) -> bytes:
    """`nonce`: `NONCE_BYTES` random bytes that are used for nothing else."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 96 bits")
    return pack(Envelope(cipher.id, nonce, cipher.encrypt(nonce, plaintext, binding(place, cipher.id))))


def decrypt(ciphers: Mapping[bytes, Cipher], place: Place, sealed: bytes) -> bytes:
    """The plaintext; `ciphers` by key id. Raises `SealBroken`."""
    envelope = unpack(sealed, place)
    cipher = ciphers.get(envelope.key_id)
    if cipher is None:
        raise SealBroken(SealProblem.UNKNOWN_KEY, place, key_id=envelope.key_id)
    plaintext = cipher.decrypt(envelope.nonce, envelope.body, binding(place, envelope.key_id))
    if plaintext is None:
        raise SealBroken(SealProblem.TAMPERED, place)
    return plaintext


def binding(place: Place, key_id: bytes) -> bytes:
    """The associated data. Each name comes after its length, so that no two places read the same."""
    names = (name.encode() for name in (place.table, place.row, place.column))
    return b"apifold.vault" + bytes((VERSION,)) + key_id + b"".join(len(name).to_bytes(4) + name for name in names)
