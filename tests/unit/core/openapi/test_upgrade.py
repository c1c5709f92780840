"""Swagger 2.0 as OpenAPI 3 has it: bodies, forms, media types, servers and security schemes."""

import pytest

from apifold.core.openapi.model import (
    Encoding,
    Location,
    MediaType,
    Node,
    RequestBody,
    Response,
    SecurityKind,
    SecurityScheme,
    Server,
    Style,
)
from apifold.core.values import JSON
from support.documents import one_operation, problems, read, swagger

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def body(*entries: JSON, consumes: JSON = None, **members: JSON) -> RequestBody | None:
    operation: dict[str, JSON] = {"parameters": list(entries)}
    if consumes is not None:
        operation["consumes"] = consumes
    return one_operation(swagger({"/x": {"post": operation}}, **members)).body


def media(found: RequestBody | None) -> list[str]:
    return [] if found is None else [each.content_type for each in found.content]


def test_body_parameter_becomes_the_body() -> None:
    entry: JSON = {
        "name": "pet",
        "in": "body",
        "required": True,
        "description": "A pet",
        "schema": {"$ref": "#/definitions/P"},
    }
    at = "/paths/~1x/post/parameters/0"
    assert body(entry) == RequestBody(
        required=True,
        description="A pet",
        content=(MediaType("application/json", Node({"$ref": "#/definitions/P"}, "", f"{at}/schema")),),
        pointer=at,
    )


def test_body_takes_the_media_types_of_the_operation_over_those_of_the_document() -> None:
    entry: JSON = {"name": "pet", "in": "body", "schema": {}}
    assert media(body(entry, consumes=["application/xml", "text/plain"])) == ["application/xml", "text/plain"]
    assert media(body(entry, consumes=["application/xml"])) == ["application/xml"]
    operation: JSON = {"parameters": [entry], "consumes": []}
    found = one_operation(swagger({"/x": {"post": operation}}, consumes=["application/xml"])).body
    assert media(found) == ["application/json"]


def test_body_parameter_that_says_its_type_inline_has_that_schema() -> None:
    found = body({"name": "text", "in": "body", "type": "string"})
    assert found is not None
    schema = found.content[0].schema
    assert schema is not None
    assert schema.value == {"type": "string"}


def test_form_parameters_become_one_object() -> None:
    at = "/paths/~1x/post/parameters/0"
    found = body(
        {"name": "a", "in": "formData", "required": True, "type": "string", "description": "An a"},
        {"name": "b", "in": "formData", "type": "array", "items": {"type": "integer"}, "collectionFormat": "multi"},
        {"name": "c", "in": "formData", "type": "array", "items": {"type": "string"}},
    )
    schema: JSON = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "An a"},
            "b": {"type": "array", "items": {"type": "integer"}},
            "c": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["a"],
    }
    encoding = {"b": Encoding(style=Style.FORM, explode=True), "c": Encoding(style=Style.FORM, explode=False)}
    assert found == RequestBody(True, "", (MediaType(FORM, Node(schema, "", at), encoding),), at)


def test_form_with_a_file_is_multipart() -> None:
    found = body(
        {"name": "scan", "in": "formData", "type": "file"},
        {"name": "more", "in": "formData", "type": "array", "items": {"type": "file"}, "collectionFormat": "multi"},
    )
    assert found is not None
    schema = found.content[0].schema
    assert schema is not None
    assert (media(found), found.content[0].encoding) == ([MULTIPART], {})
    assert schema.value == {
        "type": "object",
        "properties": {
            "scan": {"type": "string", "format": "binary"},
            "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
    }


@pytest.mark.parametrize(
    ("kind", "consumes", "expected"),
    [
        ("string", [FORM], [FORM]),
        ("string", [MULTIPART], [MULTIPART]),
        ("string", [FORM, MULTIPART], [FORM, MULTIPART]),
        ("string", ["application/json"], [FORM]),
        ("file", [FORM, MULTIPART], [MULTIPART]),
        ("file", ["application/json"], [MULTIPART]),
        ("file", ["multipart/vnd.specific+form-data;version=1.0"], ["multipart/vnd.specific+form-data;version=1.0"]),
    ],
)
def test_form_takes_the_form_types_it_may_be_sent_as(kind: str, consumes: JSON, expected: list[str]) -> None:
    assert media(body({"name": "a", "in": "formData", "type": kind}, consumes=consumes)) == expected


def test_operations_body_replaces_the_paths_whatever_its_name() -> None:
    shared: JSON = [{"name": "a", "in": "body", "schema": {"type": "string"}}]
    own: JSON = [{"name": "b", "in": "body", "schema": {"type": "number"}}]
    found = one_operation(swagger({"/x": {"parameters": shared, "post": {"parameters": own}}})).body
    assert found is not None
    assert found.content[0].schema == Node({"type": "number"}, "", "/paths/~1x/post/parameters/0/schema")


def test_nameless_form_parameter_is_dropped_or_costs_the_operation() -> None:
    assert body({"in": "formData", "type": "string"}) is None
    document = read(swagger({"/x": {"post": {"parameters": [{"in": "formData", "required": True}]}}}))
    assert problems(document) == [("parameter.malformed", "/paths/~1x/post/parameters/0", "POST /x")]


def test_shared_parameters_and_responses_are_found() -> None:
    document = swagger(
        {"/x": {"get": {"parameters": [{"$ref": "#/parameters/q"}], "responses": {"404": {"$ref": "#/responses/R"}}}}},
        parameters={"q": {"name": "q", "in": "query", "type": "integer", "x-nullable": True, "x-other": 1}},
        responses={"R": {"description": "No", "schema": {"$ref": "#/definitions/P"}}},
        produces=["application/json", "text/xml"],
        definitions={"P": {"type": "object"}},
    )
    operation = one_operation(document)
    schema = Node({"$ref": "#/definitions/P"}, "", "/responses/R/schema")
    assert operation.parameters[0].schema == Node({"type": "integer", "x-nullable": True}, "", "/parameters/q/schema")
    assert operation.responses == (
        Response("404", "No", (MediaType("application/json", schema), MediaType("text/xml", schema))),
    )
    assert read(document).resolver.follow(schema).value == {"type": "object"}


def test_answers_without_a_schema_have_no_content_and_without_produces_are_json() -> None:
    entry: JSON = {"responses": {"200": {"description": "a", "schema": {"type": "file"}}, "204": {"description": "b"}}}
    ok, empty = one_operation(swagger({"/x": {"get": entry}})).responses
    assert ([each.content_type for each in ok.content], empty.content) == (["application/json"], ())


@pytest.mark.parametrize(
    ("members", "urls"),
    [
        ({}, ["/"]),
        ({"basePath": "/v1"}, ["/v1"]),
        ({"basePath": "v1"}, ["/v1"]),
        ({"host": "a.example.com"}, ["https://a.example.com"]),
        ({"host": "a.example.com", "basePath": "/v1", "schemes": ["http"]}, ["http://a.example.com/v1"]),
        (
            {"host": "a.example.com:8080", "schemes": ["HTTP", "https"]},
            ["https://a.example.com:8080", "http://a.example.com:8080"],
        ),
        ({"host": "a.example.com", "schemes": ["ws"]}, ["https://a.example.com"]),
        ({"host": "a.example.com", "schemes": "http"}, ["http://a.example.com"]),
        ({"host": "https://a.example.com/", "basePath": "/v1"}, ["https://a.example.com/v1"]),
        ({"host": 5, "basePath": []}, ["https://5"]),
    ],
)
def test_host_base_path_and_schemes_become_servers(members: dict[str, JSON], urls: list[str]) -> None:
    document = read(swagger({"/x": {"get": {}}}, **members))
    assert document.servers == tuple(Server(url) for url in urls)
    assert document.operations[0].servers == document.servers


def test_schemes_of_an_operation_win() -> None:
    document = swagger({"/x": {"get": {"schemes": ["http"]}}}, host="a.example.com", basePath="/v1", schemes=["https"])
    assert one_operation(document).servers == (Server("http://a.example.com/v1"),)


def test_host_template_of_azure_becomes_server_variables() -> None:
    azure: dict[str, JSON] = {
        "x-ms-parameterized-host": {
            "hostTemplate": "{account}.{zone}.example.com",
            "parameters": [{"name": "account", "in": "path"}, {"$ref": "#/parameters/zone"}, {"$ref": "#/none"}],
        },
        "parameters": {"zone": {"name": "zone", "in": "path", "enum": ["a", "b"], "default": "a"}},
    }
    (server,) = read(swagger({"/x": {"get": {}}}, basePath="/v1", **azure)).servers
    assert server.url == "https://{account}.{zone}.example.com/v1"
    assert {name: (variable.default, variable.enum) for name, variable in server.variables.items()} == {
        "account": ("", ()),
        "zone": ("a", ("a", "b")),
    }


def test_host_template_may_bring_its_own_scheme() -> None:
    host: JSON = {"hostTemplate": "{endpoint}", "useSchemePrefix": False, "parameters": [{"name": "endpoint"}]}
    (server,) = read(swagger(**{"x-ms-parameterized-host": host})).servers
    assert server.url == "{endpoint}"


def test_paths_of_azure_with_a_query_are_operations() -> None:
    azure: dict[str, JSON] = {"x-ms-paths": {"/x?comp=list": {"get": {}}}}
    document = read(swagger({"/x": {"get": {}}}, **azure))
    assert [operation.key for operation in document.operations] == ["GET /x", "GET /x?comp=list"]


def test_security_definitions_become_schemes() -> None:
    document = read(
        swagger(
            securityDefinitions={
                "basic": {"type": "basic", "description": "A"},
                "key": {"type": "apiKey", "in": "query", "name": "k"},
                "code": {
                    "type": "oauth2",
                    "flow": "accessCode",
                    "authorizationUrl": "u",
                    "tokenUrl": "t",
                    "scopes": {"s": "S"},
                },
                "app": {"type": "oauth2", "flow": "application", "tokenUrl": "t"},
            }
        )
    )
    assert document.security_schemes == {
        "basic": SecurityScheme("basic", SecurityKind.BASIC, "A", scheme="basic"),
        "key": SecurityScheme("key", SecurityKind.API_KEY, "", location=Location.QUERY, parameter="k"),
        "code": SecurityScheme(
            "code",
            SecurityKind.OAUTH2,
            "",
            flows={"authorizationCode": {"authorizationUrl": "u", "tokenUrl": "t", "scopes": {"s": "S"}}},
        ),
        "app": SecurityScheme("app", SecurityKind.OAUTH2, "", flows={"clientCredentials": {"tokenUrl": "t"}}),
    }
