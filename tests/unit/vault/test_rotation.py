"""Rotation ends with every value under the new key, whatever dies, changes or appears while it runs."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.core.requests.secret import Secret
from apifold.vault.envelope import Place
from apifold.vault.rotation import MOST_WALKS, Progress, rotate
from apifold.vault.service import Vault
from support.sealed_store import Interrupted, MemoryStore, nothing
from support.vaults import vault

OLD, NEW, AFTER = vault("one"), vault("two", "one"), vault("two")
ROWS = 7
BATCH = 3


def place(number: int) -> Place:
    return Place("credentials", f"cred_{number:03}", "sealed_key")


def text(number: int) -> str:
    return f"secret {number}"


def stored(it: Vault = OLD, count: int = ROWS) -> dict[Place, bytes]:
    return {place(number): it.seal(place(number), Secret(text(number))) for number in range(count)}


def run(store: MemoryStore, it: Vault = NEW) -> list[Progress]:
    async def collect() -> list[Progress]:
        return [progress async for progress in rotate(store, it, batch=BATCH)]

    return asyncio.run(collect())


def opened(store: MemoryStore, it: Vault = AFTER) -> dict[Place, str]:
    return {where: it.open(where, sealed).reveal() for where, sealed in store.values.items()}


EXPECTED = {place(number): text(number) for number in range(ROWS)}


def test_every_value_comes_under_the_new_key_and_old_checks_are_retired() -> None:
    store = MemoryStore(stored())
    walks = run(store)
    assert opened(store) == EXPECTED
    assert store.kept == NEW.current_key
    assert walks[-1] == Progress(2, ROWS, ROWS, 0, 0, (), done=True)
    assert [(each.walk, each.seen, each.resealed) for each in walks[:3]] == [(1, 3, 3), (1, 6, 6), (1, 7, 7)]


def test_nothing_stored_is_rotated_at_once() -> None:
    store = MemoryStore({})
    assert run(store) == [Progress(1, 0, 0, 0, 0, (), done=True)]
    assert store.kept == NEW.current_key


def test_rotation_that_is_done_changes_nothing_when_it_is_run_again() -> None:
    store = MemoryStore(stored())
    run(store)
    before = dict(store.values)
    assert run(store)[-1] == Progress(1, ROWS, 0, 0, 0, (), done=True)
    assert store.values == before


def operations() -> int:
    store = MemoryStore(stored())
    run(store)
    return store.operations


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("dies_at", range(1, operations() + 1))
def test_rotation_that_dies_anywhere_loses_nothing_and_is_finished_by_the_next(
    dies_at: int, *, after_effect: bool
) -> None:
    store = MemoryStore(stored())
    store.dies_at, store.dies_after_effect = dies_at, after_effect
    with pytest.raises(Interrupted):
        run(store)
    assert opened(store, NEW) == EXPECTED
    if store.kept is not None:
        assert opened(store) == EXPECTED
    store.dies_at = 0
    assert run(store)[-1].done
    assert (opened(store), store.kept) == (EXPECTED, NEW.current_key)


def test_rotation_that_is_left_after_any_batch_is_finished_by_the_next() -> None:
    async def leave(store: MemoryStore, after: int) -> None:
        steps = rotate(store, NEW, batch=BATCH)
        for _ in range(after):
            await anext(steps)
        await steps.aclose()  # type: ignore[attr-defined]  # an async generator, typed by what callers need

    for after in range(len(run(MemoryStore(stored()))) + 1):
        store = MemoryStore(stored())
        asyncio.run(leave(store, after))
        assert opened(store, NEW) == EXPECTED
        assert run(store)[-1].done
        assert opened(store) == EXPECTED


def test_value_that_others_change_under_our_hands_keeps_their_change() -> None:
    changed = iter((Secret("changed by the old process"), Secret("changed by the new one")))
    writers = iter((OLD, NEW))

    def overwrite() -> None:
        # The second operation is the first batch's compare-and-swap: its values were read before.
        if store.operations in {2, 3}:
            store.values[place(1)] = next(writers).seal(place(1), next(changed))

    store = MemoryStore(stored(), between=overwrite)

    last = run(store)[-1]
    assert last.done
    assert opened(store) == EXPECTED | {place(1): "changed by the new one"}


def test_swap_that_was_overtaken_is_counted_and_taken_up_again() -> None:
    def overwrite() -> None:
        if store.operations == 2:
            store.values[place(1)] = OLD.seal(place(1), Secret("newer"))

    store = MemoryStore(stored(), between=overwrite)

    walks = run(store)
    assert (walks[0].resealed, walks[0].overtaken) == (2, 1)
    assert walks[-1] == Progress(3, ROWS, ROWS, 0, 0, (), done=True)
    assert opened(store) == EXPECTED | {place(1): "newer"}


def test_value_that_was_deleted_meanwhile_stays_deleted() -> None:
    def delete() -> None:
        if store.operations == 2:
            del store.values[place(0)]

    store = MemoryStore(stored(), between=delete)

    assert run(store)[-1].done
    assert opened(store) == {where: secret for where, secret in EXPECTED.items() if where != place(0)}


def test_others_who_keep_sealing_with_the_old_key_are_noticed_and_it_is_not_retired() -> None:
    def write() -> None:
        store.values[place(0)] = OLD.seal(place(0), Secret(text(0)))

    store = MemoryStore(stored(), between=write)

    last = run(store)[-1]
    assert (last.walk, last.done, store.kept) == (MOST_WALKS, False, None)
    assert opened(store, NEW) == EXPECTED


def test_value_that_does_not_open_is_left_and_named_and_no_key_is_retired() -> None:
    values = stored()
    values[place(1)] = b"damaged"
    values[place(2)] = vault("lost").seal(place(2), Secret("x"))
    values[place(3)] = values[place(4)]
    broken = (place(1), place(2), place(3))
    before = {where: values[where] for where in broken}
    store = MemoryStore(values)
    assert run(store)[-1] == Progress(2, ROWS, ROWS - 3, 0, 3, broken)
    assert store.kept is None
    assert {where: store.values[where] for where in broken} == before
    rest = {where: sealed for where, sealed in store.values.items() if where not in before}
    assert all(AFTER.open(where, sealed) for where, sealed in rest.items())


ACTIONS = st.lists(
    st.tuples(st.sampled_from(("old", "new", "delete", "none", "none")), st.integers(0, 2 * ROWS)), max_size=40
)


@settings(deadline=None, max_examples=150)
@given(ACTIONS, st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=6))
def test_rotation_under_writes_and_deaths_ends_with_the_writers_values_under_the_new_key(
    actions: list[tuple[str, int]], deaths: list[tuple[int, bool]]
) -> None:
    """While processes write, old ones with the old key among them, and the rotation dies again and again."""
    truth = dict(EXPECTED)
    script = iter(actions)

    def meanwhile() -> None:
        action, number = next(script, ("none", 0))
        where = place(number)
        if action == "delete":
            store.values.pop(where, None)
            truth.pop(where, None)
        elif action != "none":
            truth[where] = f"written as {store.operations}"
            store.values[where] = (OLD if action == "old" else NEW).seal(where, Secret(truth[where]))

    store = MemoryStore(stored(), between=meanwhile)
    for dies_in, after_effect in deaths:
        store.dies_at, store.dies_after_effect = store.operations + dies_in, after_effect
        attempt(store)
        assert opened(store, NEW) == truth
    store.dies_at = 0
    for _ in script:
        pass
    assert run(store)[-1].done
    assert (opened(store), store.kept) == (truth, NEW.current_key)


def attempt(store: MemoryStore, work: Callable[[MemoryStore], object] = run) -> None:
    try:
        work(store)
    except Interrupted:
        nothing()
