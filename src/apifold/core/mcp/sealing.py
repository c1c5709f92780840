"""Sealing of what passes through the client and must come back unchanged (`requestState`, MRTR server requirements 4, 5).

The seal protects integrity, not secrecy: the client can read what is inside. It bounds replay by a time and by whatever
the caller binds it to (principal, method, arguments); it does not make a state usable only once.
"""

import base64
import hashlib
import hmac

import msgspec

from apifold.core.values import JSON


def seal(key: bytes, value: JSON, *, bound_to: bytes, expires: float) -> str:
    """`value` as an opaque string that `unseal` accepts until `expires` (seconds since the epoch) for the same binding."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode([int(expires), value])).decode("ascii")
    return f"{payload}.{_mac(key, payload, bound_to)}"


def unseal(key: bytes, sealed: str, *, bound_to: bytes, now: float) -> JSON:
    """The sealed value. Raises `ValueError` for anything that `seal` did not make for this key and binding, or too old."""
    payload, _, mac = sealed.partition(".")
    # The encoded forms are compared: base64 decoders take garbage after the padding, so decoded bytes prove nothing.
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(key, payload, bound_to).encode("ascii")):
        raise ValueError("the state was changed, or belongs to another request")
    opened: JSON = msgspec.json.decode(base64.urlsafe_b64decode(payload))
    if not isinstance(opened, list) or len(opened) != 2 or not isinstance(opened[0], int):
        raise ValueError("the state is not one of ours")
    if now >= opened[0]:
        raise ValueError("the state has expired")
    return opened[1]


def _mac(key: bytes, payload: str, bound_to: bytes) -> str:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    digest.update(len(bound_to).to_bytes(8, "big"))
    digest.update(bound_to)
    digest.update(payload.encode("utf-8", "replace"))
    return digest.hexdigest()
