"""Which secret goes where: the whole table of schemes, alternatives and places."""

import base64
import pickle
from collections.abc import Sequence

import pytest

from apifold.core.openapi.model import Location, Operation, SecurityKind, SecurityRequirement, SecurityScheme, Server
from apifold.core.requests.credentials import (
    AuthRefused,
    AuthSpec,
    Credentials,
    SchemeNeed,
    apply,
    parse_auth,
    scheme_needs,
)
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest
from apifold.core.requests.secret import Secret, SecretRefused

CANARY = "canary-5f1e+/=7Z"


def scheme(
    name: str, kind: SecurityKind, *, location: Location | None = None, parameter: str = "", http: str = ""
) -> SecurityScheme:
    return SecurityScheme(name, kind, "", location=location, parameter=parameter, scheme=http)


SCHEMES = {
    s.name: s
    for s in (
        scheme("header", SecurityKind.API_KEY, location=Location.HEADER, parameter="X-API-Key"),
        scheme("query", SecurityKind.API_KEY, location=Location.QUERY, parameter="api key"),
        scheme("cookie", SecurityKind.API_KEY, location=Location.COOKIE, parameter="sid"),
        scheme("basic_auth", SecurityKind.BASIC),
        scheme("token", SecurityKind.BEARER),
        scheme("oauth", SecurityKind.OAUTH2),
        scheme("oidc", SecurityKind.OPEN_ID),
        scheme("digest", SecurityKind.HTTP, http="digest"),
        scheme("mtls", SecurityKind.MUTUAL_TLS),
    )
}


def needs(*alternatives: Sequence[str]) -> tuple[SecurityRequirement, ...]:
    return tuple(SecurityRequirement(tuple((name, ()) for name in names)) for names in alternatives)


def operation(*alternatives: Sequence[str]) -> Operation:
    return Operation(
        key=f"GET /{alternatives}", method="GET", path="/x", operation_id="", summary="", description="", tags=(), deprecated=False,
        parameters=(), body=None, responses=(), security=needs(*alternatives), servers=(Server("/"),), pointer="",
    )  # fmt: skip


def request(target: str = "/x", *headers: tuple[str, str]) -> UpstreamRequest:
    return UpstreamRequest("GET", Origin("https", "api.test", 443), target, headers, b"", BodyKind.NONE, True)


def credentials(*given: tuple[str, str], document_requires: bool = True) -> Credentials:
    secrets = [(name, Secret(value)) for name, value in given]
    return Credentials(SCHEMES, secrets, document_requires=document_requires)


def sent(given: Credentials, *alternatives: Sequence[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    done = apply(request(), given.grant(operation(*alternatives)))
    return done.target, done.headers


@pytest.mark.parametrize(
    ("name", "value", "target", "headers"),
    [
        ("header", "k1", "/x", (("X-API-Key", "k1"),)),
        ("query", "a b&c", "/x?api%20key=a%20b%26c", ()),
        ("cookie", "a;b c=", "/x", (("Cookie", "sid=a%3Bb%20c="),)),
        ("basic_auth", "user:pass", "/x", (("Authorization", "Basic dXNlcjpwYXNz"),)),
        ("basic_auth", "dXNlcjpwYXNz", "/x", (("Authorization", "Basic dXNlcjpwYXNz"),)),
        ("basic_auth", "Basic dXNlcjpwYXNz", "/x", (("Authorization", "Basic dXNlcjpwYXNz"),)),
        ("basic_auth", "sk_test_abc", "/x", (("Authorization", "Basic c2tfdGVzdF9hYmM6"),)),
        ("basic_auth", "ü:ß", "/x", (("Authorization", "Basic w7w6w58="),)),
        ("token", "abc", "/x", (("Authorization", "Bearer abc"),)),
        ("token", "bearer abc", "/x", (("Authorization", "Bearer abc"),)),
        ("oauth", "abc", "/x", (("Authorization", "Bearer abc"),)),
        ("oidc", "abc", "/x", (("Authorization", "Bearer abc"),)),
        ("digest", 'username="a", response="b"', "/x", (("Authorization", 'Digest username="a", response="b"'),)),
        ("digest", 'Digest username="a"', "/x", (("Authorization", 'Digest username="a"'),)),
    ],
)
def test_every_kind_of_scheme_puts_its_secret_in_its_place(
    name: str, value: str, target: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert sent(credentials((name, value)), [name]) == (target, headers)


@pytest.mark.parametrize(
    ("given", "alternatives", "used", "missing"),
    [
        ([], [], (), ()),
        (["header"], [], (), ()),
        (["header", "token"], [["token"], ["header"]], ("token",), ()),
        (["header"], [["token"], ["header"]], ("header",), ()),
        (["header", "query"], [["header", "query"]], ("header", "query"), ()),
        (["header"], [[], ["header"]], ("header",), ()),
        ([], [[], ["header"]], (), ()),
        (["query"], [[], ["header"]], (), ()),
        ([], [["header"]], (), ("header",)),
        ([], [["header", "query"], ["token"]], (), ("token",)),
        (["query"], [["header", "query"], ["oauth", "token"]], ("query",), ("header",)),
        (["header"], [["unheard_of"], ["header"]], ("header",), ()),
        (["header"], [["unheard_of"]], (), ("unheard_of",)),
    ],
)
def test_first_complete_alternative_is_used_else_none_is_needed_else_what_there_is_goes_along(
    given: list[str], alternatives: list[list[str]], used: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    grant = credentials(*((name, "v") for name in given)).grant(operation(*alternatives))
    assert (grant.used, grant.missing) == (used, missing)


def test_secrets_placed_by_hand_go_with_every_call() -> None:
    given = credentials(("header:X-Tenant", "t"), ("query:key", "k"), ("cookie:c", "v"), ("bearer", "b"))
    assert sent(given) == ("/x?key=k", (("X-Tenant", "t"), ("Cookie", "c=v"), ("Authorization", "Bearer b")))
    assert given.grant(operation(["header"])).missing == ()


def test_secret_placed_by_hand_wins_over_the_scheme_that_goes_to_the_same_place() -> None:
    given = credentials(("token", "a"), ("header:authorization", "Custom b"))
    assert sent(given, ["token"])[1] == (("authorization", "Custom b"),)


def test_basic_by_hand_encodes_its_pair() -> None:
    assert sent(credentials(("basic", "u:p")))[1] == (("Authorization", "Basic dTpw"),)


def test_document_that_says_nowhere_what_it_needs_gets_every_secret_with_every_call() -> None:
    assert sent(credentials(("header", "k"), document_requires=False))[1] == (("X-API-Key", "k"),)


def test_what_the_request_had_in_the_same_place_is_replaced_and_the_rest_kept() -> None:
    given = credentials(("header", "ours"), ("query", "ours"), ("cookie", "ours"))
    before = request(
        "/x?api+key=theirs&a=1&api%20key=2", ("x-api-key", "theirs"), ("Cookie", "sid=theirs; b=2"), ("A", "1")
    )
    after = apply(before, given.grant(operation(["header", "query", "cookie"])))
    assert after.target == "/x?a=1&api%20key=ours"
    assert after.headers == (("A", "1"), ("X-API-Key", "ours"), ("Cookie", "b=2; sid=ours"))


def test_nothing_to_apply_gives_the_same_request() -> None:
    plain = request()
    assert apply(plain, credentials().grant(operation(["header"]))) is plain


def test_masked_grant_shows_the_place_and_not_the_secret() -> None:
    given = credentials(("basic_auth", f"user:{CANARY}"), ("query", CANARY), ("cookie", CANARY), ("header", CANARY))
    grant = given.grant(operation(["basic_auth", "query", "cookie", "header"]))
    shown = apply(request(), grant.masked())
    assert shown.target == "/x?api%20key=***"
    assert shown.headers == (("Authorization", "Basic ***"), ("Cookie", "sid=***"), ("X-API-Key", "***"))
    assert CANARY not in repr(grant)
    assert base64.b64encode(f"user:{CANARY}".encode()).decode() not in repr(grant)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api_key=env:KEY", AuthSpec("api_key", "env", "KEY")),
        ("api_key=file:/run/k", AuthSpec("api_key", "file", "/run/k")),
        ("api_key=literal:env:x", AuthSpec("api_key", "literal", "env:x")),
        ("api_key=sk_live=1", AuthSpec("api_key", "literal", "sk_live=1")),
        ("basic=user:pass", AuthSpec("basic", "literal", "user:pass")),
        ("header:X-Api-Key=env:K", AuthSpec("header:X-Api-Key", "env", "K")),
    ],
)
def test_auth_flag_is_read(text: str, expected: AuthSpec) -> None:
    assert parse_auth(text) == expected


@pytest.mark.parametrize("text", ["", "api_key", "=env:K", "api_key=", "api_key=env:", "api_key=literal:"])
def test_auth_flag_without_name_or_value_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AuthRefused) as caught:
        parse_auth(text)
    assert "env:API_KEY" in caught.value.hint


def test_unknown_scheme_is_refused_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(AuthRefused) as caught:
        credentials(("tokn", CANARY))
    assert caught.value.message == (
        "The document has no security scheme 'tokn'. It has: "
        "header, query, cookie, basic_auth, token, oauth, oidc, digest, mtls."
    )
    assert caught.value.hint == "Did you mean --auth token=…?"
    assert CANARY not in str(caught.value)


def test_scheme_names_may_be_written_in_another_case() -> None:
    assert sent(credentials(("TOKEN", "t")), ["token"])[1] == (("Authorization", "Bearer t"),)


@pytest.mark.parametrize(
    "name", ["header:", "header:Host", "header:Content-Length", "header:a b", "query:", "cookie:a;b"]
)
def test_places_that_cannot_hold_a_secret_are_refused(name: str) -> None:
    with pytest.raises(AuthRefused):
        credentials((name, "v"))


def test_mutual_tls_is_refused_by_name() -> None:
    with pytest.raises(AuthRefused, match="mtls is mutual TLS"):
        credentials(("mtls", "v"))


@pytest.mark.parametrize("value", ["", "a\r\nX: 1", "a\nb", "a\0b", "a\tb", "a\x7fb"])
def test_secret_with_control_characters_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(SecretRefused) as caught:
        Secret(value)
    assert repr(value) not in str(caught.value)


def test_header_secret_outside_ascii_is_refused() -> None:
    with pytest.raises(SecretRefused, match="ASCII"):
        credentials(("token", "tökén"))


def test_secret_hides_itself_wherever_it_is_printed() -> None:
    secret = Secret(CANARY)
    assert (repr(secret), str(secret), f"{secret}", secret.reveal()) == ("Secret(***)", "***", "***", CANARY)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_missing_scheme_is_explained_with_the_flag_to_pass() -> None:
    given = credentials()
    assert given.explain_refusal(given.grant(operation(["header", "oauth"]))) == (
        "This operation needs header (API key in header X-API-Key) and oauth (OAuth access token), and no secret was "
        "given for it. The person who runs this server can add it: --auth header=env:HEADER --auth oauth=env:OAUTH"
    )


def test_refused_credential_is_named_without_its_value() -> None:
    given = credentials(("token", CANARY))
    told = given.explain_refusal(given.grant(operation(["token"])))
    assert told.startswith("The API did not accept the configured credential (token).")
    assert CANARY not in told


def test_operation_without_security_has_nothing_to_explain() -> None:
    given = credentials(("token", "t"))
    assert given.explain_refusal(given.grant(operation())) == ""


def test_needs_name_every_scheme_in_use_and_whether_there_is_a_secret() -> None:
    given = credentials(("token", "t"))
    operations = [
        operation(["token"]),
        operation(["token"]),
        operation(["query"]),
        operation([], ["cookie"]),
        operation(),
    ]
    assert scheme_needs(given, operations) == (
        SchemeNeed("query", "query (API key in query api key)", "--auth query=env:QUERY", 1, False),
        SchemeNeed("token", "token (HTTP bearer token)", "--auth token=env:TOKEN", 2, True),
    )


def test_every_form_in_which_a_secret_goes_out_is_scrubbed() -> None:
    given = credentials(
        ("basic_auth", f"user:{CANARY}"), ("query", CANARY), ("cookie", CANARY), ("bearer", "Bearer tok-123")
    )
    done = apply(request(), given.grant(operation(["basic_auth", "query", "cookie"])))
    echoed = f"{done.target} {done.headers} tok-123"
    for text in (echoed, CANARY, base64.b64encode(CANARY.encode()).decode()):
        cleaned = given.scrubber.clean_text(text)
        for secret in (CANARY, "tok-123", *(value for _, value in done.headers), done.target.partition("=")[2]):
            assert secret not in cleaned
