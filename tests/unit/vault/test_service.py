"""Secrets go in and come out; nothing of them or of a key is seen anywhere else."""

import base64
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.core.requests.secret import Secret
from apifold.vault.envelope import NONCE_BYTES, Place, SealBroken, SealProblem, unpack
from apifold.vault.service import Vault
from support.vaults import master, ring, vault

PLACE = Place("credentials", "cred_1", "sealed_key")
CANARY = "sk-canary-4f9aéß=/+&"
SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300)


@settings(deadline=None)
@given(SECRETS)
def test_secret_comes_back(text: str) -> None:
    it = vault("one")
    assert it.open(PLACE, it.seal(PLACE, Secret(text))) == Secret(text)


def test_same_secret_is_never_sealed_alike() -> None:
    it = vault("one")
    sealed = [it.seal(PLACE, Secret("same")) for _ in range(50)]
    assert len({unpack(each).nonce for each in sealed}) == len(set(sealed)) == 50
    assert {len(unpack(each).nonce) for each in sealed} == {NONCE_BYTES}


def test_older_keys_open_and_the_current_one_seals() -> None:
    old, both = vault("one"), vault("two", "one")
    sealed = old.seal(PLACE, Secret("kept"))
    assert both.open(PLACE, sealed) == Secret("kept")
    assert (old.is_current(sealed), both.is_current(sealed)) == (True, False)
    again = both.reseal(PLACE, sealed)
    assert both.is_current(again)
    assert vault("two").open(PLACE, again) == Secret("kept")
    with pytest.raises(SealBroken) as broken:
        old.open(PLACE, again)
    assert broken.value.problem is SealProblem.UNKNOWN_KEY


def test_value_does_not_open_elsewhere_nor_is_resealed_there() -> None:
    it = vault("two", "one")
    sealed = it.seal(PLACE, Secret("mine"))
    for use in (it.open, it.open_bytes, it.reseal):
        with pytest.raises(SealBroken) as broken:
            use(Place("credentials", "cred_2", "sealed_key"), sealed)
        assert broken.value.problem is SealProblem.TAMPERED


@pytest.mark.parametrize("plaintext", [b"", b"\xff", b"two\nlines"])
def test_bytes_that_are_no_secret_open_only_as_bytes(plaintext: bytes) -> None:
    it = vault("one")
    sealed = it.seal_bytes(PLACE, plaintext)
    assert it.open_bytes(PLACE, sealed) == plaintext
    with pytest.raises(SealBroken) as broken:
        it.open(PLACE, sealed)
    assert broken.value.problem is SealProblem.MALFORMED
    assert (broken.value.__cause__, broken.value.__context__) == (None, None)


def test_what_is_no_sealed_value_is_neither_current_nor_old() -> None:
    with pytest.raises(SealBroken) as broken:
        vault("one").is_current(b"plain")
    assert broken.value.problem is SealProblem.MALFORMED


def test_nothing_of_a_secret_or_a_key_is_seen_in_values_texts_and_errors() -> None:
    it = vault("two", "one")
    secret = Secret(CANARY)
    sealed = it.seal(PLACE, secret)
    bad = it.seal_bytes(PLACE, CANARY.encode() + b"\xff")
    seen = [
        repr(it),
        str(it),
        repr(secret),
        str(secret),
        repr(it.open(PLACE, sealed)),
        repr(sealed),
        repr(unpack(sealed)),
    ]
    attempts: tuple[Callable[[], Secret], ...] = (
        lambda: it.open(Place("t", "r", "c"), sealed),
        lambda: it.open(PLACE, sealed[:-1]),
        lambda: it.open(PLACE, bad),
        lambda: vault("three").open(PLACE, sealed),
    )
    for attempt in attempts:
        with pytest.raises(SealBroken) as broken:
            attempt()
        chain = traceback.TracebackException.from_exception(broken.value)
        seen += ["".join(chain.format()), repr(broken.value), repr(broken.value.args), repr(vars(broken.value))]
    everything = "\n".join(seen)
    for hidden in (CANARY.encode(), master("one"), master("two")):
        forms = {
            hidden.hex(),
            base64.b64encode(hidden).decode(),
            base64.urlsafe_b64encode(hidden).decode().rstrip("="),
            quote(hidden),
            repr(hidden)[2:-1],
            hidden.decode(errors="replace"),
        }
        assert not [form for form in forms if form in everything]


def test_vault_that_is_given_broken_entropy_does_not_seal() -> None:
    class Short:
        def token(self, size: int) -> bytes:
            return bytes(size - 1)

        def uniform(self) -> float:
            return 0.5

    with pytest.raises(ValueError, match="96 bits"):
        Vault(ring("one"), Short()).seal(PLACE, Secret("x"))
