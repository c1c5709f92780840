"""Session tokens as Clerk mints them, and as nobody should accept them."""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apifold.core.values import JSON

NOW = 1_800_000_000.0
ISSUER = "https://clerk.example.test"
PARTY = "https://app.example.test"
KID = "ins_2testinstance"
LIFE = 60


@cache
def signer(name: str = "main", bits: int = 2_048) -> RSAPrivateKey:  # noqa: ARG001 - each name has its own key
    return generate_private_key(public_exponent=65_537, key_size=bits)


def pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def claims_2(**changes: JSON) -> dict[str, JSON]:
    """Version 2."""
    claims: dict[str, JSON] = {
        "azp": PARTY,
        "exp": int(NOW) + LIFE,
        "fea": "u:dashboard,o:servers,o:billing",
        "fva": [1, -1],
        "iat": int(NOW),
        "iss": ISSUER,
        "jti": "0123456789",
        "nbf": int(NOW) - 10,
        "o": {"fpm": "3,2", "id": "org_2abc", "per": "read,manage", "rol": "admin", "slg": "acme"},
        "pla": "o:pro",
        "sid": "sess_2abc",
        "sts": "active",
        "sub": "user_2abc",
        "v": 2,
    }
    return claims | changes


def claims_1(**changes: JSON) -> dict[str, JSON]:
    """Version 1: no `v`, the organisation spread over claims."""
    claims: dict[str, JSON] = {
        "azp": PARTY,
        "exp": int(NOW) + LIFE,
        "iat": int(NOW),
        "iss": ISSUER,
        "nbf": int(NOW) - 10,
        "org_id": "org_2abc",
        "org_permissions": ["org:servers:read", "org:servers:manage", "org:billing:manage"],
        "org_role": "org:admin",
        "org_slug": "acme",
        "sid": "sess_2abc",
        "sub": "user_2abc",
    }
    return claims | changes


def without(claims: Mapping[str, JSON], name: str) -> dict[str, JSON]:
    return {key: value for key, value in claims.items() if key != name}


def mint(
    claims: Mapping[str, JSON] | None = None, *, key: RSAPrivateKey | None = None, kid: str = KID, alg: str = "RS256"
) -> str:
    headers = {"kid": kid, "cat": "cl_B7d4PD111AAA", "typ": "JWT"}
    return jwt.encode(dict(claims_2() if claims is None else claims), key or signer(), algorithm=alg, headers=headers)


def assembled(header: Mapping[str, JSON], payload: bytes, signature: bytes = b"") -> str:
    """A token put together by hand, as no library would."""
    return ".".join(map(segment, (json.dumps(header).encode(), payload, signature)))


def signed_with_public_key(claims: Mapping[str, JSON], header: Mapping[str, JSON]) -> str:
    """The classic confusion: HMAC keyed with what everybody knows."""
    unsigned = assembled(header, json.dumps(claims).encode()).rpartition(".")[0]
    digest = hmac.digest(pem(signer()).encode(), unsigned.encode(), "sha256")
    return f"{unsigned}.{segment(digest)}"


def segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def jwk(kid: str = KID, key: RSAPrivateKey | None = None, **changes: JSON) -> dict[str, JSON]:
    numbers = (key or signer()).public_key().public_numbers()
    entry: dict[str, JSON] = {
        "use": "sig",
        "kty": "RSA",
        "kid": kid,
        "alg": "RS256",
        "n": segment(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
        "e": segment(numbers.e.to_bytes(3)),
    }
    return entry | changes


def jwks(*entries: JSON) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()
