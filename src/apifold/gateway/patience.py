"""When a call that takes long gives a sign of life: again and again, every so many seconds, until it is over.

All calls of a transport are looked at by one timer, which runs only while there are calls. A quick call costs no timer:
it comes and goes between two looks.
"""

import asyncio
from typing import Protocol

from apifold.core.limits import WIRE, WireLimits

_SLACK = 0.002
"""Seconds; the clocks of event loops count milliseconds, so a timer may fire a moment early."""


class SlowCall(Protocol):
    async def give_sign(self, elapsed: float) -> None:
        """`elapsed`: seconds that the call has run for, in whole intervals."""


class Waiting:
    __slots__ = ("due", "since", "task")

    def __init__(self, since: float, due: float) -> None:
        self.since = since
        self.due = due
        self.task: asyncio.Task[None] | None = None


class Patience:
    """The calls of one transport, those that are due first at the front. Belongs to one event loop."""

    def __init__(self, *, limits: WireLimits = WIRE) -> None:
        self._interval = limits.progress_seconds
        self.silence = limits.keepalive_seconds
        """How long nothing may be heard of a call that has nothing to tell."""
        self._waiting: dict[SlowCall, Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def looking(self) -> bool:
        """There is a timer."""
        return self._timer is not None

    def begin(self, call: SlowCall) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = now + self._interval
        self._waiting[call] = Waiting(now, due)
        if self._timer is None:
            self._timer = loop.call_at(due, self._look)

    def end(self, call: SlowCall) -> None:
        """The call is over: no sign of it is given any more."""
        waiting = self._waiting.pop(call, None)
        if waiting is not None and waiting.task is not None:
            waiting.task.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time() + _SLACK
        due = [(call, waiting) for call, waiting in self._waiting.items() if waiting.due <= now]
        for call, waiting in due:
            del self._waiting[call]
            self._waiting[call] = waiting  # behind those that are due earlier
            waiting.due = now + self._interval
            # A caller that does not read holds up the signs of its own call only.
            if waiting.task is None or waiting.task.done():
                elapsed = (now + _SLACK - waiting.since) // self._interval * self._interval
                waiting.task = loop.create_task(call.give_sign(elapsed))
        first = next(iter(self._waiting.values()), None)
        self._timer = None if first is None else loop.call_at(first.due, self._look)
