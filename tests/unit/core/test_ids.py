"""Ids: typed, opaque, in the order of their making where that is wanted, and unguessable where that is."""

import pytest

from apifold.core.ids import IdKind, is_id, new_id, tool_id, unguessable
from support.effects import CountingEntropy, ManualClock


class AllOnes:
    def token(self, size: int) -> bytes:
        return b"\xff" * size

    def uniform(self) -> float:
        return 0.5


def test_id_is_its_kind_and_a_uuid_of_version_7() -> None:
    # RFC 9562, A.6: 2022-02-22 14:22:22 UTC-5 is 0x017F22E279B0 milliseconds.
    text = new_id(IdKind.SERVER, clock=ManualClock(0x017F22E279B0 / 1000), entropy=AllOnes())
    number = 0
    for character in text.removeprefix("srv_"):
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert f"{number:032x}" == "017f22e279b07fffbfffffffffffffff"


def test_ids_sort_as_they_were_made() -> None:
    clock, entropy, made = ManualClock(1_700_000_000.0), CountingEntropy(), []
    for _ in range(200):
        clock.time += 0.001
        made.append(new_id(IdKind.CALL, clock=clock, entropy=entropy))
    assert made == sorted(set(made))


def test_ids_of_one_millisecond_differ() -> None:
    clock, entropy = ManualClock(), CountingEntropy()
    assert len({new_id(IdKind.CALL, clock=clock, entropy=entropy) for _ in range(1_000)}) == 1_000


def test_address_of_an_endpoint_has_128_random_bits() -> None:
    assert unguessable(IdKind.ENDPOINT, entropy=AllOnes()) == "ep_7" + "z" * 25


def test_tool_is_its_operation_whatever_the_server() -> None:
    assert tool_id("GET /ships") == tool_id("GET /ships") == "tool_5wp2wv09rp0v0fmeftvcxvcvwf"
    assert tool_id("GET /ships") != tool_id("POST /ships")


def test_every_id_has_the_form_of_its_kind_and_of_no_other() -> None:
    for kind in IdKind:
        for text in (
            new_id(kind, clock=ManualClock(), entropy=AllOnes()),
            unguessable(kind, entropy=CountingEntropy()),
        ):
            assert [other for other in IdKind if is_id(other, text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "", "srv", "srv_", "srv_0", "_" + "0" * 26, "srv_" + "0" * 25, "srv_" + "0" * 27, "srv_8" + "0" * 25,
        "srv_" + "0" * 25 + "u", "srv_" + "0" * 25 + "A", "SRV_" + "0" * 26, "srv_" + "0" * 25 + "\n", "srv_" + "٣" * 26,
    ],
)  # fmt: skip
def test_text_that_is_no_id_is_told_apart(text: str) -> None:
    assert not is_id(IdKind.SERVER, text)
