"""Waiting for something that tells nobody when it happens."""

import asyncio
from collections.abc import Callable


async def until(claim: Callable[[], bool], *, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not claim():  # noqa: ASYNC110  # what is waited for is on the other side of a socket and has no event
            await asyncio.sleep(0.005)
