"""Progress of slow calls, and nothing for quick ones."""

import asyncio

from apifold.gateway.patience import Patience
from support.channel import KeptChannel
from support.loops import on_loop


class Ticking:
    """Every look at the clock is a second later."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        self.seconds += 1.0
        return self.seconds


@on_loop
async def test_slow_call_is_reported_again_and_again_until_it_ends() -> None:
    clock, listener = Ticking(), KeptChannel()
    patience = Patience(clock.now, patience=3.0, look=0.001)
    waiting = patience.begin(listener, 100.0)
    await listener.second.wait()
    patience.end(waiting)
    assert listener.reports[:2] == [
        (3.0, None, "Waiting for the API, 3 s so far"),
        (6.0, None, "Waiting for the API, 6 s so far"),
    ]


@on_loop
async def test_call_that_ends_in_time_is_not_reported_and_the_timer_stops() -> None:
    clock, quick, slow = Ticking(), KeptChannel(), KeptChannel()
    patience = Patience(clock.now, patience=3.0, look=0.001)
    patience.end(patience.begin(quick, 100.0))
    waiting = patience.begin(slow, 100.0)
    await slow.second.wait()
    patience.end(waiting)
    assert quick.reports == []
    patience._look()
    assert patience._timer is None


@on_loop
async def test_caller_that_does_not_read_gets_no_second_report_on_top() -> None:
    class Stuck(KeptChannel):
        async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
            await super().progress(progress, total, message)
            await asyncio.get_running_loop().create_future()

    clock, stuck, reader = Ticking(), Stuck(), KeptChannel()
    patience = Patience(clock.now, patience=3.0, look=0.001)
    first, second = patience.begin(stuck, 100.0), patience.begin(reader, 100.0)
    await reader.second.wait()
    patience.end(first)
    patience.end(second)
    assert len(stuck.reports) == 1
