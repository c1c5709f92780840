"""Phase 2 of a call: may it go now? Room in this process, and an upstream that is not known to be down."""

from collections.abc import Callable

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.policy.resilience import (
    BREAKER,
    BROKEN_STATUSES,
    CLOSED,
    Breaker,
    BreakerRule,
    Verdict,
)
from apifold.core.requests.model import Origin
from apifold.gateway.failures import FailureKind, UpstreamFailure

_SAYS_NOTHING = frozenset({FailureKind.REFUSED_DESTINATION, FailureKind.OVERLOADED})
_ANSWERED = frozenset({FailureKind.PROTOCOL, FailureKind.DECODE})
_MOST_ORIGINS = 1_000


class NotAdmitted(AppError):
    """The call was not made; `code` says why."""

    category = ErrorCategory.UNAVAILABLE


class Gate:
    """Counts the calls under way and remembers which upstreams are failing; origins in good health cost nothing."""

    def __init__(self, now: Callable[[], float], *, concurrent: int, rule: BreakerRule = BREAKER) -> None:
        self._now = now
        self._concurrent = concurrent
        self._rule = rule
        self._running = 0
        self._breakers: dict[Origin, Breaker] = {}

    def enter(self) -> None:
        """Take a place; raises `NotAdmitted` when all are taken. Whoever entered leaves."""
        if self._running >= self._concurrent:
            raise NotAdmitted("calls.too_many", "Too many calls are under way here. Try again in a few seconds.")
        self._running += 1

    def leave(self) -> None:
        self._running -= 1

    def admit(self, origin: Origin) -> bool:
        """Whether the call is the one that probes an upstream which was failing; raises `NotAdmitted` while it pauses."""
        breaker = self._breakers.get(origin) if self._breakers else None
        if breaker is None:
            return False
        now = self._now()
        state, wait = breaker.admit(now, self._rule)
        if wait > 0:
            raise NotAdmitted(
                "upstream.paused",
                f"{origin} failed {breaker.failures} times in a row, so calls to it pause. Try again in {wait:.0f} s.",
                details={"retryAfter": round(wait, 1)},
            )
        self._breakers[origin] = state
        return state.probe_at is not None

    def report(self, origin: Origin, verdict: Verdict, *, probe: bool) -> None:
        """How an admitted call ended."""
        if verdict is not Verdict.BROKEN and not self._breakers:
            return
        breaker = self._breakers.get(origin, CLOSED)
        state = breaker.report(verdict, self._now(), probe=probe, rule=self._rule)
        if state == CLOSED:
            self._breakers.pop(origin, None)
            return
        if origin not in self._breakers and len(self._breakers) >= _MOST_ORIGINS:
            self._breakers.pop(next(iter(self._breakers)))
        self._breakers[origin] = state


def verdict_of_failure(failure: UpstreamFailure) -> Verdict:
    if failure.kind in _SAYS_NOTHING:
        return Verdict.UNKNOWN
    return Verdict.ALIVE if failure.kind in _ANSWERED else Verdict.BROKEN


def verdict_of_status(status: int) -> Verdict:
    return Verdict.BROKEN if status in BROKEN_STATUSES else Verdict.ALIVE
