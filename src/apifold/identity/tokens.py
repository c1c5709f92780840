"""Random tokens that we issue: how they look, what is stored of them, and when one is refused without a look-up.

    af_  access to one MCP server     afk_ personal API key     afs_ session     afl_ one-time link

A token is its prefix, 256 random bits as 43 base62 digits, and the CRC-32 of all that as 6 more. The checksum keeps nobody
out: it spares the database mistyped and cut tokens, and lets secret scanners report only real ones. Stored is the SHA-256:
what is random needs no slow hash.
"""

import hashlib
import hmac
import re
import zlib
from enum import StrEnum

import msgspec

from apifold.core.effects import Entropy
from apifold.core.requests.secret import Secret
from apifold.identity.refusals import CredentialRefused, Refusal

TOKEN_BYTES = 32
_BODY_DIGITS = 43
"""62**43 > 2**256."""
_CHECK_DIGITS = 6
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HINT_DIGITS = 4

PATTERN = r"\baf[kls]?_[0-9A-Za-z]{49}\b"
"""For secret scanners; what it finds is ours when `read_token` accepts it."""
_FORM = re.compile(r"(af[kls]?)_[0-9A-Za-z]{43}([0-9A-Za-z]{6})")


class TokenKind(StrEnum):
    """The value is the prefix, without the underscore."""

    SERVER = "af"
    KEY = "afk"
    SESSION = "afs"
    LINK = "afl"


class Issued(msgspec.Struct, frozen=True):
    """A new token. `secret` is shown once; the rest is stored."""

    secret: Secret
    digest: bytes
    """SHA-256 of the token's text: 32 bytes, unique."""
    hint: str
    """`af_…x7Qd`: enough to recognise it in a list."""


class Presented(msgspec.Struct, frozen=True):
    """A token that somebody sent, well-formed; not secret. Look it up by `digest`."""

    kind: TokenKind
    digest: bytes


def issue(kind: TokenKind, entropy: Entropy) -> Issued:
    body = f"{kind}_{_base62(int.from_bytes(entropy.token(TOKEN_BYTES)), _BODY_DIGITS)}"
    text = body + _checksum(body)
    return Issued(Secret(text), _digest(text), f"{kind}_…{text[-_HINT_DIGITS:]}")


def read_token(text: str) -> Presented:
    """Raises `CredentialRefused` (malformed) for everything that was never issued by us."""
    form = _FORM.fullmatch(text)
    if form is None or not hmac.compare_digest(form[2], _checksum(text[:-_CHECK_DIGITS])):
        raise CredentialRefused(Refusal.MALFORMED)
    return Presented(TokenKind(form[1]), _digest(text))


def is_same(presented: Presented, stored: bytes) -> bool:
    """Whether `stored` is the digest of this token; takes the same time for every wrong one."""
    return hmac.compare_digest(presented.digest, stored)


def is_ours(text: str) -> bool:
    """Whether it claims to be one of these tokens, by its prefix; otherwise it may be an identity provider's."""
    return text.partition("_")[0] in _PREFIXES


_PREFIXES = frozenset(TokenKind)


_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def read_bearer(authorization: str) -> str:
    """The credential of an `Authorization` header (RFC 6750 2.1; the scheme in any case, RFC 9110 11.1). Raises
    `CredentialRefused`: missing when there is none or another scheme, malformed when it is not one token.
    """
    scheme, _, credential = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise CredentialRefused(Refusal.MISSING)
    credential = credential.strip(" ")
    if not credential:
        raise CredentialRefused(Refusal.MISSING)
    if _B64TOKEN.fullmatch(credential) is None:
        raise CredentialRefused(Refusal.MALFORMED)
    return credential


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
