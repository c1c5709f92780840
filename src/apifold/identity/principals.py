"""What a credential that was found is worth: who its bearer is to the rest of the program, or why nobody.

A grant is what the store knows of a credential; `now` is seconds since the epoch. The secret has been compared before.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from apifold.core.policy.access import Principal, PrincipalKind
from apifold.identity.refusals import CredentialRefused, Refusal


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


ADMIN_SCOPE = "admin"
_SCOPES: Mapping[Role, frozenset[str]] = {Role.USER: frozenset(), Role.ADMIN: frozenset({ADMIN_SCOPE})}


class Account(msgspec.Struct, frozen=True):
    """Whose credential it is."""

    user: str
    workspace: str
    """The user's personal workspace."""
    role: Role = Role.USER
    is_active: bool = True
    """Neither deactivated nor deleted."""


class TokenGrant(msgspec.Struct, frozen=True):
    """An `af_…` token of a server."""

    token: str
    """The token's id."""
    workspace: str
    server: str
    tools: frozenset[str] | None = None
    """Operation keys it may use; `None` means all, the empty set means none."""
    scopes: frozenset[str] = frozenset()
    expires_at: float | None = None
    revoked_at: float | None = None


class KeyGrant(msgspec.Struct, frozen=True):
    """An `afk_…` personal API key."""

    key: str
    """The key's id."""
    account: Account
    expires_at: float | None = None
    revoked_at: float | None = None


class SessionGrant(msgspec.Struct, frozen=True):
    """An `afs_…` session of somebody who signed in here."""

    session: str
    """The session's id."""
    account: Account
    created_at: float
    expires_at: float
    """If it is not used any more: `session_expiry` of the use that was noted last."""
    last_used_at: float | None = None
    """As far as it was noted."""
    revoked_at: float | None = None
    """Signed out, or ended by a change of the password."""


class SessionRule(msgspec.Struct, frozen=True):
    """How long a session lives, in seconds."""

    idle: float = 14 * 86_400.0
    longest: float = 90 * 86_400.0
    notice: float = 300.0
    """Use within this time of the one that was noted last is not noted."""


SESSION = SessionRule()


def token_principal(grant: TokenGrant | None, *, server: str, now: float) -> Principal:
    """The caller of `server` with this token. Raises `CredentialRefused`; a token of another server is as good as none."""
    if grant is None or grant.server != server:
        raise CredentialRefused(Refusal.UNKNOWN)
    _check_life(grant.revoked_at, grant.expires_at, now)
    return Principal(
        PrincipalKind.TOKEN, grant.token, grant.workspace, grant.server, tools=grant.tools, scopes=grant.scopes
    )


def key_principal(grant: KeyGrant | None, *, now: float) -> Principal:
    """The key's owner, with the owner's rights. Raises `CredentialRefused`."""
    if grant is None:
        raise CredentialRefused(Refusal.UNKNOWN)
    _check_life(grant.revoked_at, grant.expires_at, now)
    return account_principal(grant.account, PrincipalKind.KEY)


def session_principal(grant: SessionGrant | None, *, now: float) -> Principal:
    """Who signed in. Raises `CredentialRefused`."""
    if grant is None:
        raise CredentialRefused(Refusal.UNKNOWN)
    _check_life(grant.revoked_at, grant.expires_at, now)
    return account_principal(grant.account, PrincipalKind.SESSION)


def account_principal(account: Account | None, kind: PrincipalKind = PrincipalKind.SESSION) -> Principal:
    """The owner of an account whose credential is good already: an identity provider's token, for one. Raises
    `CredentialRefused`.
    """
    if account is None:
        raise CredentialRefused(Refusal.UNKNOWN)
    if not account.is_active:
        raise CredentialRefused(Refusal.ACCOUNT_INACTIVE)
    return Principal(kind, account.user, account.workspace, scopes=_SCOPES[account.role])


def session_expiry(created_at: float, *, now: float, rule: SessionRule = SESSION) -> float:
    """When a session that is used now ends, if it is not used any more."""
    return min(now + rule.idle, created_at + rule.longest)


def is_use_worth_noting(grant: SessionGrant, *, now: float, rule: SessionRule = SESSION) -> bool:
    """Whether `last_used_at` and `expires_at` are to be written: not with every request."""
    return now - (grant.created_at if grant.last_used_at is None else grant.last_used_at) >= rule.notice


def is_admin(principal: Principal) -> bool:
    return ADMIN_SCOPE in principal.scopes and principal.kind in {PrincipalKind.KEY, PrincipalKind.SESSION}


def _check_life(revoked_at: float | None, expires_at: float | None, now: float) -> None:
    if revoked_at is not None:
        raise CredentialRefused(Refusal.REVOKED)
    if expires_at is not None and now >= expires_at:
        raise CredentialRefused(Refusal.EXPIRED)
