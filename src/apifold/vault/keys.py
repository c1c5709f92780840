"""The vault's keys: how their text is read, what a ring of them is, and whether it is the right one for what is stored.

A master key is 32 random bytes. Its id and the key that encrypts are both derived from it, so the id gives nothing away;
the master key itself is not kept in memory.
"""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apifold.core.effects import Entropy
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.requests.secret import Secret
from apifold.vault.envelope import KEY_ID_BYTES, NONCE_BYTES, Place, SealBroken, SealProblem, decrypt, encrypt, unpack

PREFIX = "afv_"
MASTER_BYTES = 32
MOST_KEYS = 16
_FEWEST_DISTINCT = 8
"""32 random bytes with fewer different values do not happen; a key that somebody typed does."""

_FORMS = re.compile(r"(?:afv_(?P<own>[A-Za-z0-9_-]{43})|(?P<hex>[0-9a-fA-F]{64})|(?P<base64>[A-Za-z0-9+/_-]{43}=?))")


class VaultKeyRefused(AppError):
    """The vault cannot start with these keys. Says why without showing one."""

    category = ErrorCategory.INVALID


class MasterKey:
    """One key of the vault. Only its id can be seen."""

    __slots__ = ("_aead", "id")

    def __init__(self, master: bytes) -> None:
        """Raises `VaultKeyRefused` when `master` is not 32 bytes, or plainly not random."""
        if len(master) != MASTER_BYTES:
            raise VaultKeyRefused("vault.key_malformed", "A vault key is not 32 bytes long.", hint=NEW_KEY_HINT)
        if len(set(master)) < _FEWEST_DISTINCT:
            raise VaultKeyRefused("vault.key_malformed", "A vault key is not random.", hint=NEW_KEY_HINT)
        self.id = hmac.digest(master, b"apifold.vault.key-id.1", "sha256")[:KEY_ID_BYTES]
        self._aead = AESGCM(hmac.digest(master, b"apifold.vault.aes-256-gcm.1", "sha256"))

    def encrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        return self._aead.encrypt(nonce, data, bound)

    def decrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes | None:
        try:
            return self._aead.decrypt(nonce, data, bound)
        except InvalidTag:
            return None

    def __repr__(self) -> str:
        return f"MasterKey({self.id.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not to be copied out of the process")


class KeyRing:
    """The keys that open, and the one of them that seals: the first."""

    __slots__ = ("by_id", "current")

    def __init__(self, keys: Iterable[MasterKey]) -> None:
        """Raises `VaultKeyRefused` when there is none, or more than `MOST_KEYS`."""
        ordered = tuple(keys)
        if not ordered:
            raise VaultKeyRefused("vault.key_missing", "The vault has no key.", hint=NEW_KEY_HINT)
        if len(ordered) > MOST_KEYS:
            raise VaultKeyRefused("vault.key_malformed", f"The vault is given more than {MOST_KEYS} keys.")
        self.current = ordered[0]
        self.by_id: Mapping[bytes, MasterKey] = MappingProxyType({key.id: key for key in ordered})

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key.hex() for key in self.by_id)})"


NEW_KEY_HINT = "Make one with: openssl rand -hex 32"


def new_key(entropy: Entropy) -> Secret:
    """The text of a new master key."""
    return Secret(PREFIX + base64.urlsafe_b64encode(entropy.token(MASTER_BYTES)).decode().rstrip("="))


def read_ring(text: str) -> KeyRing:
    """Keys as text, the sealing one first: `afv_…`, 64 hexadecimal digits or base64 of 32 bytes, divided by white space
    or commas; a line that starts with `#` is a comment. Raises `VaultKeyRefused`, which counts keys and never shows one.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = " ".join(lines).replace(",", " ").split()
    return KeyRing(MasterKey(_master(word, number)) for number, word in enumerate(words, start=1))


def _master(word: str, number: int) -> bytes:
    form = _FORMS.fullmatch(word)
    if form is None:
        raise VaultKeyRefused(
            "vault.key_malformed",
            f"Vault key number {number} is neither afv_…, nor 64 hexadecimal digits, nor base64 of 32 bytes.",
            hint=NEW_KEY_HINT,
        )
    if digits := form["hex"]:
        return bytes.fromhex(digits)
    text = (form["own"] or form["base64"]).rstrip("=").replace("+", "-").replace("/", "_")
    return base64.urlsafe_b64decode(text + "=")


# --- check values ----------------------------------------------------------------------------------------------------

_CHECK_PLACE = Place("vault", "check", "value")
_CHECK_TEXT = b"the key that opens this is the right one"


def check_value(key: MasterKey, entropy: Entropy) -> bytes:
    """What is stored once for every key that seals, so that a start without that key is noticed before anything else."""
    return encrypt(key, _CHECK_PLACE, _CHECK_TEXT, nonce=entropy.token(NONCE_BYTES))


def missing_check(ring: KeyRing, stored: Iterable[bytes], entropy: Entropy) -> bytes | None:
    """Compares the ring with the stored check values: the check to store before anything is sealed, or `None` when the
    current key's is there. Raises `VaultKeyRefused` when the ring does not open one of them.
    """
    known = set()
    for check in stored:
        try:
            decrypt(ring.by_id, _CHECK_PLACE, check)
        except SealBroken as broken:
            raise _mismatch(broken, check) from None
        known.add(unpack(check).key_id)
    return None if ring.current.id in known else check_value(ring.current, entropy)


def _mismatch(broken: SealBroken, check: bytes) -> VaultKeyRefused:
    if broken.problem is not SealProblem.UNKNOWN_KEY:
        return VaultKeyRefused(
            "vault.check_broken",
            "The vault's stored check value is damaged.",
            hint="Restore the database from a backup.",
        )
    return VaultKeyRefused(
        "vault.key_mismatch",
        f"Secrets are stored under the vault key {unpack(check).key_id.hex()}, which is not among the keys given.",
        hint="Give the key that was used before; with a new one, give both, the new one first, and rotate.",
    )
