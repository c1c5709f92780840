"""Limits that several processes share: places are leased in blocks, so that a call needs no round trip.

The store hands out places and never more than there are, so nobody can be above a limit; `share` lets a block be no more
than a sixteenth of what is left, so blocks shrink to one place near the limit and no process sits on the last ones. What
is not used is given back: at the end, when the period is over, and when nothing was called for a while.

A process that is killed takes its block with it. The store frees it when that process's journal was adopted and
inserted: handed out = recorded + leases of the living.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec.structs import replace

from apifold.core.effects import Clock

_FIRST_BLOCK = 8
_LARGEST_BLOCK = 1_000
_SHARE = 16
_BRISK_SECONDS = 1.0
"""A block used up faster than this is followed by one twice as large."""
_SLOW_SECONDS = 30.0
"""A block that lasts longer than this is followed by one half as large."""
_DRY_SECONDS = 1.0
"""So long after a store had nothing it is not asked again."""
IDLE_SECONDS = 10.0
"""So long after the last call a block is given back."""


def share(want: int, remaining: int) -> int:
    """How many of the `remaining` places a process gets that wants `want`. For stores: to be called where they count."""
    return min(want, remaining, max(1, remaining // _SHARE))


class Key(msgspec.Struct, frozen=True):
    subject: str
    """Whose limit: a workspace, a cap."""
    period: str
    """In which it holds, such as `2026-11`."""


class LeaseStore(Protocol):
    async def take(self, key: Key, want: int) -> int:
        """Hand out `share(want, remaining)` places, atomically; 0 when none are left."""

    async def give_back(self, key: Key, amount: int) -> None:
        """Places that were handed out and not used."""


class Lease(msgspec.Struct, frozen=True):
    """The places of one process under one key. Every method gives the next state; times are monotonic seconds."""

    left: int = 0
    granted: int = 0
    """Size of the last block."""
    granted_at: float = 0.0
    block: int = _FIRST_BLOCK
    """To be asked for next."""
    asking: bool = False
    used_at: float = 0.0
    dry_until: float | None = None

    def spend(self, now: float) -> "Lease | None":
        """Use a place; `None` when there is none."""
        return replace(self, left=self.left - 1, used_at=now) if self.left else None

    def refund(self) -> "Lease":
        """A place was not needed after all."""
        return replace(self, left=self.left + 1)

    def should_ask(self, now: float) -> bool:
        """When none are left, and ahead of that when half of a block is used up. One question at a time."""
        if self.asking or self.is_dry(now):
            return False
        return self.left == 0 or (self.granted > 1 and self.left <= self.granted // 2)

    def is_dry(self, now: float) -> bool:
        """The store had nothing a moment ago."""
        return self.dry_until is not None and now < self.dry_until

    def ask(self) -> "Lease":
        return replace(self, asking=True)

    def answer(self, amount: int, now: float) -> "Lease":
        """The store handed out `amount`; 0 when it had none or could not be reached."""
        if not amount:
            return replace(self, asking=False, dry_until=now + _DRY_SECONDS, block=max(1, self.block // 2))
        return replace(
            self,
            left=self.left + amount,
            granted=amount,
            granted_at=now,
            block=self._next_block(now),
            asking=False,
            dry_until=None,
        )

    def _next_block(self, now: float) -> int:
        if not self.granted:
            return self.block
        lasted = now - self.granted_at
        if lasted < _BRISK_SECONDS:
            return min(self.block * 2, _LARGEST_BLOCK)
        return max(1, self.block // 2) if lasted > _SLOW_SECONDS else self.block

    def is_idle(self, now: float) -> bool:
        return not self.asking and now - max(self.used_at, self.granted_at) >= IDLE_SECONDS


_NOTHING = Lease()


class Leases:
    """Spends places and keeps a few in hand. For one event loop."""

    def __init__(
        self, store: LeaseStore, clock: Clock, *, on_failure: Callable[[BaseException], None] = lambda _: None
    ) -> None:
        """`on_failure` hears when the store could not be asked; nothing is handed out then, so the limit holds."""
        self._store = store
        self._clock = clock
        self._on_failure = on_failure
        self._leases: dict[Key, Lease] = {}
        self._questions: dict[Key, asyncio.Task[None]] = {}

    async def spend(self, key: Key) -> bool:
        """Use a place; False when the limit is reached. Waits for the store only when there is none in hand."""
        while True:
            now = self._clock.monotonic()
            lease = self._leases.get(key, _NOTHING)
            spent = lease.spend(now)
            if spent is not None:
                self._leases[key] = spent
                if spent.should_ask(now):
                    self._ask(key, spent)
                return True
            if lease.should_ask(now):
                self._ask(key, lease)
            question = self._questions.get(key)
            if question is None:
                return False
            await asyncio.wait({question})

    def refund(self, key: Key) -> None:
        """The call that spent a place turned out not to count."""
        self._leases[key] = self._leases.get(key, _NOTHING).refund()

    def _ask(self, key: Key, lease: Lease) -> None:
        self._leases[key] = lease.ask()
        self._questions[key] = asyncio.get_running_loop().create_task(self._take(key, lease.block))

    async def _take(self, key: Key, want: int) -> None:
        amount = 0
        try:
            amount = await self._store.take(key, want)
        except Exception as error:  # noqa: BLE001  a store that is away hands out nothing
            self._on_failure(error)
        finally:
            self._leases[key] = self._leases[key].answer(amount, self._clock.monotonic())
            del self._questions[key]

    async def sweep(self) -> None:
        """Give back what nobody used for a while. To be called every few seconds."""
        now = self._clock.monotonic()
        for key in tuple(self._leases):
            if key in self._leases and self._leases[key].is_idle(now):  # it is another moment after every await
                await self._give_back(key)

    async def close(self) -> None:
        """Give everything back. No place may be spent any more."""
        while self._questions:
            await asyncio.wait(set(self._questions.values()))
        for key in tuple(self._leases):
            await self._give_back(key)

    async def _give_back(self, key: Key) -> None:
        amount = self._leases.pop(key).left
        if not amount:
            return
        try:
            await self._store.give_back(key, amount)
        except Exception as error:  # noqa: BLE001  kept, and tried again at the next sweep
            self._on_failure(error)
            lease = self._leases.get(key, _NOTHING)
            self._leases[key] = replace(lease, left=lease.left + amount)
