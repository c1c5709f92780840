"""Run an async test on an event loop of a given kind, with a bound on its time."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import ParamSpec

import uvloop

P = ParamSpec("P")

KINDS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
SECONDS = 20

_chosen = ["uvloop"]


def use(kind: str) -> Iterator[str]:
    """For a fixture: tests run on this kind of loop while it is alive."""
    _chosen.append(kind)
    yield kind
    _chosen.pop()


def on_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Make a test of a coroutine function. Nothing may be left running, and no callback may have failed."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        trouble: list[dict[str, object]] = []

        async def bounded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
            async with asyncio.timeout(SECONDS):
                await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=KINDS[_chosen[-1]]) as runner:
            runner.run(bounded())
        assert trouble == []

    return run
