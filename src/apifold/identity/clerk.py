"""Clerk's session tokens: verified here, without asking Clerk, and read into one form whatever their version.

RS256 and nothing else, whatever a token's header says. Every claim is judged by the clock that is passed in.
"""

import base64
import binascii
import re
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidSignatureError, PyJWTError

from apifold.core.effects import Clock
from apifold.identity.keyset import Keys
from apifold.identity.refusals import CredentialRefused, Refusal

ALGORITHM = "RS256"
LARGEST_TOKEN = 16 * 1024
SKEW = 5.0
"""Seconds that two clocks may differ."""
_LONGEST_KID = 256


class ClerkRules(msgspec.Struct, frozen=True):
    issuer: str
    """The instance's Frontend API, `https://clerk.example.com`, as tokens name it."""
    authorized_parties: frozenset[str] = frozenset()
    """Origins whose pages may have asked for a token; empty: any. A token without an origin (a native app's) passes."""
    skew: float = SKEW


def keys_url(issuer: str) -> str:
    """Where an instance publishes its keys."""
    return f"{issuer.rstrip('/')}/.well-known/jwks.json"


class Organization(msgspec.Struct, frozen=True):
    """The organisation that is chosen in the session."""

    id: str
    slug: str = ""
    role: str = ""
    """`admin`: without the `org:` of version 1."""
    permissions: frozenset[str] = frozenset()
    """`org:feature:permission`, as version 1 writes them."""


class ClerkIdentity(msgspec.Struct, frozen=True):
    """Whom a valid session token is about."""

    user: str
    """`user_…`."""
    session: str
    """`sess_…`."""
    issuer: str
    issued_at: float
    expires_at: float
    organization: Organization | None = None


class ClerkTokens:
    """Verifies session tokens of one Clerk instance."""

    def __init__(self, rules: ClerkRules, keys: Keys, clock: Clock) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str) -> ClerkIdentity:
        """Raises `CredentialRefused`, or `KeysUnavailable` when the keys cannot be had."""
        key = await self._keys.find(_read_header(token).kid)
        claims = _read_claims(_verified_payload(token, key))
        _check_times(claims, self._clock.now(), self._rules.skew)
        _check_origin(claims, self._rules)
        return _identity(claims)


# --- header and signature --------------------------------------------------------------------------------------------


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""
    typ: str = "JWT"


def _read_header(token: str) -> _Header:
    """What decides which key is asked; nothing of it is trusted."""
    if len(token) > LARGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        raise CredentialRefused(Refusal.MALFORMED)
    segment = token.partition(".")[0]
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        header = msgspec.json.decode(raw, type=_Header)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialRefused(Refusal.MALFORMED) from None
    if header.alg != ALGORITHM:
        raise CredentialRefused(Refusal.ALGORITHM)
    if header.typ.upper() != "JWT":
        # An OAuth access token of the same instance is "at+jwt" (RFC 9068 2.1), and no session.
        raise CredentialRefused(Refusal.WRONG_KIND)
    if len(header.kid) > _LONGEST_KID:
        raise CredentialRefused(Refusal.MALFORMED)
    return header


_SIGNATURES = PyJWS(algorithms=[ALGORITHM])


def _verified_payload(token: str, key: RSAPublicKey) -> bytes:
    try:
        payload = _SIGNATURES.decode_complete(token, key, algorithms=[ALGORITHM])["payload"]
    except InvalidSignatureError:
        refusal = Refusal.SIGNATURE
    except PyJWTError:
        refusal = Refusal.MALFORMED
    else:
        return bytes(payload)
    raise CredentialRefused(refusal)


# --- claims ----------------------------------------------------------------------------------------------------------

_NULL = msgspec.Raw(b"null")


class _CompactOrganization(msgspec.Struct, frozen=True):
    """The claim `o` of version 2."""

    id: str
    slg: str = ""
    rol: str = ""
    per: str = ""
    """Names of permissions, divided by commas."""
    fpm: str = ""
    """For each of the organisation's features, which of `per` it has: bits, the lowest for the first."""


class _Claims(msgspec.Struct, frozen=True):
    exp: float
    iat: float
    nbf: float
    iss: str
    sub: str
    sid: str
    v: int = 1
    azp: str | None = None
    sts: str | None = None
    act: msgspec.Raw = _NULL
    o: _CompactOrganization | None = None
    fea: str | None = None
    org_id: str | None = None
    org_slug: str | None = None
    org_role: str | None = None
    org_permissions: Sequence[str] | None = None


def _read_claims(payload: bytes) -> _Claims:
    try:
        claims = msgspec.json.decode(payload, type=_Claims)
    except (msgspec.DecodeError, UnicodeDecodeError):
        claims = None
    if claims is None or not (claims.sub and claims.sid):
        raise CredentialRefused(Refusal.CLAIMS)
    if claims.v not in {1, 2}:
        raise CredentialRefused(Refusal.VERSION)
    return claims


def _check_times(claims: _Claims, now: float, skew: float) -> None:
    """RFC 7519 4.1.4 to 4.1.6."""
    if now >= claims.exp + skew:
        raise CredentialRefused(Refusal.EXPIRED)
    if now < claims.nbf - skew:
        raise CredentialRefused(Refusal.NOT_YET_VALID)
    if now < claims.iat - skew:
        raise CredentialRefused(Refusal.ISSUED_IN_FUTURE)


def _check_origin(claims: _Claims, rules: ClerkRules) -> None:
    if claims.iss != rules.issuer:
        raise CredentialRefused(Refusal.ISSUER)
    if claims.azp and rules.authorized_parties and claims.azp not in rules.authorized_parties:
        raise CredentialRefused(Refusal.PARTY)
    if claims.sts not in {None, "active"}:
        raise CredentialRefused(Refusal.SESSION_PENDING)
    if bytes(claims.act).strip() != b"null":
        raise CredentialRefused(Refusal.IMPERSONATED)


def _identity(claims: _Claims) -> ClerkIdentity:
    organization = _organization_1(claims) if claims.v == 1 else _organization_2(claims)
    return ClerkIdentity(claims.sub, claims.sid, claims.iss, claims.iat, claims.exp, organization)


def _organization_1(claims: _Claims) -> Organization | None:
    if not claims.org_id:
        return None
    role = (claims.org_role or "").removeprefix("org:")
    return Organization(claims.org_id, claims.org_slug or "", role, frozenset(claims.org_permissions or ()))


def _organization_2(claims: _Claims) -> Organization | None:
    if claims.o is None:
        return None
    return Organization(claims.o.id, claims.o.slg, claims.o.rol, _permissions(claims.o, claims.fea or ""))


_MASK = re.compile(r"[0-9]{1,18}")


def _permissions(organization: _CompactOrganization, features: str) -> frozenset[str]:
    """`fea` names features as `o:dashboard` (the organisation's), `u:…` (the user's) or `uo:…`; `fpm` counts the former."""
    names = [name for scope, _, name in (each.strip().partition(":") for each in features.split(",")) if "o" in scope]
    masks = [int(mask) if _MASK.fullmatch(mask) else 0 for mask in organization.fpm.split(",")]
    permissions = organization.per.split(",")
    return frozenset(
        f"org:{name}:{permission}"
        for name, mask in zip(names, masks, strict=False)
        for bit, permission in enumerate(permissions)
        if permission and mask >> bit & 1
    )
