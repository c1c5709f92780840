"""Bring every sealed value under the current key, while they are read and written.

There is no state to lose: a value under the current key is done, so a rotation that was interrupted is run again. The
order for an operator with several processes: give every process the new key as a second one, then as the first, then
rotate, then take the old key away. An old key's check value is retired only when a whole walk over everything found
nothing under another key, so a key that is still needed cannot be taken away unnoticed.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from apifold.vault.envelope import Place, SealBroken
from apifold.vault.service import Vault

BATCH = 200
EXAMPLES = 20
MOST_WALKS = 10
"""A value that changed under our hands is looked at again in the next walk; more walks mean that somebody keeps sealing
with another key."""


class SealedValue(msgspec.Struct, frozen=True):
    place: Place
    sealed: bytes


class Replacement(msgspec.Struct, frozen=True):
    place: Place
    expected: bytes
    """What has to be stored there for the replacement to happen."""
    sealed: bytes


class SealedStore(Protocol):
    """Every sealed value there is, whatever table it stands in."""

    async def read(self, *, after: Place | None, limit: int) -> Sequence[SealedValue]:
        """The next values in an order of places that does not change between calls, strictly after `after`; empty at the
        end. A value that stays where it is during a walk is met in it.
        """

    async def replace(self, replacements: Sequence[Replacement]) -> int:
        """Compare and swap, each by itself, durable when it returns: how many were swapped. One that finds another value,
        or none, changes nothing.
        """

    async def retire_checks(self, *, keep: bytes) -> None:
        """Forget the check values of every key but `keep` (a key id)."""


class Progress(msgspec.Struct, frozen=True):
    """Where a rotation stands after a batch."""

    walk: int
    """The first is 1."""
    seen: int
    """Values met in this walk."""
    resealed: int
    """Values brought under the current key, in all walks."""
    overtaken: int
    """Values of this walk that somebody else changed first; the next walk looks at them."""
    broken: int
    """Values of this walk that do not open; they are left as they are."""
    examples: tuple[Place, ...]
    """Where the first of them stand."""
    done: bool = False
    """Everything is under the current key, and the other keys can be taken away."""


async def rotate(store: SealedStore, vault: Vault, *, batch: int = BATCH) -> AsyncIterator[Progress]:
    """Yields after every batch; may be left or cancelled at any point and started again. The last `Progress` says whether
    it is done: it is not when values do not open, or when others keep sealing with another key.
    """
    state = Progress(0, 0, 0, 0, 0, ())
    for walk in range(1, MOST_WALKS + 1):
        before = state.resealed
        state = Progress(walk, 0, before, 0, 0, ())
        after: Place | None = None
        while values := await store.read(after=after, limit=batch):
            state = await _bring_up(store, vault, values, state)
            after = values[-1].place
            yield state
        if state.resealed == before and not state.overtaken:
            break
    else:
        return
    if not state.broken:
        await store.retire_checks(keep=vault.current_key)
        yield msgspec.structs.replace(state, done=True)


async def _bring_up(store: SealedStore, vault: Vault, values: Sequence[SealedValue], state: Progress) -> Progress:
    replacements, broken = _reseal(vault, values)
    swapped = await store.replace(replacements) if replacements else 0
    return Progress(
        state.walk,
        state.seen + len(values),
        state.resealed + swapped,
        state.overtaken + len(replacements) - swapped,
        state.broken + len(broken),
        (state.examples + broken)[:EXAMPLES],
    )


def _reseal(vault: Vault, values: Sequence[SealedValue]) -> tuple[tuple[Replacement, ...], tuple[Place, ...]]:
    """What to replace, and what does not open."""
    replacements = []
    broken = []
    for value in values:
        try:
            if not vault.is_current(value.sealed):
                sealed = vault.reseal(value.place, value.sealed)
                replacements.append(Replacement(value.place, value.sealed, sealed))
        except SealBroken:
            broken.append(value.place)
    return tuple(replacements), tuple(broken)
