"""A Clerk session token is accepted when everything about it is right; everything that can be wrong has its own reason."""

import asyncio
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from apifold.core.values import JSON
from apifold.identity.clerk import LARGEST_TOKEN, SKEW, ClerkIdentity, ClerkRules, ClerkTokens, Organization, keys_url
from apifold.identity.keyset import KeySet, PinnedKey
from apifold.identity.refusals import CredentialRefused, Refusal
from support.clerk_tokens import (
    ISSUER,
    KID,
    LIFE,
    NOW,
    PARTY,
    assembled,
    claims_1,
    claims_2,
    jwk,
    jwks,
    mint,
    pem,
    segment,
    signed_with_public_key,
    signer,
    without,
)
from support.effects import ManualClock

RULES = ClerkRules(ISSUER, frozenset({PARTY, "https://other.example.test"}))
RS256: dict[str, JSON] = {"alg": "RS256", "typ": "JWT", "kid": KID}
PAYLOAD = json.dumps(claims_2()).encode()
PINNED = PinnedKey(pem(signer()))
EVERYTHING = frozenset({"org:servers:read", "org:servers:manage", "org:billing:manage"})
IDENTITY = ClerkIdentity(
    "user_2abc", "sess_2abc", ISSUER, NOW, NOW + LIFE, Organization("org_2abc", "acme", "admin", EVERYTHING)
)


def verify(token: str, *, now: float = NOW, rules: ClerkRules = RULES) -> ClerkIdentity:
    return asyncio.run(ClerkTokens(rules, PINNED, ManualClock(now)).verify(token))


def refusal(token: str, *, now: float = NOW, rules: ClerkRules = RULES) -> Refusal:
    with pytest.raises(CredentialRefused) as error:
        verify(token, now=now, rules=rules)
    # Shorter texts stand in our own sentences.
    assert len(token) < 16 or token not in repr(error.value)
    return error.value.refusal


# --- accepted --------------------------------------------------------------------------------------------------------


def test_both_versions_say_the_same() -> None:
    assert verify(mint(claims_2())) == IDENTITY
    assert verify(mint(claims_1())) == IDENTITY


def test_session_without_an_organisation_has_none() -> None:
    expected = msgspec.structs.replace(IDENTITY, organization=None)
    assert verify(mint(without(claims_2(), "o"))) == expected
    assert verify(mint(without(claims_1(), "org_id"))) == expected


@pytest.mark.parametrize(
    ("features", "permissions", "masks", "expected"),
    [
        ("o:a,o:b", "read,manage", "1,2", {"org:a:read", "org:b:manage"}),
        ("o:a", "read,manage,admin", "5", {"org:a:read", "org:a:admin"}),
        ("u:x,uo:a,ou:b", "read", "1,1", {"org:a:read", "org:b:read"}),
        ("o:a,o:b", "read", "1", {"org:a:read"}),
        ("o:a", "read", "1,1", {"org:a:read"}),
        ("o:a", "read", "0", set()),
        ("o:a", "read", "x", set()),
        ("o:a", "read", "9" * 5_000, set()),
        ("", "", "", set()),
    ],
)
def test_compact_permissions_are_written_out(features: str, permissions: str, masks: str, expected: set[str]) -> None:
    claims = claims_2(o={"id": "org_1", "per": permissions, "fpm": masks}, fea=features)
    organization = verify(mint(claims)).organization
    assert organization == Organization("org_1", permissions=frozenset(expected))


def test_token_of_a_native_app_names_no_party_and_is_accepted() -> None:
    assert verify(mint(without(claims_2(), "azp"))) == IDENTITY
    assert verify(mint(claims_2(azp=""))) == IDENTITY


def test_every_party_is_accepted_when_none_is_named_in_the_rules() -> None:
    assert verify(mint(claims_2(azp="https://anybody.test")), rules=ClerkRules(ISSUER)) == IDENTITY


def test_status_may_be_left_out() -> None:
    assert verify(mint(without(claims_2(), "sts"))) == IDENTITY
    assert verify(mint(claims_2(act=None))) == IDENTITY


def test_clocks_may_differ_by_the_skew() -> None:
    token = mint(claims_2(nbf=int(NOW)))
    assert verify(token, now=NOW + LIFE + SKEW - 0.01) == IDENTITY
    assert verify(token, now=NOW - SKEW) == IDENTITY


def test_published_keys_serve_as_well_as_a_given_one_and_are_asked_for_once() -> None:
    asked = []

    async def fetch() -> bytes:
        asked.append(1)
        return jwks(jwk(), jwk("ins_next", signer("next")))

    async def work() -> list[ClerkIdentity]:
        tokens = ClerkTokens(RULES, KeySet(fetch, ManualClock()), ManualClock(NOW))
        minted = (mint(), mint(claims_1()), mint(key=signer("next"), kid="ins_next"))
        found = [await tokens.verify(each) for each in minted]
        for wrong in (mint(key=signer("next")), mint(kid="ins_unknown"), mint(kid="")):
            with pytest.raises(CredentialRefused):
                await tokens.verify(wrong)
        return found

    assert asyncio.run(work()) == [IDENTITY] * 3
    assert asked == [1]


def test_keys_are_published_beside_the_issuer() -> None:
    assert keys_url(ISSUER + "/") == keys_url(ISSUER) == f"{ISSUER}/.well-known/jwks.json"


# --- signature -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "RS512", "PS256", "ES256", "EdDSA", "rs256"])
@pytest.mark.parametrize("signature", [b"", b"\0" * 256])
def test_other_algorithm_is_refused_whatever_the_signature(alg: str, signature: bytes) -> None:
    assert refusal(assembled(RS256 | {"alg": alg}, PAYLOAD, signature)) is Refusal.ALGORITHM


def test_hmac_keyed_with_the_public_key_is_refused() -> None:
    assert refusal(signed_with_public_key(claims_2(), RS256 | {"alg": "HS256"})) is Refusal.ALGORITHM
    assert refusal(signed_with_public_key(claims_2(), RS256)) is Refusal.SIGNATURE


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
def test_right_key_with_another_algorithm_is_refused(alg: str) -> None:
    assert refusal(mint(alg=alg)) is Refusal.ALGORITHM


def test_wrong_key_is_refused() -> None:
    assert refusal(mint(key=signer("impostor"))) is Refusal.SIGNATURE


def test_key_that_a_token_brings_along_is_not_used() -> None:
    impostor = jwk(KID, signer("impostor"))
    body = mint(key=signer("impostor")).split(".")
    header = segment(json.dumps(RS256 | {"jwk": impostor, "jku": "https://evil.test/keys"}).encode())
    assert refusal(".".join((header, *body[1:]))) is Refusal.SIGNATURE


def test_claims_that_were_changed_after_signing_are_refused() -> None:
    header, _, signature = mint().split(".")
    forged = segment(json.dumps(claims_2(sub="user_admin")).encode())
    assert refusal(f"{header}.{forged}.{signature}") is Refusal.SIGNATURE


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    token = mint()
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AZaz09-_.=+/ \n").filter(lambda each: each != token[position]))
    refusal(token[:position] + other + token[position + 1 :])


SEGMENTS = st.text("AZaz09-_", max_size=80)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=200), st.tuples(SEGMENTS, SEGMENTS, SEGMENTS).map(".".join)))
def test_text_that_is_no_token_is_refused_and_nothing_worse(text: str) -> None:
    assert refusal(text) in {Refusal.MALFORMED, Refusal.ALGORITHM, Refusal.SIGNATURE}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        "..",
        "é.a.b",
        "x" * (LARGEST_TOKEN + 1),
        assembled({"typ": "JWT"}, PAYLOAD),
        f"{segment(b'[]')}.{segment(PAYLOAD)}.AA",
        f"{segment(b'{')}.{segment(PAYLOAD)}.AA",
        f"{segment(bytes([0xFF]))}.{segment(PAYLOAD)}.AA",
        f"{segment(b'[' * 5_000)}.{segment(PAYLOAD)}.AA",
        assembled(RS256 | {"kid": 5}, PAYLOAD),
        assembled(RS256 | {"kid": "k" * 257}, PAYLOAD),
        assembled(RS256 | {"crit": ["exp"]}, PAYLOAD),
        assembled(RS256 | {"crit": ["b64"], "b64": False}, PAYLOAD),
        assembled(RS256, PAYLOAD) + "!",
    ],
)
def test_malformed_token_is_refused(token: str) -> None:
    assert refusal(token) is Refusal.MALFORMED


def test_oauth_access_token_of_the_same_instance_is_no_session() -> None:
    assert refusal(assembled(RS256 | {"typ": "at+jwt"}, PAYLOAD)) is Refusal.WRONG_KIND


# --- claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW + LIFE + SKEW, Refusal.EXPIRED), (NOW + 1e9, Refusal.EXPIRED), (NOW - SKEW - 10.01, Refusal.NOT_YET_VALID)],
)
def test_token_outside_its_time_is_refused(now: float, expected: Refusal) -> None:
    assert refusal(mint(), now=now) is expected


def test_token_from_the_future_is_refused() -> None:
    future = int(NOW + SKEW) + 1
    assert refusal(mint(claims_2(iat=future))) is Refusal.ISSUED_IN_FUTURE
    assert refusal(mint(claims_2(nbf=future))) is Refusal.NOT_YET_VALID


@pytest.mark.parametrize("issuer", ["https://evil.test", ISSUER + "/", ISSUER.upper(), "http://clerk.example.test", ""])
def test_other_issuer_is_refused(issuer: str) -> None:
    assert refusal(mint(claims_2(iss=issuer))) is Refusal.ISSUER


@pytest.mark.parametrize("party", ["https://evil.test", PARTY + "/", PARTY + ".evil.test", "null"])
def test_other_party_is_refused(party: str) -> None:
    assert refusal(mint(claims_2(azp=party))) is Refusal.PARTY


@pytest.mark.parametrize("status", ["pending", "ended", ""])
def test_session_that_is_not_active_is_refused(status: str) -> None:
    assert refusal(mint(claims_2(sts=status))) is Refusal.SESSION_PENDING


@pytest.mark.parametrize(
    "actor", [{"iss": "https://dashboard.clerk.com", "sid": "s", "sub": "user_x"}, {}, "user_x", 0, False]
)
def test_session_in_another_persons_name_is_refused(actor: JSON) -> None:
    assert refusal(mint(claims_2(act=actor))) is Refusal.IMPERSONATED


@pytest.mark.parametrize("version", [0, 3, -1])
def test_claims_of_another_version_are_refused(version: int) -> None:
    assert refusal(mint(claims_2(v=version))) is Refusal.VERSION


@pytest.mark.parametrize("claims", [claims_1(), claims_2()])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "iss", "sub", "sid"])
def test_token_that_lacks_a_claim_is_refused(claims: dict[str, JSON], name: str) -> None:
    assert refusal(mint(without(claims, name))) is Refusal.CLAIMS


WRONG_TYPES: tuple[dict[str, JSON], ...] = (
    {"exp": "1800000060"},
    {"exp": True},
    {"exp": None},
    {"exp": float("inf")},
    {"exp": float("nan")},
    {"nbf": []},
    {"sub": 5},
    {"sub": ""},
    {"sid": ""},
    {"azp": ["a"]},
    {"o": "org_1"},
    {"o": {}},
    {"v": "2"},
)
NO_CLAIMS = (b"", b"[]", b"null", b"\xff", b"[" * 5_000, PAYLOAD.replace(b"1800000060", b"1e999"))


@pytest.mark.parametrize("payload", [*(json.dumps(claims_2() | each).encode() for each in WRONG_TYPES), *NO_CLAIMS])
def test_claims_of_a_wrong_type_are_refused(payload: bytes) -> None:
    assert refusal(signed(payload)) is Refusal.CLAIMS


def signed(payload: bytes) -> str:
    """Any bytes, rightly signed: what a library would not write."""
    return PyJWS().encode(payload, signer(), algorithm="RS256", headers={"kid": KID})
