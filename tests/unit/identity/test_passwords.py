"""Passwords are bounded, normalised and hashed with Argon2id; a stored hash tells when it has grown old."""

import pytest

from apifold.core.errors import AppError
from apifold.identity.passwords import (
    LONGEST,
    PASSWORD_COST,
    SHORTEST,
    Check,
    PasswordCost,
    PasswordRefused,
    PasswordRule,
    Passwords,
)
from support.effects import CountingEntropy

CHEAP = PasswordCost(iterations=1, memory_kib=64, lanes=1)
DEARER = PasswordCost(iterations=2, memory_kib=64, lanes=1)
GOOD = "correct horse battery"


def passwords(cost: PasswordCost = CHEAP) -> Passwords:
    return Passwords(CountingEntropy(), cost)


def test_password_is_recognised_and_another_is_not() -> None:
    it = passwords()
    stored = it.hash(GOOD)
    assert (it.check(GOOD, stored), it.check(GOOD + "!", stored), it.check("", stored)) == (
        Check.RIGHT,
        Check.WRONG,
        Check.WRONG,
    )


def test_hash_is_argon2id_with_its_parameters_and_a_new_salt() -> None:
    it = passwords()
    one, two = it.hash(GOOD), it.hash(GOOD)
    assert one != two
    assert one.startswith("$argon2id$v=19$m=64,t=1,p=1$")


def test_default_cost_is_the_second_recommended_one_of_the_rfc() -> None:
    assert PasswordCost(iterations=3, memory_kib=64 * 1024, lanes=4) == PASSWORD_COST
    assert passwords(PASSWORD_COST).hash(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_hash_with_other_parameters_is_right_and_stale() -> None:
    stored = passwords(CHEAP).hash(GOOD)
    assert passwords(DEARER).check(GOOD, stored) is Check.STALE
    assert passwords(DEARER).check("wrong password", stored) is Check.WRONG


def test_account_without_a_password_costs_as_much_as_a_wrong_password_and_never_opens() -> None:
    it = passwords()
    calls: list[str] = []

    class Counting(Passwords):
        def _matches(self, text: str, stored: str) -> bool:
            calls.append(stored)
            return super()._matches(text, stored)

    it = Counting(CountingEntropy(), CHEAP)
    assert it.check(GOOD, None) is Check.WRONG
    assert it.check(GOOD, None) is Check.WRONG
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert calls[0].startswith("$argon2id$v=19$m=64,t=1,p=1$")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("pa\u0308sswo\u0308rter viele", "p\u00e4ssw\u00f6rter viele"),
        ("\uff50\uff41\uff53\uff53word with width", "password with width"),
        ("\ufb01ve ligatures here", "five ligatures here"),
    ],
)
def test_same_password_from_another_keyboard_is_the_same(typed: str, stored: str) -> None:
    it = passwords()
    assert it.check(typed, it.hash(stored)) is Check.RIGHT


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", PasswordRule.TOO_SHORT),
        ("abcdefghijk", PasswordRule.TOO_SHORT),
        ("a\u0308b\u0308c\u0308d\u0308e\u0308f\u0308", PasswordRule.TOO_SHORT),
        ("abcde" * LONGEST, PasswordRule.TOO_LONG),
        ("abcde" * 52, PasswordRule.TOO_LONG),
        ("abcdefg \ufdfa" * 20, PasswordRule.TOO_LONG),
        ("abababababab", PasswordRule.TOO_SIMPLE),
        (" " * SHORTEST, PasswordRule.TOO_SIMPLE),
        ("half a pair \ud800", PasswordRule.NOT_TEXT),
        ("ends before\0its end", PasswordRule.NOT_TEXT),
    ],
)
def test_password_that_breaks_a_rule_is_refused_and_not_repeated(password: str, rule: PasswordRule) -> None:
    with pytest.raises(PasswordRefused) as refused:
        passwords().hash(password)
    assert (refused.value.rule, refused.value.details) == (rule, {"reason": str(rule)})
    assert not password.strip() or password not in f"{refused.value!r} {refused.value.message}"


@pytest.mark.parametrize("password", ["abcdefghijkl", "abcd " * 51, "密码密码很长很长的一个密码"])
def test_password_within_the_bounds_is_accepted(password: str) -> None:
    it = passwords()
    assert it.check(password, it.hash(password)) is Check.RIGHT


@pytest.mark.parametrize("password", ["x" * 1_000_000, "\ud800", "\0"])
def test_what_cannot_be_a_password_is_wrong_without_work(password: str) -> None:
    it = passwords()
    assert it.check(password, "not even looked at") is Check.WRONG


def test_password_that_was_accepted_under_older_rules_still_opens() -> None:
    it = passwords()
    assert it.check("short", it._hasher.hash("short")) is Check.RIGHT


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$m=64,t=1,p=1$AAAA", "$2b$12$abcdefghijklmnopqrstuv"])
def test_damaged_hash_is_an_error_and_not_a_wrong_password(stored: str) -> None:
    with pytest.raises(AppError) as error:
        passwords().check(GOOD, stored)
    assert error.value.code == "auth.password_unreadable"
    assert GOOD not in repr(error.value)
