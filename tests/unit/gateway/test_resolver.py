"""Names to addresses: asked once, remembered shortly, checked always."""

import asyncio
from collections.abc import Sequence

import pytest

from apifold.core.limits import PoolLimits
from apifold.core.requests.destination import ALLOW_PRIVATE, GLOBAL_ONLY
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.upstream.resolver import Locator, NameNotFound, RememberingResolver, SystemResolver
from support.loops import on_loop
from support.resolver_lab import ScriptedResolver


class Gated:
    """Answers when the gate is opened."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = 0

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked += 1
        await self.gate.wait()
        if host == "nobody.test":
            raise NameNotFound(host)
        return ("192.0.2.1",)


@on_loop
async def test_all_who_wait_for_a_name_share_one_question() -> None:
    inner = Gated()
    resolver = RememberingResolver(inner)
    callers = [asyncio.ensure_future(resolver.resolve("api.test")) for _ in range(5)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    inner.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert (results[1:], inner.asked) == ([("192.0.2.1",)] * 4, 1)


@on_loop
async def test_failure_is_told_to_all_and_not_remembered() -> None:
    inner = Gated()
    inner.gate.set()
    resolver = RememberingResolver(inner)
    for asked in (1, 2):
        results = await asyncio.gather(*(resolver.resolve("nobody.test") for _ in range(3)), return_exceptions=True)
        assert ([type(result) for result in results], inner.asked) == ([NameNotFound] * 3, asked)


@on_loop
async def test_answer_is_remembered_for_its_time_only() -> None:
    inner = ScriptedResolver(api_test=[["192.0.2.1"], ["192.0.2.2"]])
    resolver = RememberingResolver(inner, seconds=0.05)
    assert [await resolver.resolve("api.test") for _ in range(2)] == [["192.0.2.1"]] * 2
    await asyncio.sleep(0.06)
    assert await resolver.resolve("api.test") == ["192.0.2.2"]
    assert inner.asked == ["api.test"] * 2


@on_loop
async def test_oldest_name_is_forgotten_when_there_are_too_many() -> None:
    inner = ScriptedResolver(a=[["192.0.2.1"]], b=[["192.0.2.2"]], c=[["192.0.2.3"]])
    resolver = RememberingResolver(inner, names=2)
    for name in ("a", "b", "c", "b", "c", "a"):
        await resolver.resolve(name)
    assert inner.asked == ["a", "b", "c", "a"]


@on_loop
async def test_system_knows_this_machine_and_not_a_name_that_cannot_be() -> None:
    assert set(await SystemResolver().resolve("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(NameNotFound):
        await SystemResolver().resolve("name..invalid")


@on_loop
async def test_literal_address_is_not_resolved_but_checked() -> None:
    inner = ScriptedResolver()
    assert await Locator(ALLOW_PRIVATE, inner).addresses("127.0.0.1", 80) == ("127.0.0.1",)
    with pytest.raises(UpstreamFailure) as caught:
        await Locator(GLOBAL_ONLY, inner).addresses("127.0.0.1", 80)
    assert (caught.value.kind, caught.value.sent) == (FailureKind.REFUSED_DESTINATION, False)
    assert caught.value.message == "The destination policy refuses this: 127.0.0.1 is this machine itself."
    assert inner.asked == []


@on_loop
async def test_remembered_address_is_checked_again_every_time() -> None:
    remembering = RememberingResolver(ScriptedResolver(api_test=[["127.0.0.1"]]))
    assert await Locator(ALLOW_PRIVATE, remembering).addresses("api.test", 80) == ("127.0.0.1",)
    with pytest.raises(UpstreamFailure):
        await Locator(GLOBAL_ONLY, remembering).addresses("api.test", 80)


@on_loop
async def test_only_the_first_few_addresses_are_tried_but_all_are_checked() -> None:
    many = [f"11.0.0.{n}" for n in range(9)]
    limits = PoolLimits(addresses=3)
    locator = Locator(GLOBAL_ONLY, ScriptedResolver(a_test=[many], b_test=[[*many, "127.0.0.1"]], c_test=[[]]), limits)
    assert await locator.addresses("a.test", 80) == tuple(many[:3])
    with pytest.raises(UpstreamFailure):
        await locator.addresses("b.test", 80)
    with pytest.raises(UpstreamFailure) as caught:
        await locator.addresses("c.test", 80)
    assert caught.value.kind is FailureKind.NAME_NOT_FOUND
