"""A sealed value opens where it was sealed, under its key, unchanged; and never otherwise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.vault.envelope import (
    NONCE_BYTES,
    OVERHEAD,
    Envelope,
    Place,
    SealBroken,
    SealProblem,
    binding,
    decrypt,
    encrypt,
    pack,
    unpack,
)
from support.vaults import ring

PLACE = Place("credentials", "cred_1", "sealed_key")
NONCE = bytes(range(NONCE_BYTES))
RING = ring("one", "two")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
PLACES = st.builds(Place, NAMES, NAMES, NAMES)


def sealed(plaintext: bytes = b"sk-live-1", place: Place = PLACE, nonce: bytes = NONCE) -> bytes:
    return encrypt(RING.current, place, plaintext, nonce=nonce)


def problem(value: bytes, place: Place = PLACE) -> SealProblem:
    with pytest.raises(SealBroken) as broken:
        decrypt(RING.by_id, place, value)
    return broken.value.problem


@settings(deadline=None)
@given(PLACES, st.binary(max_size=2_000), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES))
def test_what_is_sealed_opens_in_its_place(place: Place, plaintext: bytes, nonce: bytes) -> None:
    value = sealed(plaintext, place, nonce)
    assert decrypt(RING.by_id, place, value) == plaintext
    assert len(value) == len(plaintext) + OVERHEAD


@settings(deadline=None)
@given(PLACES, PLACES)
def test_value_that_is_moved_does_not_open(place: Place, other: Place) -> None:
    if place != other:
        assert problem(sealed(place=place), other) is SealProblem.TAMPERED


@pytest.mark.parametrize(
    "other",
    [
        Place("credentials", "cred_2", "sealed_key"),
        Place("credentials", "cred_1", "sealed_token"),
        Place("tokens", "cred_1", "sealed_key"),
        Place("credential", "scred_1", "sealed_key"),
        Place("credentials", "cred_1s", "ealed_key"),
    ],
)
def test_value_in_another_row_column_or_table_does_not_open(other: Place) -> None:
    assert problem(sealed(), other) is SealProblem.TAMPERED


@settings(deadline=None)
@given(PLACES, PLACES)
def test_two_places_are_never_bound_alike(place: Place, other: Place) -> None:
    assert (binding(place, b"12345678") == binding(other, b"12345678")) == (place == other)


def test_every_changed_bit_is_noticed_and_named() -> None:
    value = sealed()
    found = []
    for position in range(len(value) * 8):
        changed = bytearray(value)
        changed[position // 8] ^= 1 << position % 8
        found.append(problem(bytes(changed)))
    header = [SealProblem.MALFORMED] * 8 + [SealProblem.UNKNOWN_KEY] * 64
    assert found == header + [SealProblem.TAMPERED] * (len(found) - len(header))


@pytest.mark.parametrize("length", range(len(sealed())))
def test_value_that_was_cut_does_not_open(length: int) -> None:
    expected = SealProblem.MALFORMED if length < OVERHEAD else SealProblem.TAMPERED
    assert problem(sealed()[:length]) is expected


def test_value_with_something_after_it_does_not_open() -> None:
    assert problem(sealed() + b"\0") is SealProblem.TAMPERED


def test_value_that_names_another_of_our_keys_does_not_open() -> None:
    envelope = unpack(sealed())
    other = next(key for key in RING.by_id if key != envelope.key_id)
    assert problem(pack(Envelope(other, envelope.nonce, envelope.body))) is SealProblem.TAMPERED


@settings(deadline=None)
@given(st.binary(min_size=OVERHEAD, max_size=200))
def test_taking_apart_and_putting_together_are_inverse(rest: bytes) -> None:
    value = b"\x01" + rest
    assert pack(unpack(value)) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_were_never_sealed_are_broken_and_nothing_worse(value: bytes) -> None:
    assert problem(value) in set(SealProblem)


def test_form_is_version_key_nonce_ciphertext() -> None:
    value = sealed(b"")
    assert (value[:1], value[1:9], value[9:21], len(value[21:])) == (b"\x01", RING.current.id, NONCE, 16)


def test_form_stays_what_older_programs_wrote() -> None:
    """A stored value of the first release: when this fails, nobody can read what they stored."""
    stored = bytes.fromhex(GOLDEN)
    assert decrypt(RING.by_id, PLACE, stored) == b"sk-live-1"
    assert sealed() == stored


GOLDEN = "013fc7405a7fb5af4d000102030405060708090a0bf23db6a686903816540a7832d459750a164af1ef15befbafa9"


def test_nonce_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="96 bits"):
        encrypt(RING.current, PLACE, b"x", nonce=b"short")


@pytest.mark.parametrize("names", [("", "r", "c"), ("t", "", "c"), ("t", "r", "")])
def test_place_without_a_name_is_refused(names: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="table, a row and a column"):
        Place(*names)


def test_message_names_place_and_key_and_nothing_else() -> None:
    with pytest.raises(SealBroken) as broken:
        decrypt(ring("other").by_id, PLACE, sealed())
    error = broken.value
    assert error.message == (
        f"The sealed value in credentials.sealed_key of row cred_1 is under the key {RING.current.id.hex()}, "
        "which is not among the vault's keys."
    )
    assert (error.code, error.place, error.details) == ("vault.unknown_key", PLACE, {"reason": "unknown_key"})
