"""Phase 2 of a call: may it go now? Room in this process, and an upstream that is not known to be down."""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may go. `probe`: it is the one that tests whether a closed upstream is back."""

    origin: Origin
    probe: bool = False


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

    def admit(self, origin: Origin) -> Admission:
        """Raises `NotAdmitted` while the origin's breaker is open."""
        breaker = self._breakers.get(origin) if self._breakers else None
        if breaker is None:
            return Admission(origin)
        now = self._now()
        state, wait = breaker.admit(now, self._rule)
        if wait > 0:
            raise NotAdmitted(
                "upstream.paused",
                f"{origin} failed {breaker.failures} times in a row, so calls to it pause. Try again in {wait:.0f} s.",
                details={"retryAfter": round(wait, 1)},
            )
        self._breakers[origin] = state
        return Admission(origin, probe=state.probe_at is not None)

    def report(self, admission: Admission, verdict: Verdict) -> None:
        """Say how an admitted call ended."""
        breaker = self._breakers.get(admission.origin)
        if breaker is None and verdict is not Verdict.BROKEN:
            return
        state = (breaker or CLOSED).report(verdict, self._now(), probe=admission.probe, rule=self._rule)
        if state == CLOSED:
            self._breakers.pop(admission.origin, None)
            return
        if breaker is None and len(self._breakers) >= _MOST_ORIGINS:
            self._breakers.pop(next(iter(self._breakers)))
        self._breakers[admission.origin] = state


def verdict_of_failure(failure: UpstreamFailure) -> Verdict:
    if failure.kind in _SAYS_NOTHING:
        return Verdict.UNKNOWN
    return Verdict.ALIVE if failure.kind in _ANSWERED else Verdict.BROKEN


def verdict_of_status(status: int) -> Verdict:
    return Verdict.BROKEN if status in BROKEN_STATUSES else Verdict.ALIVE
