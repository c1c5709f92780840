"""When to try again, and when to stop trying: a retry schedule and a circuit breaker, both pure and told the time.

One logical call counts once against the breaker, however many attempts it took.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

RETRY_STATUSES = frozenset({429, 502, 503, 504})
"""Answers after which an idempotent call may be sent again."""
BROKEN_STATUSES = frozenset({502, 503, 504})
"""Answers that say the upstream itself is not there. A 500 is an answer: one bad operation must not close the others."""


# --- breaker ---------------------------------------------------------------------------------------------------------


class BreakerRule(msgspec.Struct, frozen=True):
    failures: int = 5
    """This many in a row open it."""
    open_seconds: float = 30.0


BREAKER = BreakerRule()


class Verdict(StrEnum):
    """How a call ended, as far as the breaker cares."""

    ALIVE = "alive"
    """The upstream answered, whatever it said."""
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """Cancelled, or refused by us: says nothing about the upstream."""


class Breaker(msgspec.Struct, frozen=True):
    """State for one upstream origin. Every method gives the next state; time is monotonic seconds."""

    failures: int = 0
    opened_at: float | None = None
    probe_at: float | None = None
    """When the one call was let through after the pause; `None` while no such call is under way."""

    def admit(self, now: float, rule: BreakerRule = BREAKER) -> "tuple[Breaker, float]":
        """The next state, and how many seconds to wait: 0 lets the call through.

        Half-open admits one, the probe: the state then has `probe_at`. One that never reports is forgotten after a pause.
        """
        if self.opened_at is None:
            return self, 0.0
        since = self.opened_at if self.probe_at is None else self.probe_at
        wait = since + rule.open_seconds - now
        if wait > 0:
            return self, wait
        return Breaker(self.failures, self.opened_at, now), 0.0

    def report(self, verdict: Verdict, now: float, *, probe: bool = False, rule: BreakerRule = BREAKER) -> "Breaker":
        """The next state after a call. `probe`: it was the one that half-open let through.

        Calls that were under way when the breaker opened do not prolong the pause by failing, but close it by succeeding.
        """
        match verdict:
            case Verdict.ALIVE:
                return CLOSED
            case Verdict.UNKNOWN:
                return Breaker(self.failures, self.opened_at) if probe else self
            case Verdict.BROKEN if self.opened_at is not None and not probe:
                return self
            case Verdict.BROKEN:
                failures = self.failures + 1
                return Breaker(failures, now if failures >= rule.failures else None)


CLOSED = Breaker()


# --- retries ---------------------------------------------------------------------------------------------------------


class RetryRule(msgspec.Struct, frozen=True):
    retries: int = 2
    base_seconds: float = 0.2
    """Doubles with every attempt; the real pause is between half of it and all of it."""
    longest_seconds: float = 10.0
    """A `Retry-After` beyond this is not waited for: the answer goes back with its advice."""


RETRY = RetryRule()


def pause_before_retry(
    attempt: int, *, asked: float | None, left: float, jitter: float, rule: RetryRule = RETRY
) -> float | None:
    """Seconds to wait before attempt `attempt + 1` (the first attempt is 1), or `None` to give up.

    `asked` is the upstream's Retry-After in seconds, `left` what remains of the call's time, `jitter` in [0, 1).
    """
    if attempt > rule.retries:
        return None
    pause = rule.base_seconds * 2 ** (attempt - 1) * (0.5 + jitter / 2)
    if asked is not None:
        if asked > rule.longest_seconds:
            return None
        pause = max(pause, asked)
    return pause if pause < left else None


def retry_after(value: str, now: float) -> float | None:
    """Seconds a `Retry-After` header asks for (RFC 9110 10.2.3: seconds or a date); `now` is Unix time. `None`: not said."""
    value = value.strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value) if len(value) < 10 else None
    date = _HTTP_DATE.fullmatch(value)
    if date is None:
        return None
    day, month, year, *clock = date.groups()
    hour, minute, second = map(int, clock)
    try:
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - now)


_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT")
"""IMF-fixdate, the one form that may be sent (RFC 9110 5.6.7)."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
