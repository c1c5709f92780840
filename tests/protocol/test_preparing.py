"""A list that takes long to make: whoever asked for it waits, nobody else does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from msgspec.structs import replace

from apifold.gateway.ports import Caller
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import serving
from support.raw_http import base_headers, message, modern, post
from support.stdio_lines import lines_to

pytestmark = pytest.mark.wire


class Slow(FixtureBackend):
    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.ready = asyncio.Event()

    def preparing(self, caller: Caller) -> Coroutine[None, None, None] | None:
        del caller
        return None if self.ready.is_set() else self._prepare()

    async def _prepare(self) -> None:
        self.asked.set()
        await self.ready.wait()


def count(result: Any) -> int:
    return len(result["tools"])


@pytest.mark.parametrize("accept", ["", "text/event-stream"])
def test_the_list_comes_over_http_while_others_are_answered(accept: str) -> None:
    @on_loop
    async def run() -> None:
        backend = Slow()
        async with serving(backend) as served:
            asking = asyncio.ensure_future(modern(served.port, "tools/list", Accept=accept))
            await backend.asked.wait()
            assert (await modern(served.port, "server/discover")).status == 200
            assert (await modern(served.port, "resources/list")).status == 200
            assert not asking.done()
            backend.ready.set()
            answer = await asking
            said = answer.events[-1].json if accept else answer.json
            assert count(said["result"]) == len(backend.listing.items)

    run()


def test_the_list_comes_in_a_batch() -> None:
    @on_loop
    async def run() -> None:
        backend = Slow()
        backend.description = replace(backend.description, sessions=False)
        async with serving(backend) as served:
            batch = [message("tools/list", identifier=1), message("ping", identifier=2)]
            asking = asyncio.ensure_future(post(served.port, batch, base_headers("2025-03-26")))
            await backend.asked.wait()
            backend.ready.set()
            listed, ping = (await asking).json
            assert (count(listed["result"]), ping["result"]) == (len(backend.listing.items), {})

    run()


@on_loop
async def test_the_list_comes_over_stdio_and_can_be_cancelled() -> None:
    backend = Slow()
    async with lines_to(backend) as client:
        client.send(message("tools/list", identifier=1))
        client.send(message("tools/list", identifier=2))
        assert (await client.ask("ping", identifier=3))["result"] == {}
        client.send(message("notifications/cancelled", {"requestId": 1}, identifier=None))
        assert (await client.ask("ping", identifier=4))["result"] == {}
        backend.ready.set()
        listed = await client.hear()
        assert (listed["id"], count(listed["result"])) == (2, len(backend.listing.items))
