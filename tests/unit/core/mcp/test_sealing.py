"""What passes through the client comes back unchanged or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apifold.core.mcp.sealing import seal, unseal

KEY = b"k" * 32


def opened(sealed: str, **changes: object) -> object:
    asked: dict[str, object] = {"key": KEY, "bound_to": b"call", "now": 99.9, **changes}
    return unseal(asked["key"], sealed, bound_to=asked["bound_to"], now=asked["now"])  # type: ignore[arg-type]  # the values vary by test


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), st.lists, max_leaves=5))
def test_a_sealed_value_comes_back(value: object) -> None:
    assert opened(seal(KEY, value, bound_to=b"call", expires=100)) == value  # type: ignore[arg-type]  # JSON by construction


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s + "-TAMPERED",
        lambda s: s + "=",
        lambda s: s.replace(".", "=.", 1),
        lambda s: s.replace(".", " .", 1),
        lambda s: s[1:],
        lambda s: s[:-1],
        lambda s: s.upper(),
        lambda _: "",
        lambda _: ".",
        lambda _: "é.é",
        lambda s: s.partition(".")[0],
    ],
)
def test_a_changed_state_is_refused(change: object) -> None:
    sealed = seal(KEY, {"step": 1}, bound_to=b"call", expires=100)
    with pytest.raises(ValueError, match="changed"):
        opened(change(sealed))  # type: ignore[operator]  # a function of one string


@pytest.mark.parametrize(
    "changes", [{"key": b"other"}, {"bound_to": b"another call"}, {"bound_to": b"cell"}, {"bound_to": b""}]
)
def test_a_state_of_another_key_or_call_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="changed"):
        opened(seal(KEY, 1, bound_to=b"call", expires=100), **changes)


def test_a_state_expires() -> None:
    with pytest.raises(ValueError, match="expired"):
        opened(seal(KEY, 1, bound_to=b"call", expires=100), now=100.0)


def test_binding_and_payload_cannot_be_shifted_against_each_other() -> None:
    first = seal(KEY, 1, bound_to=b"a", expires=100)
    payload = first.partition(".")[0]
    assert seal(KEY, 1, bound_to=b"a" + payload[:1].encode(), expires=100) != first
