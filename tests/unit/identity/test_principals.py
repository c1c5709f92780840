"""A credential that was found makes a principal with exactly its rights, or is refused with the reason."""

from collections.abc import Callable

import msgspec
import pytest

from apifold.core.policy.access import ANONYMOUS, Principal, PrincipalKind
from apifold.identity.principals import (
    ADMIN_SCOPE,
    SESSION,
    Account,
    KeyGrant,
    Role,
    SessionGrant,
    TokenGrant,
    account_principal,
    is_admin,
    is_use_worth_noting,
    key_principal,
    session_expiry,
    session_principal,
    token_principal,
)
from apifold.identity.refusals import CredentialRefused, Refusal
from apifold.storage.tables import identity

NOW = 1_000_000_000.0
DAY = 86_400.0
ACCOUNT = Account("user_1", "ws_1")
ADMIN = Account("user_2", "ws_2", Role.ADMIN)
GONE = Account("user_1", "ws_1", is_active=False)
TOKEN = TokenGrant("tok_1", "ws_1", "srv_1")
KEY = KeyGrant("key_1", ACCOUNT)
SIGNED_IN = SessionGrant("ses_1", ACCOUNT, created_at=NOW - DAY, expires_at=NOW + DAY, last_used_at=NOW - 60)


def test_server_token_is_its_server_and_nothing_more() -> None:
    assert token_principal(TOKEN, server="srv_1", now=NOW) == Principal(
        PrincipalKind.TOKEN, "tok_1", "ws_1", "srv_1", tools=None, scopes=frozenset()
    )


@pytest.mark.parametrize("tools", [frozenset[str](), frozenset({"GET /users"})])
def test_tools_of_a_token_are_its_boundary_and_none_is_not_all(tools: frozenset[str]) -> None:
    grant = msgspec.structs.replace(TOKEN, tools=tools, scopes=frozenset({"read"}))
    principal = token_principal(grant, server="srv_1", now=NOW)
    assert (principal.tools, principal.scopes) == (tools, frozenset({"read"}))


def test_key_and_session_are_their_owner() -> None:
    assert key_principal(KEY, now=NOW) == Principal(PrincipalKind.KEY, "user_1", "ws_1")
    assert session_principal(SIGNED_IN, now=NOW) == Principal(PrincipalKind.SESSION, "user_1", "ws_1")
    assert account_principal(ACCOUNT) == Principal(PrincipalKind.SESSION, "user_1", "ws_1")


def test_only_an_admins_own_credentials_make_an_admin() -> None:
    expected = Principal(PrincipalKind.KEY, "user_2", "ws_2", scopes=frozenset({ADMIN_SCOPE}))
    admin = key_principal(KeyGrant("key_2", ADMIN), now=NOW)
    assert (admin, is_admin(admin), is_admin(account_principal(ADMIN))) == (expected, True, True)
    forged = msgspec.structs.replace(TOKEN, scopes=frozenset({ADMIN_SCOPE}))
    for other in (key_principal(KEY, now=NOW), token_principal(forged, server="srv_1", now=NOW), ANONYMOUS):
        assert not is_admin(other)


def refused(work: Callable[[], object]) -> Refusal:
    with pytest.raises(CredentialRefused) as error:
        work()
    return error.value.refusal


def test_what_is_not_there_is_unknown() -> None:
    for work in (
        lambda: token_principal(None, server="srv_1", now=NOW),
        lambda: key_principal(None, now=NOW),
        lambda: session_principal(None, now=NOW),
        lambda: account_principal(None),
    ):
        assert refused(work) is Refusal.UNKNOWN


def test_token_of_another_server_is_as_unknown_as_none_even_when_it_is_revoked() -> None:
    revoked = msgspec.structs.replace(TOKEN, revoked_at=1.0)
    assert refused(lambda: token_principal(TOKEN, server="srv_2", now=NOW)) is Refusal.UNKNOWN
    assert refused(lambda: token_principal(revoked, server="srv_2", now=NOW)) is Refusal.UNKNOWN


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "expected"),
    [
        (NOW, None, Refusal.EXPIRED),
        (NOW - 1, None, Refusal.EXPIRED),
        (None, NOW, Refusal.REVOKED),
        (NOW - 1, NOW - 2, Refusal.REVOKED),
    ],
)
def test_token_or_key_that_ended_is_refused(
    expires_at: float | None, revoked_at: float | None, expected: Refusal
) -> None:
    token = msgspec.structs.replace(TOKEN, expires_at=expires_at, revoked_at=revoked_at)
    key = msgspec.structs.replace(KEY, expires_at=expires_at, revoked_at=revoked_at)
    assert refused(lambda: token_principal(token, server="srv_1", now=NOW)) is expected
    assert refused(lambda: key_principal(key, now=NOW)) is expected


def test_token_or_key_is_good_until_the_moment_it_expires() -> None:
    key = msgspec.structs.replace(KEY, expires_at=NOW + 0.001)
    assert key_principal(key, now=NOW).subject == "user_1"


def test_session_ends_when_it_is_not_used_or_has_lived_long_enough() -> None:
    assert session_expiry(NOW - DAY, now=NOW) == NOW + SESSION.idle
    assert session_expiry(NOW - SESSION.longest + 60, now=NOW) == NOW + 60
    ended = msgspec.structs.replace(SIGNED_IN, expires_at=NOW)
    assert refused(lambda: session_principal(ended, now=NOW)) is Refusal.EXPIRED


def test_session_that_was_ended_is_revoked() -> None:
    ended = msgspec.structs.replace(SIGNED_IN, revoked_at=NOW - 1)
    assert refused(lambda: session_principal(ended, now=NOW)) is Refusal.REVOKED


def test_credentials_of_an_inactive_account_are_refused() -> None:
    key, session = KeyGrant("key_1", GONE), msgspec.structs.replace(SIGNED_IN, account=GONE)
    for work in (
        lambda: key_principal(key, now=NOW),
        lambda: session_principal(session, now=NOW),
        lambda: account_principal(GONE),
    ):
        assert refused(work) is Refusal.ACCOUNT_INACTIVE


def test_use_of_a_session_is_noted_now_and_then() -> None:
    assert not is_use_worth_noting(SIGNED_IN, now=NOW)
    assert is_use_worth_noting(SIGNED_IN, now=NOW - 60 + SESSION.notice)
    unused = msgspec.structs.replace(SIGNED_IN, created_at=NOW, last_used_at=None)
    assert not is_use_worth_noting(unused, now=NOW)
    assert is_use_worth_noting(unused, now=NOW + SESSION.notice)


def test_roles_are_called_alike_where_they_are_kept() -> None:
    assert [*map(str, Role)] == [*map(str, identity.Role)]
