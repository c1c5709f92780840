"""Phase 3 of a call, on the wire: send, try again where that is safe, follow a redirect where that is safe.

Everything is sent through the upstream port, so the destination policy is asked for every hop. All attempts and hops
together have one deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from apifold.core.effects import Clock, Entropy
from apifold.core.limits import CallLimits
from apifold.core.policy.resilience import RETRY_STATUSES, RetryRule, pause_before_retry, retry_after
from apifold.core.requests.credentials import apply
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.core.requests.redirect import NotFollowed, next_hop
from apifold.gateway.context import CallContext, Prepared
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.ports import Upstream

_PASSING = frozenset({FailureKind.CONNECT_FAILED, FailureKind.CONNECT_TIMEOUT, FailureKind.CLOSED})
"""Failures that a moment may heal."""


class Effects(msgspec.Struct, frozen=True):
    """Time and chance, handed in."""

    clock: Clock
    entropy: Entropy
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits so many seconds."""


class Sender:
    """Sends the requests of one server. Holds no state between calls."""

    def __init__(self, upstream: Upstream, effects: Effects, limits: CallLimits) -> None:
        self._upstream = upstream
        self._effects = effects
        self._clock = effects.clock
        self._pause = effects.pause
        self._limits = limits
        self._rule = RetryRule(retries=limits.retries)

    async def send(self, context: CallContext, prepared: Prepared, deadline: float) -> str:
        """Put the answer into `context`, redirects followed; `deadline` is monotonic time. Raises `UpstreamFailure`.

        Gives the reason why a redirect that came back was not followed; empty when the answer is none.
        """
        request, grant, trusted = prepared.request, prepared.grant, True
        while True:
            response = await self._try(apply(request, grant) if trusted else request, context, deadline)
            context.response = response
            hop = next_hop(request, response, scrubber=context.scrubber)
            if hop is None:
                return ""
            if isinstance(hop, NotFollowed):
                return hop.reason
            if context.hops >= self._limits.redirects:
                return f"there were already {context.hops}"
            context.hops += 1
            # Once credentials were left behind they do not come back, wherever the next hop leads.
            trusted = trusted and hop.same_origin
            request = hop.request

    async def _try(self, request: UpstreamRequest, context: CallContext, deadline: float) -> UpstreamResponse:
        """One answer, with attempts repeated after failures that may pass: unsent ones, and sent ones when idempotent."""
        attempt = 0
        while True:
            attempt += 1
            context.attempts += 1
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
        return pause_before_retry(
            attempt, asked=asked, left=left, jitter=self._effects.entropy.uniform(), rule=self._rule
        )
