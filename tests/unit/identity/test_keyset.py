"""An identity provider's keys are fetched once for everybody, kept, renewed beside the requests, and never on demand of
a stranger.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apifold.core.errors import AppError, ErrorCategory
from apifold.identity.keyset import (
    KEY_SET,
    LARGEST_DOCUMENT,
    KeyRefused,
    KeySet,
    KeySetRule,
    KeysUnavailable,
    PinnedKey,
    read_keys,
)
from apifold.identity.refusals import CredentialRefused, Refusal
from support.clerk_tokens import KID, jwk, jwks, pem, signer
from support.effects import ManualClock

T = TypeVar("T")
PUBLISHED = jwks(jwk())
PUBLIC = signer().public_key()


class Publisher:
    """Implements `FetchKeys`: what the provider publishes, and how often it was asked."""

    def __init__(self, document: bytes = PUBLISHED) -> None:
        self.document = document
        self.asked = 0
        self.fails = False
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> bytes:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise AppError("upstream.unreachable", "The provider is away.")
        return self.document


class Lab:
    def __init__(self, rule: KeySetRule = KEY_SET) -> None:
        self.clock = ManualClock()
        self.publisher = Publisher()
        self.keys = KeySet(self.publisher, self.clock, rule)

    async def refusal(self, kid: str) -> Refusal:
        with pytest.raises(CredentialRefused) as error:
            await self.keys.find(kid)
        return error.value.refusal

    async def unavailable(self, kid: str = KID) -> KeysUnavailable:
        with pytest.raises(KeysUnavailable) as error:
            await self.keys.find(kid)
        return error.value


def run(work: Callable[[Lab], Coroutine[None, None, T]]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(5):
            return await work(Lab())

    return asyncio.run(bounded())


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_keys_are_fetched_once_and_then_no_request_touches_the_network() -> None:
    async def work(lab: Lab) -> None:
        for _ in range(100):
            assert await lab.keys.find(KID) == PUBLIC
        lab.clock.time += KEY_SET.fresh - 1
        assert await lab.keys.find(KID) == PUBLIC
        assert lab.publisher.asked == 1

    run(work)


def test_fifty_who_come_at_once_cause_one_fetch() -> None:
    async def work(lab: Lab) -> None:
        found = await asyncio.gather(*(lab.keys.find(KID) for _ in range(50)))
        assert (found, lab.publisher.asked) == ([PUBLIC] * 50, 1)

    run(work)


def test_old_set_is_renewed_beside_the_request_that_finds_it_old() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.clock.time += KEY_SET.fresh
        lab.publisher.gate = asyncio.Event()
        for _ in range(3):
            assert await lab.keys.find(KID) == PUBLIC
        await settle()
        assert lab.publisher.asked == 2
        lab.publisher.gate.set()
        await settle()
        assert await lab.keys.find(KID) == PUBLIC
        assert lab.publisher.asked == 2

    run(work)


def test_new_key_is_found_by_the_first_token_that_names_it() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.clock.time += KEY_SET.cooldown
        lab.publisher.document = jwks(jwk(), jwk("ins_new", signer("new")))
        assert await lab.keys.find("ins_new") == signer("new").public_key()
        assert await lab.keys.find(KID) == PUBLIC
        assert lab.publisher.asked == 2

    run(work)


def test_key_that_is_withdrawn_stops_signing_with_the_next_renewal() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.publisher.document = jwks(jwk("ins_new", signer("new")))
        lab.clock.time += KEY_SET.fresh
        assert await lab.keys.find(KID) == PUBLIC
        await settle()
        assert await lab.refusal(KID) is Refusal.UNKNOWN_KEY
        assert lab.publisher.asked == 2

    run(work)


def test_strangers_who_name_unknown_keys_cause_one_fetch_in_a_cooldown() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.clock.time += KEY_SET.cooldown
        for number in range(50):
            assert await lab.refusal(f"ins_{number}") is Refusal.UNKNOWN_KEY
        assert lab.publisher.asked == 2
        results = await asyncio.gather(*(lab.keys.find(f"x{n}") for n in range(50)), return_exceptions=True)
        assert {type(each) for each in results} == {CredentialRefused}
        assert lab.publisher.asked == 2
        lab.clock.time += KEY_SET.cooldown
        await asyncio.gather(*(lab.keys.find(f"y{n}") for n in range(50)), return_exceptions=True)
        assert lab.publisher.asked == 3

    run(work)


def test_known_key_is_not_kept_waiting_by_a_fetch_for_an_unknown_one() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.clock.time += KEY_SET.cooldown
        lab.publisher.gate = asyncio.Event()
        stranger = asyncio.ensure_future(lab.keys.find("ins_other"))
        await settle()
        assert await lab.keys.find(KID) == PUBLIC
        lab.publisher.gate.set()
        with pytest.raises(CredentialRefused):
            await stranger

    run(work)


def test_one_who_gives_up_waiting_does_not_end_the_fetch_for_the_others() -> None:
    async def work(lab: Lab) -> None:
        lab.publisher.gate = asyncio.Event()
        first = asyncio.ensure_future(lab.keys.find(KID))
        second = asyncio.ensure_future(lab.keys.find(KID))
        await settle()
        first.cancel()
        await settle()
        lab.publisher.gate.set()
        assert await second == PUBLIC
        assert (first.cancelled(), lab.publisher.asked) == (True, 1)

    run(work)


def test_provider_that_is_away_at_first_is_asked_again_after_a_pause() -> None:
    async def work(lab: Lab) -> None:
        lab.publisher.fails = True
        error = await lab.unavailable()
        assert (error.code, error.category, error.hint) == (
            "auth.keys_unavailable",
            ErrorCategory.UPSTREAM_FAILED,
            "The provider is away.",
        )
        lab.publisher.fails = False
        await lab.unavailable()
        assert lab.publisher.asked == 1
        lab.clock.time += KEY_SET.retry
        assert await lab.keys.find(KID) == PUBLIC

    run(work)


def test_known_keys_outlive_a_provider_that_is_away_but_not_for_ever() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.publisher.fails = True
        lab.clock.time += KEY_SET.stale - 1
        assert await lab.keys.find(KID) == PUBLIC
        await settle()
        assert await lab.refusal("ins_other") is Refusal.UNKNOWN_KEY
        lab.clock.time += KEY_SET.retry
        await lab.unavailable()
        lab.publisher.fails = False
        lab.clock.time += KEY_SET.retry
        assert await lab.keys.find(KID) == PUBLIC

    run(work)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", jwks(), b"x" * (LARGEST_DOCUMENT + 1)])
def test_renewal_that_brings_no_keys_leaves_the_old_ones(document: bytes) -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.find(KID)
        lab.publisher.document = document
        lab.clock.time += KEY_SET.fresh
        await lab.keys.find(KID)
        await settle()
        assert lab.publisher.asked == 2
        assert await lab.keys.find(KID) == PUBLIC

    run(work)


def test_provider_that_does_not_answer_is_not_waited_for() -> None:
    async def work() -> KeysUnavailable:
        lab = Lab(KeySetRule(timeout=0.01))
        lab.publisher.gate = asyncio.Event()
        return await lab.unavailable()

    assert asyncio.run(work()).hint == "No answer within 0.01 seconds."


def test_closing_ends_a_fetch_that_is_under_way() -> None:
    async def work(lab: Lab) -> None:
        await lab.keys.aclose()
        lab.publisher.gate = asyncio.Event()
        waiting = asyncio.ensure_future(lab.keys.find(KID))
        await settle()
        await lab.keys.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(work)


# --- documents -------------------------------------------------------------------------------------------------------


def test_rsa_signing_keys_are_read_and_others_passed_over() -> None:
    document = jwks(
        jwk("enc", use="enc"),
        jwk("other", alg="RS512"),
        jwk("pss", alg="PS256"),
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "kid": "hmac", "k": "c2VjcmV0", "alg": "HS256"},
        jwk("short", signer("short", 1_024)),
        jwk("even", e="Ag"),
        jwk("text", n="!!"),
        jwk("empty", n=""),
        jwk(""),
        jwk("plain", signer("plain")),
        jwk(),
        jwk(KID, signer("impostor")),
    )
    assert read_keys(document) == {"plain": signer("plain").public_key(), KID: PUBLIC}


def test_use_and_algorithm_may_be_left_out() -> None:
    entry = {name: value for name, value in jwk().items() if name not in {"use", "alg"}}
    assert read_keys(jwks(entry)) == {KID: PUBLIC}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": []}',
        b"[" * 100_000,
        jwks(jwk(kid="")),
    ],
)
def test_document_without_a_usable_key_is_refused(document: bytes) -> None:
    with pytest.raises(KeysUnavailable):
        read_keys(document)


def test_document_of_very_many_keys_is_read_to_a_bound() -> None:
    assert len(read_keys(json.dumps({"keys": [jwk(f"k{number}") for number in range(200)]}).encode())) == 64


# --- one key that is given -------------------------------------------------------------------------------------------


def found(key: PinnedKey, kid: str) -> Awaitable[object]:
    return key.find(kid)


@pytest.mark.parametrize("form", [str, str.strip, lambda text: text.replace("\n", "\\n"), lambda text: f"\n {text}"])
def test_pem_is_read_as_settings_write_it_and_answers_for_every_key_id(form: Callable[[str], str]) -> None:
    async def work() -> list[object]:
        key = PinnedKey(form(pem(signer())))
        return [await found(key, kid) for kid in (KID, "", "other")]

    assert asyncio.run(work()) == [PUBLIC] * 3


def ec_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("text", ["", "secret", ec_pem(), pem(signer("short", 1_024)), pem(signer())[:200]])
def test_pem_that_is_no_public_rsa_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused) as error:
        PinnedKey(text)
    assert error.value.category is ErrorCategory.INVALID
