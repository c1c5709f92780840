"""The adapters, and the event loops, that every contract is held on."""

from collections.abc import Iterator

import pytest

from apifold.gateway.upstream.aiohttp_client import AiohttpUpstream
from apifold.gateway.upstream.client import UpstreamClient
from support import loops
from support.adapters import Lab


@pytest.fixture(params=["ours-uvloop", "ours-asyncio", "aiohttp-uvloop"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    adapter, _, kind = str(request.param).partition("-")
    for _ in loops.use(kind):
        yield Lab(UpstreamClient if adapter == "ours" else AiohttpUpstream)


@pytest.fixture(params=["uvloop", "asyncio"])
def loop_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from loops.use(str(request.param))
