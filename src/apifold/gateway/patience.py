"""Tells callers that their calls are still running, every few seconds, once a call has taken that long.

All calls are looked at together by one timer, which runs only while there are calls: a quick call costs no timer.
"""

import asyncio
from collections.abc import Callable

from apifold.gateway.ports import Channel

PATIENCE_SECONDS = 3.0
"""After this long, and again every so many seconds, progress is reported."""
_LOOK_SECONDS = 1.0


class Waiting:
    """One call in progress."""

    __slots__ = ("channel", "due", "since", "task")

    def __init__(self, channel: Channel, since: float, due: float) -> None:
        self.channel = channel
        self.since = since
        self.due = due
        self.task: asyncio.Task[None] | None = None


class Patience:
    def __init__(
        self, now: Callable[[], float], *, patience: float = PATIENCE_SECONDS, look: float = _LOOK_SECONDS
    ) -> None:
        """`now` gives monotonic seconds; calls are looked at every `look` seconds."""
        self._now = now
        self._patience = patience
        self._look_seconds = look
        self._waiting: dict[int, Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, channel: Channel, since: float) -> Waiting:
        waiting = Waiting(channel, since, since + self._patience)
        self._waiting[id(waiting)] = waiting
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._look_seconds, self._look)
        return waiting

    def end(self, waiting: Waiting) -> None:
        self._waiting.pop(id(waiting), None)
        if waiting.task is not None:
            waiting.task.cancel()

    def _look(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        now = self._now()
        for waiting in self._waiting.values():
            # A caller that does not read holds up its own reports only.
            if waiting.due <= now and (waiting.task is None or waiting.task.done()):
                waiting.due = now + self._patience
                waiting.task = loop.create_task(_tell(waiting.channel, now - waiting.since))
        self._timer = loop.call_later(self._look_seconds, self._look)


async def _tell(channel: Channel, waited: float) -> None:
    await channel.progress(waited, None, f"Waiting for the API, {waited:.0f} s so far")
