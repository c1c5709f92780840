"""Seal and open secrets. The one door to the vault for everybody else: no key passes through it."""

from apifold.core.effects import Entropy
from apifold.core.requests.secret import Secret, SecretRefused
from apifold.vault.envelope import NONCE_BYTES, Place, SealBroken, SealProblem, decrypt, encrypt, unpack
from apifold.vault.keys import KeyRing


class Vault:
    """Seals under the ring's current key, opens under any of its keys. Costs microseconds; safe in every thread."""

    __slots__ = ("_entropy", "_ring")

    def __init__(self, ring: KeyRing, entropy: Entropy) -> None:
        self._ring = ring
        self._entropy = entropy

    @property
    def current_key(self) -> bytes:
        """The id of the key that seals; not secret."""
        return self._ring.current.id

    def seal(self, place: Place, secret: Secret) -> bytes:
        """What to store at `place`, and nowhere else."""
        return self.seal_bytes(place, secret.reveal().encode())

    def open(self, place: Place, sealed: bytes) -> Secret:
        """The secret that was sealed for `place`. Raises `SealBroken`."""
        secret = _secret(self.open_bytes(place, sealed))
        if secret is None:
            raise SealBroken(SealProblem.MALFORMED, place)
        return secret

    def seal_bytes(self, place: Place, plaintext: bytes) -> bytes:
        """The same for what is no header value: a stored answer, a JSON object of several secrets."""
        return encrypt(self._ring.current, place, plaintext, nonce=self._entropy.token(NONCE_BYTES))

    def open_bytes(self, place: Place, sealed: bytes) -> bytes:
        """Raises `SealBroken`."""
        return decrypt(self._ring.by_id, place, sealed)

    def is_current(self, sealed: bytes) -> bool:
        """Whether it is under the key that seals now. Raises `SealBroken` when it is no sealed value."""
        return unpack(sealed).key_id == self._ring.current.id

    def reseal(self, place: Place, sealed: bytes) -> bytes:
        """The same secret under the current key, with a new nonce. Raises `SealBroken`."""
        return self.seal_bytes(place, self.open_bytes(place, sealed))

    def __repr__(self) -> str:
        return f"Vault({self._ring!r})"


def _secret(plaintext: bytes) -> Secret | None:
    """`None` rather than an exception: a decoding error carries what it could not decode."""
    try:
        return Secret(plaintext.decode())
    except (UnicodeDecodeError, SecretRefused):
        return None
