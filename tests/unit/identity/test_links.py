"""A one-time link is followed once, in time, for what it was made for."""

import msgspec
import pytest

from apifold.identity.links import LIFETIMES, LinkGrant, LinkPurpose, check_link
from apifold.identity.refusals import CredentialRefused, Refusal
from apifold.storage.tables import identity

NOW = 1_000.0
LINK = LinkGrant("link_1", LinkPurpose.SIGN_IN, "user_1", expires_at=NOW + 1)


def test_fresh_link_may_be_followed() -> None:
    assert check_link(LINK, LinkPurpose.SIGN_IN, now=NOW) == LINK


@pytest.mark.parametrize(
    ("link", "purpose", "refusal"),
    [
        (None, LinkPurpose.SIGN_IN, Refusal.UNKNOWN),
        (LINK, LinkPurpose.RESET_PASSWORD, Refusal.WRONG_KIND),
        (msgspec.structs.replace(LINK, used_at=NOW - 1), LinkPurpose.SIGN_IN, Refusal.USED),
        (msgspec.structs.replace(LINK, expires_at=NOW), LinkPurpose.SIGN_IN, Refusal.EXPIRED),
        (msgspec.structs.replace(LINK, expires_at=NOW, used_at=1.0), LinkPurpose.SIGN_IN, Refusal.USED),
    ],
)
def test_link_that_may_not_be_followed_says_why(link: LinkGrant | None, purpose: LinkPurpose, refusal: Refusal) -> None:
    with pytest.raises(CredentialRefused) as error:
        check_link(link, purpose, now=NOW)
    assert error.value.refusal is refusal


def test_purposes_are_called_alike_where_they_are_kept() -> None:
    assert [*map(str, LinkPurpose)] == [*map(str, identity.LinkPurpose)]


def test_every_purpose_has_a_lifetime_of_at_most_a_week() -> None:
    assert set(LIFETIMES) == set(LinkPurpose)
    assert max(LIFETIMES.values()) <= 7 * 86_400
