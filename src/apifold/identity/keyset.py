"""The public keys an identity provider signs with: a set it publishes and rotates, or one key that is given.

Verifying never waits for the network while the key is known and the set is younger than `stale` seconds; a request that
finds it older than `fresh` only sets the renewal off. Tokens that name unknown keys, which anybody can make, cause one
fetch in `cooldown` seconds, shared by all who wait.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from apifold.core.effects import Clock
from apifold.core.errors import AppError, ErrorCategory
from apifold.identity.refusals import CredentialRefused, Refusal

LARGEST_DOCUMENT = 256 * 1024
MOST_KEYS = 64
_SHORTEST_KEY = 2_048
_LONGEST_KEY = 8_192
"""Bits. Verifying with a longer one is work that somebody else decides on."""


class KeysUnavailable(AppError):
    """The provider's keys cannot be had, so nobody can be told apart."""

    category = ErrorCategory.UPSTREAM_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("auth.keys_unavailable", message, hint=hint)


class KeyRefused(AppError):
    """The key that a setting gives is no public RSA key."""

    category = ErrorCategory.INVALID


class FetchKeys(Protocol):
    """The provider's JWK set (RFC 7517 5) over the network, bounded in size and time. Raises `AppError`."""

    async def __call__(self) -> bytes: ...


class Keys(Protocol):
    async def find(self, kid: str) -> RSAPublicKey:
        """The key that signs under this id. Raises `CredentialRefused` (unknown key) or `KeysUnavailable`."""


class PinnedKey:
    """One key from a setting, whatever id tokens name: needs no network."""

    def __init__(self, pem: str) -> None:
        """`pem`: a public RSA key; its line breaks may be written as backslash and n, as settings do. Raises `KeyRefused`."""
        try:
            key = load_pem_public_key(pem.replace("\\n", "\n").strip().encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPublicKey) or not _SHORTEST_KEY <= key.key_size <= _LONGEST_KEY:
            raise KeyRefused(
                "auth.key_refused",
                "The key given for session tokens is not a public RSA key of 2048 to 8192 bits in PEM.",
                hint="Copy it whole, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----.",
            )
        self._key = key

    async def find(self, kid: str) -> RSAPublicKey:  # noqa: ARG002 - one key for every id
        return self._key


class KeySetRule(msgspec.Struct, frozen=True):
    """Seconds."""

    fresh: float = 300.0
    stale: float = 3_600.0
    """Longest use of a set that cannot be renewed: a key that was withdrawn may live so long."""
    cooldown: float = 30.0
    """Between fetches for keys that are not in the set."""
    retry: float = 5.0
    """Between fetches that fail."""
    timeout: float = 10.0


KEY_SET = KeySetRule()


class KeySet:
    """The published set, kept. Belongs to one event loop."""

    def __init__(self, fetch: FetchKeys, clock: Clock, rule: KeySetRule = KEY_SET) -> None:
        self._fetch = fetch
        self._clock = clock
        self._rule = rule
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = float("-inf")
        self._next_fetch = float("-inf")
        self._failure = ""
        self._renewal: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> RSAPublicKey:
        if self._is_usable() and (key := self._keys.get(kid)) is not None:
            if self._age() >= self._rule.fresh:
                self._renew()
            return key
        if (renewal := self._renew()) is not None:
            # One who gives up waiting must not end the fetch for the others.
            await asyncio.shield(renewal)
        if not self._is_usable():
            raise KeysUnavailable("The identity provider's keys cannot be fetched; try again.", hint=self._failure)
        key = self._keys.get(kid)
        if key is None:
            raise CredentialRefused(Refusal.UNKNOWN_KEY)
        return key

    async def aclose(self) -> None:
        """Ends a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    def _age(self) -> float:
        return self._clock.monotonic() - self._fetched_at

    def _is_usable(self) -> bool:
        return self._age() < self._rule.stale

    def _renew(self) -> asyncio.Task[None] | None:
        """The fetch that is under way or that this starts; `None` when it is too early for one."""
        if self._renewal is None and self._clock.monotonic() >= self._next_fetch:
            self._renewal = asyncio.get_running_loop().create_task(self._fetch_once(), name="identity-keys")
            self._renewal.add_done_callback(self._forget)
        return self._renewal

    def _forget(self, _done: asyncio.Task[None]) -> None:
        self._renewal = None

    async def _fetch_once(self) -> None:
        """After a failure the old keys stay, and grow older."""
        self._next_fetch = self._clock.monotonic() + self._rule.retry
        try:
            async with asyncio.timeout(self._rule.timeout):
                keys = read_keys(await self._fetch())
        except AppError as error:
            self._failure = error.message
            return
        except TimeoutError:
            self._failure = f"No answer within {self._rule.timeout:g} seconds."
            return
        now = self._clock.monotonic()
        self._keys, self._fetched_at, self._next_fetch = keys, now, now + self._rule.cooldown


class _Key(msgspec.Struct, frozen=True):
    """RFC 7517 4 and 7518 6.3.1, as far as it matters here."""

    kty: str = ""
    kid: str = ""
    use: str = "sig"
    alg: str = "RS256"
    n: str = ""
    e: str = ""


class _Document(msgspec.Struct, frozen=True):
    keys: Sequence[_Key]


def read_keys(document: bytes) -> Mapping[str, RSAPublicKey]:
    """The RSA signing keys of a JWK set, by id; others are passed over (RFC 7517 5). Raises `KeysUnavailable` when it is
    no such set or there is none in it.
    """
    if len(document) > LARGEST_DOCUMENT:
        raise KeysUnavailable("The identity provider's keys are too large a document.")
    try:
        entries = msgspec.json.decode(document, type=_Document).keys
    except msgspec.DecodeError:
        raise KeysUnavailable("The identity provider's keys are not a JWK set.") from None
    found: dict[str, RSAPublicKey] = {}
    for entry in entries[:MOST_KEYS]:
        if entry.kid and entry.kid not in found and (key := _rsa_key(entry)) is not None:
            found[entry.kid] = key
    if not found:
        raise KeysUnavailable("The identity provider publishes no RSA key.")
    return found


def _rsa_key(entry: _Key) -> RSAPublicKey | None:
    if (entry.kty, entry.use, entry.alg) != ("RSA", "sig", "RS256"):
        return None
    try:
        key = RSAPublicNumbers(_number(entry.e), _number(entry.n)).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if _SHORTEST_KEY <= key.key_size <= _LONGEST_KEY else None


def _number(text: str) -> int:
    """Base64urlUInt (RFC 7518 2). Raises `ValueError`."""
    return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
