"""Tokens are long, recognisable, checked before they are looked up, and stored as a digest."""

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.core.errors import ErrorCategory
from apifold.identity.refusals import CredentialRefused, Refusal
from apifold.identity.tokens import (
    PATTERN,
    Issued,
    Presented,
    TokenKind,
    is_ours,
    is_same,
    issue,
    read_bearer,
    read_token,
)
from support.effects import CountingEntropy

KINDS = list(TokenKind)


class Given:
    """Entropy that gives these bytes, and remembers how many it was asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.asked: list[int] = []

    def token(self, size: int) -> bytes:
        self.asked.append(size)
        return self.raw

    def uniform(self) -> float:
        return 0.5


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.binary(min_size=32, max_size=32))
def test_issued_token_is_read_as_what_it_is(kind: TokenKind, raw: bytes) -> None:
    entropy = Given(raw)
    issued = issue(kind, entropy)
    text = issued.secret.reveal()
    assert entropy.asked == [32]
    assert read_token(text) == Presented(kind, issued.digest)
    assert issued.digest == hashlib.sha256(text.encode()).digest()
    assert re.fullmatch(PATTERN, text)
    assert len(text) == len(kind) + 1 + 43 + 6


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_different_randomness_gives_different_tokens(one: bytes, two: bytes) -> None:
    first, second = (issue(TokenKind.KEY, Given(raw)).secret.reveal() for raw in (one, two))
    assert (first == second) == (one == two)


def test_form_stays_what_was_issued_before() -> None:
    issued = issue(TokenKind.SERVER, Given(bytes(range(32))))
    assert (issued.secret.reveal(), issued.hint) == ("af_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4R0e6S", "af_…0e6S")


@pytest.mark.parametrize("kind", KINDS)
def test_any_mistyped_character_is_refused_without_a_look_up(kind: TokenKind) -> None:
    text = issue(kind, CountingEntropy()).secret.reveal()
    for position in range(len(text)):
        for other in "aZ0_ é\n":
            if other != text[position]:
                refused(text[:position] + other + text[position + 1 :])


@pytest.mark.parametrize("kind", KINDS)
def test_token_does_not_become_another_kind(kind: TokenKind) -> None:
    body = issue(kind, CountingEntropy()).secret.reveal().partition("_")[2]
    for other in KINDS:
        if other is not kind:
            refused(f"{other}_{body}")


@pytest.mark.parametrize(
    "text", ["", "af_", "af", "abc", "x" * 100_000, "af_" + "0" * 49, "AF_" + "0" * 49, "sk_live_1"]
)
def test_text_that_was_never_issued_is_refused(text: str) -> None:
    refused(text)


def test_token_with_something_around_it_is_refused() -> None:
    text = issue(TokenKind.KEY, CountingEntropy()).secret.reveal()
    for wrapped in (text + "\n", " " + text, text + "0", text[:-1]):
        refused(wrapped)


def refused(text: str) -> None:
    with pytest.raises(CredentialRefused) as error:
        read_token(text)
    assert error.value.refusal is Refusal.MALFORMED
    assert len(text) < 6 or text not in f"{error.value} {error.value.details}"


def test_digest_decides_whether_it_is_the_stored_token() -> None:
    entropy = CountingEntropy()
    one, two = issue(TokenKind.KEY, entropy), issue(TokenKind.KEY, entropy)
    presented = read_token(one.secret.reveal())
    assert (is_same(presented, one.digest), is_same(presented, two.digest), is_same(presented, b"")) == (
        True,
        False,
        False,
    )


def test_token_is_not_seen_in_what_is_issued() -> None:
    issued: Issued = issue(TokenKind.KEY, CountingEntropy())
    text = issued.secret.reveal()
    assert text not in repr(issued)
    assert issued.hint == f"afk_…{text[-4:]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("af_x", True),
        ("afk_", True),
        ("afs_x", True),
        ("afl_x", True),
        ("eyJ.a.b", False),
        ("", False),
        ("afx_x", False),
    ],
)
def test_prefix_tells_our_tokens_from_an_identity_providers(text: str, *, expected: bool) -> None:
    assert is_ours(text) is expected


@pytest.mark.parametrize("header", ["Bearer abc.def", "bearer abc.def", "BEARER   abc.def ", " Bearer abc.def"])
def test_bearer_credential_is_read(header: str) -> None:
    assert read_bearer(header) == "abc.def"


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        ("", Refusal.MISSING),
        ("Bearer", Refusal.MISSING),
        ("Bearer  ", Refusal.MISSING),
        ("Basic dXNlcjpwYXNz", Refusal.MISSING),
        ("abc.def", Refusal.MISSING),
        ("Bearer a b", Refusal.MALFORMED),
        ("Bearer a\tb", Refusal.MALFORMED),
        ("Bearer é", Refusal.MALFORMED),
        ("Bearer a\x00", Refusal.MALFORMED),
        ("Bearer a\x7f", Refusal.MALFORMED),
    ],
)
def test_header_without_one_bearer_credential_is_refused(header: str, refusal: Refusal) -> None:
    with pytest.raises(CredentialRefused) as error:
        read_bearer(header)
    assert error.value.refusal is refusal


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_an_unauthenticated_error_with_its_reason(refusal: Refusal) -> None:
    error = CredentialRefused(refusal)
    assert (error.code, error.category) == (f"auth.{refusal}", ErrorCategory.UNAUTHENTICATED)
    assert error.details == {"reason": str(refusal)}
    assert error.message.endswith((".", "…"))
