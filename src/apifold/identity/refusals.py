"""Why a credential is not accepted: one closed set for tokens, sessions, links and identity providers.

The reason goes back to the caller. It tells somebody with a stale credential what to do, and somebody who guesses nothing
that helps: what was never issued and what was deleted are the same to both.
"""

from collections.abc import Mapping
from enum import StrEnum

from apifold.core.errors import AppError, ErrorCategory


class Refusal(StrEnum):
    MISSING = "missing"
    MALFORMED = "malformed"
    """Not of a form that is ever issued."""
    WRONG_KIND = "wrong_kind"
    """A real credential that is for something else."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USED = "used"
    """A one-time link, for the second time."""
    ACCOUNT_INACTIVE = "account_inactive"
    ALGORITHM = "algorithm"
    """Signed in a way that is not accepted, or not at all."""
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    """A claim is missing or has the wrong type."""
    VERSION = "version"
    ISSUER = "issuer"
    PARTY = "party"
    """Made for a page that is not among the authorized parties."""
    NOT_YET_VALID = "not_yet_valid"
    ISSUED_IN_FUTURE = "issued_in_future"
    SESSION_PENDING = "session_pending"
    """The person has not finished signing in."""
    IMPERSONATED = "impersonated"
    """Somebody else acts in the person's name."""


class CredentialRefused(AppError):
    """A credential is not accepted. `details.reason` is the `Refusal`; the message never repeats the credential."""

    category = ErrorCategory.UNAUTHENTICATED

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"auth.{refusal}", _MESSAGES[refusal], details={"reason": str(refusal)})
        self.refusal = refusal


_MESSAGES: Mapping[Refusal, str] = {
    Refusal.MISSING: "No credential was sent. Send it as: Authorization: Bearer …",
    Refusal.MALFORMED: "The credential is not of a known form; it may have been cut or mistyped.",
    Refusal.WRONG_KIND: "This kind of credential is not accepted here.",
    Refusal.UNKNOWN: "The credential is not known, or not any more.",
    Refusal.EXPIRED: "The credential has expired.",
    Refusal.REVOKED: "The credential was revoked.",
    Refusal.USED: "The link has been used; ask for a new one.",
    Refusal.ACCOUNT_INACTIVE: "The account is not active.",
    Refusal.ALGORITHM: "The token is not signed with RS256.",
    Refusal.UNKNOWN_KEY: "The token is signed with a key that the issuer does not publish.",
    Refusal.SIGNATURE: "The token's signature is wrong.",
    Refusal.CLAIMS: "The token lacks a claim that a session token has.",
    Refusal.VERSION: "The token's claims are of a version that is not known.",
    Refusal.ISSUER: "The token was issued by somebody else.",
    Refusal.PARTY: "The token was made for another application.",
    Refusal.NOT_YET_VALID: "The token is not valid yet.",
    Refusal.ISSUED_IN_FUTURE: "The token says that it was issued in the future; a clock is wrong.",
    Refusal.SESSION_PENDING: "Signing in is not finished.",
    Refusal.IMPERSONATED: "Sessions in another person's name are not accepted.",
}
