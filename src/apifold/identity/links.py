"""One-time links: what each is for, how long it lives, and when it is refused."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from apifold.identity.refusals import CredentialRefused, Refusal


class LinkPurpose(StrEnum):
    SIGN_IN = "sign_in"
    INVITE = "invite"
    RESET_PASSWORD = "reset_password"


LIFETIMES: Mapping[LinkPurpose, float] = {
    LinkPurpose.SIGN_IN: 15 * 60.0,
    LinkPurpose.INVITE: 7 * 86_400.0,
    LinkPurpose.RESET_PASSWORD: 3_600.0,
}
"""Seconds."""


class LinkGrant(msgspec.Struct, frozen=True):
    """A link as it is stored, found by its token's digest. Times are seconds since the epoch."""

    link_id: str
    purpose: LinkPurpose
    user: str | None
    """Whose it is; an invitation has no user yet."""
    expires_at: float
    used_at: float | None = None


def check_link(link: LinkGrant | None, purpose: LinkPurpose, *, now: float) -> LinkGrant:
    """The link, when it may be followed. Raises `CredentialRefused`.

    That it is followed once is for the store to keep: `used_at` is set where it was null, and only who set it goes on.
    """
    if link is None:
        raise CredentialRefused(Refusal.UNKNOWN)
    if link.purpose is not purpose:
        raise CredentialRefused(Refusal.WRONG_KIND)
    if link.used_at is not None:
        raise CredentialRefused(Refusal.USED)
    if now >= link.expires_at:
        raise CredentialRefused(Refusal.EXPIRED)
    return link
