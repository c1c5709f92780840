"""Time and randomness that tests decide."""


class ManualClock:
    """Implements `core.effects.Clock`; stands still until it is moved."""

    def __init__(self, start: float = 1_000.0) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class CountingEntropy:
    """Implements `core.effects.Entropy`: different every time, the same in every run."""

    def __init__(self) -> None:
        self.given = 0

    def token(self, size: int) -> bytes:
        self.given += 1
        return self.given.to_bytes(size, "big")

    def uniform(self) -> float:
        return 0.5
