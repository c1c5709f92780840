"""Phase 3 of a call, on the wire: send, try again where that is safe, follow a redirect where that is safe.

Everything is sent through the upstream port, so the destination policy is asked for every hop. All attempts and hops
together have one deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apifold.core.effects import Clock, Entropy
from apifold.core.limits import CallLimits
from apifold.core.policy.resilience import RETRY_STATUSES, RetryRule, pause_before_retry, retry_after
from apifold.core.requests.credentials import Grant, apply
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.requests.redirect import NotFollowed, next_hop
from apifold.core.requests.scrub import Scrubber
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.ports import Upstream

_PASSING = frozenset({FailureKind.CONNECT_FAILED, FailureKind.CONNECT_TIMEOUT, FailureKind.CLOSED})
"""Failures that a moment may heal."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Time and chance, handed in."""

    clock: Clock
    entropy: Entropy
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits so many seconds."""


@dataclass(slots=True)
class Tally:
    """What a call did on the wire, also when it ended in an exception."""

    attempts: int = 0
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Exchanged:
    response: UpstreamResponse
    not_followed: str = ""
    """Why the redirect that came back was not followed; empty when it is none."""


class Sender:
    """Sends the requests of one server. Holds no state between calls."""

    def __init__(self, upstream: Upstream, effects: Effects, limits: CallLimits) -> None:
        self._upstream = upstream
        self._clock = effects.clock
        self._entropy = effects.entropy
        self._pause = effects.pause
        self._limits = limits
        self._rule = RetryRule(retries=limits.retries)

    async def send(
        self, request: UpstreamRequest, grant: Grant, *, scrubber: Scrubber, deadline: float, tally: Tally
    ) -> Exchanged:
        """The answer to a request, redirects followed. `deadline` is monotonic time. Raises `UpstreamFailure`."""
        trusted = True
        while True:
            signed = apply(request, grant) if trusted else request
            response = await self._try(signed, deadline, tally)
            hop = next_hop(request, response, scrubber=scrubber)
            if hop is None:
                return Exchanged(response)
            if isinstance(hop, NotFollowed):
                return Exchanged(response, hop.reason)
            if tally.hops >= self._limits.redirects:
                return Exchanged(response, f"there were already {tally.hops}")
            tally.hops += 1
            # Once credentials were left behind they do not come back, wherever the next hop leads.
            trusted = trusted and hop.same_origin
            request = hop.request

    async def _try(self, request: UpstreamRequest, deadline: float, tally: Tally) -> UpstreamResponse:
        """One answer, with attempts repeated after failures that may pass: unsent ones, and sent ones when idempotent."""
        attempt = 0
        while True:
            attempt += 1
            tally.attempts += 1
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise UpstreamFailure(FailureKind.TIMEOUT, "There was no time left for the call.", sent=attempt > 1)
            try:
                response = await self._upstream.send(request, timeout=left)
            except UpstreamFailure as failure:
                if failure.kind not in _PASSING or (failure.sent and not request.idempotent):
                    raise
                pause = self._pause_after(attempt, None, deadline)
                if pause is None:
                    raise
            else:
                if response.status not in RETRY_STATUSES or not request.idempotent:
                    return response
                pause = self._pause_after(attempt, response, deadline)
                if pause is None:
                    return response
            await self._pause(pause)

    def _pause_after(self, attempt: int, response: UpstreamResponse | None, deadline: float) -> float | None:
        asked = None if response is None else retry_after(response.header("retry-after"), self._clock.now())
        left = deadline - self._clock.monotonic()
        return pause_before_retry(attempt, asked=asked, left=left, jitter=self._entropy.uniform(), rule=self._rule)
