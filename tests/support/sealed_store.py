"""Sealed values in memory, with everything that can happen to a store while its values are rotated."""

from collections.abc import Callable, Sequence

from apifold.vault.envelope import Place
from apifold.vault.rotation import Replacement, SealedValue


class Interrupted(Exception):
    """The process that rotates has died."""


def nothing() -> None:
    pass


class MemoryStore:
    """Implements `vault.rotation.SealedStore`. `between` runs before every operation: what others do meanwhile."""

    def __init__(self, values: dict[Place, bytes], *, between: Callable[[], None] = nothing) -> None:
        self.values = values
        self.kept: bytes | None = None
        """The key whose check value is the only one left, once the others were retired."""
        self.operations = 0
        self.dies_at = 0
        """The operation, counted from 1, during which the process dies; 0: never."""
        self.dies_after_effect = False
        self._between = between

    async def read(self, *, after: Place | None, limit: int) -> Sequence[SealedValue]:
        self._step()
        places = sorted(place for place in self.values if after is None or place > after)[:limit]
        self._die(after_effect=True)
        return tuple(SealedValue(place, self.values[place]) for place in places)

    async def replace(self, replacements: Sequence[Replacement]) -> int:
        self._step()
        swapped = 0
        for each in replacements:
            if self.values.get(each.place) == each.expected:
                self.values[each.place] = each.sealed
                swapped += 1
        self._die(after_effect=True)
        return swapped

    async def retire_checks(self, *, keep: bytes) -> None:
        self._step()
        self.kept = keep
        self._die(after_effect=True)

    def _step(self) -> None:
        self.operations += 1
        self._between()
        self._die(after_effect=False)

    def _die(self, *, after_effect: bool) -> None:
        if self.operations == self.dies_at and after_effect is self.dies_after_effect:
            raise Interrupted
