"""How often per minute: never more than the limit in any minute, wherever the minute begins.

A bucket that refills lets twice the limit through in its first minute, a fixed window does so around its edge. So what
was let through is counted by the second, and the last 61 counts are the answer: at most one second too strict.
"""

from collections import deque
from typing import Protocol

import msgspec

WINDOW_SECONDS = 60
_MOST_KEYS = 100_000


class Rate(msgspec.Struct, frozen=True):
    """What the `RateLimit-Limit`, `-Remaining` and `-Reset` fields say, and whether this one may go."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    """Seconds until the first place is free again; for one that was refused it is `Retry-After`."""


class RateLimiter(Protocol):
    """Several processes lease places in blocks, so that this needs no round trip and never waits."""

    def take(self, key: str, limit: int, now: float) -> Rate:
        """Take one of `limit` places a minute. `now` is in monotonic seconds. What is refused takes no place."""


class _Counts:
    """By second, those of the last minute only."""

    __slots__ = ("seconds", "total")

    def __init__(self) -> None:
        self.seconds: deque[list[int]] = deque()
        self.total = 0

    def forget(self, before: int) -> None:
        seconds = self.seconds
        while seconds and seconds[0][0] < before:
            self.total -= seconds.popleft()[1]

    def add(self, second: int) -> None:
        seconds = self.seconds
        if seconds and seconds[-1][0] >= second:  # a clock that stands still or goes back
            seconds[-1][1] += 1
        else:
            seconds.append([second, 1])
        self.total += 1


class InProcessLimiter:
    """`RateLimiter` for one process. Of more than `most_keys` the one that was used longest ago is forgotten."""

    def __init__(self, most_keys: int = _MOST_KEYS) -> None:
        self._most = most_keys
        self._keys: dict[str, _Counts] = {}

    def take(self, key: str, limit: int, now: float) -> Rate:
        counts = self._keys.pop(key, None)
        if counts is None:
            if len(self._keys) >= self._most:
                del self._keys[next(iter(self._keys))]
            counts = _Counts()
        self._keys[key] = counts  # at the end: used last
        second = int(now)
        counts.forget(second - WINDOW_SECONDS)
        allowed = counts.total < limit
        if allowed:
            counts.add(second)
        reset = counts.seconds[0][0] + WINDOW_SECONDS + 1 - now if counts.seconds else float(WINDOW_SECONDS)
        return Rate(allowed, limit, max(0, limit - counts.total), reset)
