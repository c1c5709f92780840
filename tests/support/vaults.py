"""Vaults with keys that tests know."""

import hashlib

from apifold.vault.keys import KeyRing, MasterKey
from apifold.vault.service import Vault
from support.effects import CountingEntropy


def master(name: str) -> bytes:
    """32 bytes that look random and are the same in every run."""
    return hashlib.sha256(name.encode()).digest()


def ring(*names: str) -> KeyRing:
    return KeyRing(MasterKey(master(name)) for name in names)


def vault(*names: str) -> Vault:
    """A vault whose first key seals."""
    return Vault(ring(*names), CountingEntropy())
