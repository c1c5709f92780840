"""Passwords: which are accepted, how they are hashed (Argon2id), and when a stored hash has grown old.

Hashing takes a good part of a second and 64 MiB on purpose: run `hash` and `check` in a thread, and bound how many at once.
"""

import unicodedata
from enum import StrEnum

import argon2
import msgspec

from apifold.core.effects import Entropy
from apifold.core.errors import AppError, ErrorCategory

SHORTEST = 12
LONGEST = 256
"""Characters after normalisation."""
_LONGEST_RAW = 4 * LONGEST
_FEWEST_DISTINCT = 5
_SALT_BYTES = 16


class PasswordRule(StrEnum):
    """What a new password may break."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SIMPLE = "too_simple"
    NOT_TEXT = "not_text"
    """Holds what no keyboard sends: half of a surrogate pair, or a NUL."""


class PasswordRefused(AppError):
    """A new password is not acceptable."""

    category = ErrorCategory.INVALID

    def __init__(self, rule: PasswordRule) -> None:
        super().__init__("auth.password_refused", _MESSAGES[rule], details={"reason": str(rule)})
        self.rule = rule


_MESSAGES = {
    PasswordRule.TOO_SHORT: f"A password has at least {SHORTEST} characters.",
    PasswordRule.TOO_LONG: f"A password has at most {LONGEST} characters.",
    PasswordRule.TOO_SIMPLE: f"A password has at least {_FEWEST_DISTINCT} different characters.",
    PasswordRule.NOT_TEXT: "The password holds characters that are not text.",
}


class PasswordCost(msgspec.Struct, frozen=True):
    """Argon2id parameters; the default is RFC 9106's second recommended option (4)."""

    iterations: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


class Check(StrEnum):
    WRONG = "wrong"
    RIGHT = "right"
    STALE = "stale"
    """Right, and hashed with other parameters than today's: store a new hash."""


PASSWORD_COST = PasswordCost()


class Passwords:
    """Hashes and checks with one set of parameters."""

    def __init__(self, entropy: Entropy, cost: PasswordCost = PASSWORD_COST) -> None:
        self._entropy = entropy
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.iterations, memory_cost=cost.memory_kib, parallelism=cost.lanes, salt_len=_SALT_BYTES
        )
        self._nobody = ""

    def hash(self, password: str) -> str:
        """The text to store, parameters and salt included. Raises `PasswordRefused`."""
        return self._hasher.hash(_acceptable(password), salt=self._entropy.token(_SALT_BYTES))

    def check(self, password: str, stored: str | None) -> Check:
        """`stored` is `None` when there is no such account, or it has no password: takes as long as a wrong one does, so
        that time does not tell which addresses have accounts. Raises `AppError` when the stored hash is damaged.
        """
        text = _normalised(password)
        if text is None:
            return Check.WRONG
        if stored is None:
            self._matches(text, self._hash_of_nobody())
            return Check.WRONG
        if not self._matches(text, stored):
            return Check.WRONG
        return Check.STALE if self._hasher.check_needs_rehash(stored) else Check.RIGHT

    def _matches(self, text: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, text)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.InvalidHashError, argon2.exceptions.VerificationError):
            raise AppError("auth.password_unreadable", "A stored password hash is damaged.") from None

    def _hash_of_nobody(self) -> str:
        if not self._nobody:
            unguessable = self._entropy.token(32).hex()
            self._nobody = self._hasher.hash(unguessable, salt=self._entropy.token(_SALT_BYTES))
        return self._nobody


def _acceptable(password: str) -> str:
    text = _normalised(password)
    if text is None:
        too_long = len(password) > _LONGEST_RAW
        raise PasswordRefused(PasswordRule.TOO_LONG if too_long else PasswordRule.NOT_TEXT)
    if len(text) < SHORTEST:
        raise PasswordRefused(PasswordRule.TOO_SHORT)
    if len(text) > LONGEST:
        raise PasswordRefused(PasswordRule.TOO_LONG)
    if len(set(text)) < _FEWEST_DISTINCT:
        raise PasswordRefused(PasswordRule.TOO_SIMPLE)
    return text


def _normalised(password: str) -> str | None:
    """NFKC (NIST SP 800-63B 3.1.1.2): the same password from every keyboard. `None` when it cannot be one."""
    if len(password) > _LONGEST_RAW or "\0" in password or any("\ud800" <= each <= "\udfff" for each in password):
        return None
    return unicodedata.normalize("NFKC", password)
