"""The two effects everyone needs, as protocols to be passed in: time and randomness."""

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch (UTC)."""

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""


class Entropy(Protocol):
    def token(self, size: int) -> bytes:
        """`size` unguessable bytes."""

    def uniform(self) -> float:
        """A number in [0, 1), for jitter."""
