"""Signs of life of slow calls, and nothing for quick ones."""

import asyncio

from apifold.core.limits import WireLimits
from apifold.gateway.patience import Patience
from support.loops import on_loop
from support.waiting import until

STEP = 0.02
QUICK = WireLimits(progress_seconds=STEP)


class Listener:
    """Keeps the signs that it was asked for; `third` is set at the third."""

    def __init__(self) -> None:
        self.signs: list[float] = []
        self.third = asyncio.Event()

    async def give_sign(self, elapsed: float) -> None:
        self.signs.append(elapsed)
        if len(self.signs) == 3:
            self.third.set()


class Stuck(Listener):
    """Its caller does not read."""

    ended = False

    async def give_sign(self, elapsed: float) -> None:
        await super().give_sign(elapsed)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended = True


@on_loop
async def test_slow_call_gives_a_sign_again_and_again_until_it_ends() -> None:
    patience, slow = Patience(limits=QUICK), Listener()
    patience.begin(slow)
    await slow.third.wait()
    patience.end(slow)
    steps = [sign / STEP for sign in slow.signs]
    assert steps == sorted(set(steps))
    assert all(abs(step - round(step)) < 1e-6 and step > 0.5 for step in steps)
    given = len(slow.signs)
    await asyncio.sleep(2 * STEP)
    assert len(slow.signs) == given


@on_loop
async def test_many_calls_have_one_timer_that_ends_with_the_last() -> None:
    patience, early, late = Patience(limits=QUICK), Listener(), Listener()
    quick = [Listener() for _ in range(100)]
    for call in quick:
        patience.begin(call)
        patience.end(call)
    assert patience.looking  # one for a hundred calls
    patience.begin(early)
    await asyncio.sleep(STEP / 2)
    patience.begin(late)
    await asyncio.gather(early.third.wait(), late.third.wait())
    patience.end(early)
    patience.end(late)
    await until(lambda: not patience.looking)
    assert [call.signs for call in quick] == [[]] * 100
    again = Listener()
    patience.begin(again)
    await again.third.wait()
    patience.end(again)


@on_loop
async def test_a_caller_that_does_not_read_gets_no_second_sign_and_holds_up_nobody() -> None:
    patience, stuck, reader = Patience(limits=QUICK), Stuck(), Listener()
    patience.begin(stuck)
    patience.begin(reader)
    await reader.third.wait()
    patience.end(reader)
    patience.end(stuck)
    await asyncio.sleep(0)
    assert (len(stuck.signs), stuck.ended) == (1, True)


@on_loop
async def test_a_call_is_ended_twice_as_if_once() -> None:
    patience, call = Patience(limits=QUICK), Listener()
    patience.begin(call)
    patience.end(call)
    patience.end(call)
    await asyncio.sleep(2 * STEP)
    assert call.signs == []
