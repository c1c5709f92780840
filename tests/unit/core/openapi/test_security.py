"""Security schemes and requirements of OpenAPI 3: kinds, alternatives, and what cannot be read."""

import pytest

from apifold.core.openapi.model import Location, SecurityKind, SecurityRequirement, SecurityScheme
from apifold.core.values import JSON
from support.documents import one_operation, openapi, problems, read

FLOWS: JSON = {"clientCredentials": {"tokenUrl": "https://example.com/token", "scopes": {}}}
SCHEMES: JSON = {"a": {"type": "http", "scheme": "basic"}, "b": {"type": "http", "scheme": "bearer"}}


def scheme(entry: JSON) -> SecurityScheme | None:
    document = openapi({"/x": {"get": {}}}, components={"securitySchemes": {"s": entry}})
    return read(document).security_schemes.get("s")


def requirements(entry: JSON, default: JSON = None) -> tuple[SecurityRequirement, ...]:
    operation: JSON = {} if entry == "absent" else {"security": entry}
    document = openapi({"/x": {"get": operation}}, components={"securitySchemes": SCHEMES}, security=default)
    return one_operation(document).security


def needs(**schemes: tuple[str, ...]) -> SecurityRequirement:
    return SecurityRequirement(tuple(schemes.items()))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "http", "scheme": "Basic"}, SecurityScheme("s", SecurityKind.BASIC, "", scheme="basic")),
        (
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "D"},
            SecurityScheme("s", SecurityKind.BEARER, "D", scheme="bearer", bearer_format="JWT"),
        ),
        ({"type": "HTTP", "scheme": "Digest"}, SecurityScheme("s", SecurityKind.HTTP, "", scheme="digest")),
        ({"type": "basic"}, SecurityScheme("s", SecurityKind.BASIC, "", scheme="basic")),
        ({"type": "bearer"}, SecurityScheme("s", SecurityKind.BEARER, "", scheme="bearer")),
        (
            {"type": "apiKey", "in": "header", "name": "X-Key"},
            SecurityScheme("s", SecurityKind.API_KEY, "", location=Location.HEADER, parameter="X-Key"),
        ),
        (
            {"type": "apikey", "in": "Query", "name": "key"},
            SecurityScheme("s", SecurityKind.API_KEY, "", location=Location.QUERY, parameter="key"),
        ),
        (
            {"type": "apiKey", "in": "cookie", "name": "sid"},
            SecurityScheme("s", SecurityKind.API_KEY, "", location=Location.COOKIE, parameter="sid"),
        ),
        ({"type": "oauth2", "flows": FLOWS}, SecurityScheme("s", SecurityKind.OAUTH2, "", flows=FLOWS)),
        ({"type": "openIdConnect", "openIdConnectUrl": "u"}, SecurityScheme("s", SecurityKind.OPEN_ID, "")),
        ({"type": "mutualTLS"}, SecurityScheme("s", SecurityKind.MUTUAL_TLS, "")),
    ],
)
def test_every_kind_of_scheme_is_known(entry: JSON, expected: SecurityScheme) -> None:
    assert scheme(entry) == expected


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (5, "security.malformed"),
        ({}, "security.type_unknown"),
        ({"type": "handshake"}, "security.type_unknown"),
        ({"type": "apiKey", "in": "body", "name": "k"}, "security.malformed"),
        ({"type": "apiKey", "in": "header"}, "security.malformed"),
        ({"type": "apiKey", "in": "header", "name": "bad name"}, "security.malformed"),
        ({"type": "apiKey", "in": "header", "name": "X\r\nY: z"}, "security.malformed"),
        ({"type": "http"}, "security.malformed"),
        ({"$ref": "#/none"}, "reference.unresolved"),
    ],
)
def test_scheme_that_cannot_be_read_is_left_out_and_named(entry: JSON, code: str) -> None:
    assert scheme(entry) is None
    document = read(openapi({"/x": {"get": {}}}, components={"securitySchemes": {"s": entry}}))
    assert problems(document) == [(code, "/components/securitySchemes/s", "")]


def test_scheme_behind_a_reference_keeps_its_own_name() -> None:
    document = openapi(components={"securitySchemes": {"s": {"$ref": "#/components/x"}}, "x": {"type": "mutualTLS"}})
    assert read(document).security_schemes == {"s": SecurityScheme("s", SecurityKind.MUTUAL_TLS, "")}


@pytest.mark.parametrize(
    ("entry", "default", "expected"),
    [
        ("absent", None, ()),
        ("absent", [{"a": []}], (needs(a=()),)),
        ([], [{"a": []}], ()),
        (None, [{"a": []}], (needs(a=()),)),
        ("text", [{"a": []}], (needs(a=()),)),
        ([{"a": [], "b": ["r", "w"]}, {"b": []}], None, (needs(a=(), b=("r", "w")), needs(b=()))),
        ([{"a": []}, {}], None, (needs(a=()), needs())),
        ([{"ghost": []}, {"a": []}], None, (needs(a=()),)),
        ([{"a": [], "ghost": []}], None, ()),
        ([{"a": {"r": "read"}}, {"b": "w"}, {"a": ["r", 5]}], None, (needs(a=()), needs(b=("w",)), needs(a=("r",)))),
        ([5, {"a": []}], None, (needs(a=()),)),
    ],
)
def test_requirements_are_alternatives_and_the_operations_win(
    entry: JSON, default: JSON, expected: tuple[SecurityRequirement, ...]
) -> None:
    assert requirements(entry, default) == expected


def test_requirement_by_reference_of_3_2_is_found() -> None:
    document = openapi(
        {"/x": {"get": {"security": [{"#/components/securitySchemes/a": []}, {"#/none": []}]}}},
        version="3.2.0",
        components={"securitySchemes": SCHEMES},
    )
    name = "#/components/securitySchemes/a"
    assert one_operation(document).security == (SecurityRequirement(((name, ()),)),)
    assert read(document).security_schemes[name] == SecurityScheme(name, SecurityKind.BASIC, "", scheme="basic")


@pytest.mark.parametrize(("required", "alternatives"), [(True, 1), (False, 2)])
def test_authorization_header_stands_for_a_scheme_where_none_is_declared(required: bool, alternatives: int) -> None:
    header: JSON = {"name": "Authorization", "in": "header", "required": required}
    document = read(openapi({"/x": {"get": {"parameters": [header]}}}))
    assert document.security_schemes == {
        "Authorization": SecurityScheme(
            "Authorization", SecurityKind.API_KEY, "", location=Location.HEADER, parameter="Authorization"
        )
    }
    both = (needs(Authorization=()), needs())
    assert document.operations[0].security == both[:alternatives]
    assert document.operations[0].parameters == ()


@pytest.mark.parametrize("operation", [{"security": [{"a": []}]}, {"security": []}])
def test_authorization_header_is_ignored_where_security_is_declared(operation: dict[str, JSON]) -> None:
    entry: JSON = {**operation, "parameters": [{"name": "Authorization", "in": "header"}]}
    document = read(openapi({"/x": {"get": entry}}, components={"securitySchemes": SCHEMES}))
    assert sorted(document.security_schemes) == ["a", "b"]
