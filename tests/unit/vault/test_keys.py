"""Keys are read in the forms people have them in, never shown, and refused when they do not open what is stored."""

import base64
import pickle

import pytest

from apifold.vault.envelope import KEY_ID_BYTES
from apifold.vault.keys import (
    MOST_KEYS,
    KeyRing,
    MasterKey,
    VaultKeyRefused,
    check_value,
    missing_check,
    new_key,
    read_ring,
)
from support.effects import CountingEntropy
from support.vaults import master, ring

ONE, TWO = master("one"), master("two")
ONE_HEX = ONE.hex()


def own(key: bytes) -> str:
    return "afv_" + base64.urlsafe_b64encode(key).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        own(ONE),
        ONE_HEX,
        ONE_HEX.upper(),
        base64.b64encode(ONE).decode(),
        base64.urlsafe_b64encode(ONE).decode(),
        base64.b64encode(ONE).decode().rstrip("="),
        f"  {ONE_HEX}\r\n",
        f"# the key\n{own(ONE)}\n",
    ],
)
def test_key_is_read_in_every_usual_form(text: str) -> None:
    assert list(read_ring(text).by_id) == [MasterKey(ONE).id]


@pytest.mark.parametrize("divider", [" ", "\n", ",", ", ", "\n# older:\n"])
def test_first_of_several_keys_seals_and_all_open(divider: str) -> None:
    keys = read_ring(own(TWO) + divider + ONE_HEX)
    assert (keys.current.id, set(keys.by_id)) == (MasterKey(TWO).id, {MasterKey(ONE).id, MasterKey(TWO).id})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "vault.key_missing"),
        ("# nothing\n", "vault.key_missing"),
        ("correct horse battery staple", "vault.key_malformed"),
        (ONE_HEX[:-1], "vault.key_malformed"),
        (ONE_HEX + "0", "vault.key_malformed"),
        (own(ONE)[:-1], "vault.key_malformed"),
        ("afx_" + own(ONE)[4:], "vault.key_malformed"),
        ("0" * 64, "vault.key_malformed"),
        ("abcd" * 16, "vault.key_malformed"),
        (" ".join(master(str(n)).hex() for n in range(MOST_KEYS + 1)), "vault.key_malformed"),
    ],
)
def test_text_that_is_no_key_is_refused_without_being_shown(text: str, code: str) -> None:
    with pytest.raises(VaultKeyRefused) as refused:
        read_ring(text)
    assert refused.value.code == code
    shown = f"{refused.value!r} {refused.value.message} {refused.value.hint} {refused.value.details}"
    assert not any(word in shown for word in text.split() if len(word) > 6)


def test_key_of_another_length_is_refused() -> None:
    with pytest.raises(VaultKeyRefused, match="32 bytes"):
        MasterKey(ONE[:31])


def test_new_key_can_be_read_again() -> None:
    text = new_key(RandomLooking()).reveal()
    assert text.startswith("afv_")
    assert len(read_ring(text).by_id) == 1


class RandomLooking(CountingEntropy):
    def token(self, size: int) -> bytes:
        return master(str(super().token(8)))[:size]


def test_id_is_derived_from_the_key_and_always_the_same() -> None:
    """Stored in every sealed value: when this fails, nobody can read what they stored."""
    assert MasterKey(ONE).id.hex() == "3fc7405a7fb5af4d"
    assert len(MasterKey(ONE).id) == KEY_ID_BYTES
    assert MasterKey(ONE).id not in ONE


def test_keys_hide_in_everything_that_prints() -> None:
    keys = ring("one", "two")
    shown = f"{keys!r} {keys} {keys.current!r} {keys.current}"
    assert shown.count(keys.current.id.hex()) == 4
    for secret in (ONE, TWO):
        assert secret.hex() not in shown
        assert not any(secret == getattr(keys.current, name) for name in MasterKey.__slots__)


def test_key_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not to be copied"):
        pickle.dumps(MasterKey(ONE))


# --- check values ----------------------------------------------------------------------------------------------------


def checks(*names: str) -> list[bytes]:
    return [check_value(MasterKey(master(name)), CountingEntropy()) for name in names]


def test_first_start_gives_a_check_to_store_and_the_second_none() -> None:
    keys = ring("one")
    check = missing_check(keys, [], CountingEntropy())
    assert check is not None
    assert missing_check(keys, [check], CountingEntropy()) is None


def test_start_with_another_key_is_refused_and_names_the_one_that_is_missing() -> None:
    with pytest.raises(VaultKeyRefused) as refused:
        missing_check(ring("two"), checks("one"), CountingEntropy())
    assert refused.value.code == "vault.key_mismatch"
    assert MasterKey(ONE).id.hex() in refused.value.message


def test_start_with_a_new_key_before_the_old_one_adds_its_check() -> None:
    keys = ring("two", "one")
    check = missing_check(keys, checks("one"), CountingEntropy())
    assert check is not None
    assert missing_check(ring("one", "two"), [*checks("one"), check], CountingEntropy()) is None


def test_key_that_sealed_cannot_be_taken_back_before_it_is_rotated_away() -> None:
    with pytest.raises(VaultKeyRefused, match="is not among the keys"):
        missing_check(ring("one"), checks("one", "two"), CountingEntropy())


def test_damaged_check_is_told_apart_from_a_wrong_key() -> None:
    (check,) = checks("one")
    with pytest.raises(VaultKeyRefused) as refused:
        missing_check(ring("one"), [check[:-1] + b"\0"], CountingEntropy())
    assert refused.value.code == "vault.check_broken"


def test_a_ring_has_a_key() -> None:
    with pytest.raises(VaultKeyRefused, match="has no key"):
        KeyRing([])
