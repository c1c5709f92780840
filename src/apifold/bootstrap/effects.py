"""The real clock and the real entropy."""

import os
import time


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class SystemEntropy:
    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def uniform(self) -> float:
        return int.from_bytes(os.urandom(7)) / 2**56
