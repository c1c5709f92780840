import pytest

from apifold.core.openapi.document import Document
from apifold.core.tools.compiler import CompileOptions, compile_tools
from apifold.core.tools.model import Profile, Tool
from apifold.core.values import JSON, JSONObject
from support.documents import openapi, read
from support.tools import document_of, input_of, tool_of


def parameter(location: str, name: str, **members: JSON) -> JSON:
    return {"in": location, "name": name, "required": location == "path", "schema": {"type": "string"}, **members}


def shown(tool: Tool) -> dict[str, tuple[str, str, bool]]:
    return {one.name: (one.location, one.wire_name, one.required) for one in tool.arguments}


JSON_BODY: JSON = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


def test_arguments_stand_in_order_of_location_with_the_body_last() -> None:
    listed: list[JSON] = [
        parameter("cookie", "c"),
        parameter("header", "H"),
        parameter("query", "q[x]"),
        parameter("path", "p"),
    ]
    tool = tool_of(document_of({"parameters": listed, "requestBody": JSON_BODY}, path="/x/{p}"))
    assert shown(tool) == {
        "p": ("path", "p", True),
        "q_x": ("query", "q[x]", False),
        "H": ("header", "H", False),
        "c": ("cookie", "c", False),
        "body": ("body", "body", True),
    }
    assert list(shown(tool)) == ["p", "q_x", "H", "c", "body"]


def test_credentials_of_the_operation_and_ignored_headers_are_not_arguments() -> None:
    schemes: JSON = {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "token": {"type": "apiKey", "in": "query", "name": "token"},
            "other": {"type": "apiKey", "in": "query", "name": "elsewhere"},
        }
    }
    listed: list[JSON] = [
        parameter("header", "x-api-key"),
        parameter("query", "token"),
        parameter("query", "elsewhere"),
        parameter("header", "Accept"),
        parameter("header", "Authorization"),
        parameter("header", "X-Trace"),
    ]
    security: JSON = [{"key": []}, {"token": []}]
    tool = tool_of(document_of({"parameters": listed, "security": security}, components=schemes))
    assert list(shown(tool)) == ["elsewhere", "X-Trace"]


def test_credentials_are_not_arguments_where_no_operation_says_what_it_needs() -> None:
    schemes: JSON = {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}}
    listed: list[JSON] = [parameter("header", "X-Api-Key"), parameter("query", "q")]
    assert list(shown(tool_of(document_of({"parameters": listed}, components=schemes)))) == ["q"]


def test_parameter_that_is_called_like_the_body_is_suffixed() -> None:
    tool = tool_of(document_of({"parameters": [parameter("query", "body")], "requestBody": JSON_BODY}))
    assert shown(tool) == {"body_query": ("query", "body", False), "body": ("body", "body", True)}


def test_media_types_that_differ_are_a_choice_and_an_alternative_each() -> None:
    merge: JSONObject = {"type": "object", "properties": {"a": {"type": "string"}}}
    patch: JSONObject = {"type": "array", "items": {"type": "object", "properties": {"op": {"type": "string"}}}}
    content: JSON = {
        "application/json-patch+json": {"schema": patch},
        "application/merge-patch+json": {"schema": merge},
        "application/json": {"schema": merge},
        "text/csv": {"schema": {"type": "string"}},
    }
    document = document_of({"requestBody": {"content": content, "description": "The change."}}, method="patch")
    assert input_of(document).schema == {
        "type": "object",
        "properties": {
            "body": {
                "anyOf": [
                    {**merge, "description": "For application/json, application/merge-patch+json."},
                    {**patch, "description": "For application/json-patch+json."},
                    {"type": "string", "description": "For text/csv."},
                ],
                "description": "The change.",
            },
            "_contentType": {
                "type": "string",
                "enum": [
                    "application/json",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "text/csv",
                ],
                "default": "application/json",
                "description": "Media type of the body.",
            },
        },
        "additionalProperties": False,
    }
    assert shown(tool_of(document)) == {
        "body": ("body", "body", False),
        "_contentType": ("header", "Content-Type", False),
    }


def test_range_among_the_media_types_leaves_the_choice_open() -> None:
    content: JSON = {"application/json": {"schema": {"type": "object"}}, "image/*": {}}
    schema = input_of(document_of({"requestBody": {"content": content}})).schema
    assert isinstance(schema["properties"], dict)
    assert schema["properties"]["_contentType"] == {
        "type": "string",
        "description": "Media type of the body: application/json, image/*.",
    }


@pytest.mark.parametrize(
    ("operation", "title", "description"),
    [
        ({"summary": "List **pets**", "description": "All."}, "List pets", "List pets.\n\nAll."),
        ({"operationId": "listPets"}, "List pets", "POST /x"),
        ({"operationId": "listPets", "summary": "listPets", "description": "Lists all."}, "Lists all", "Lists all."),
        ({"summary": "Old", "deprecated": True}, "Old", "Old\n\nDeprecated."),
        ({"summary": "x\u202ey\u200b"}, "xy", "xy"),
    ],
)
def test_title_and_description_are_made_of_what_there_is(operation: JSONObject, title: str, description: str) -> None:
    tool = tool_of(document_of(operation))
    assert (tool.title, tool.description) == (title, description)


def test_description_is_bounded_also_when_deprecated() -> None:
    tool = tool_of(document_of({"description": "Words and words. " * 500, "deprecated": True}))
    assert len(tool.description) <= 1_024
    assert tool.description.endswith("\n\nDeprecated.")


def pets() -> Document:
    pet: JSON = {"operationId": "pets/get", "parameters": [parameter("path", "id")], "responses": {}}
    return read(openapi({"/pets/{id}": {"get": pet}, "/pets": {"get": {"responses": {}}}}))


def test_tool_is_found_by_name_key_and_operation_id() -> None:
    catalogue = compile_tools(pets())
    first, second = catalogue.tools
    assert catalogue.by_name("pets_get") is first
    assert catalogue.by_key("GET /pets") is second
    assert [catalogue.find(name) for name in ("pets_get", "get /pets", "pets/get", "nothing")] == [
        first,
        second,
        first,
        None,
    ]
    assert len(catalogue) == 2
    assert list(catalogue) == [first, second]


def test_input_is_built_once() -> None:
    catalogue = compile_tools(pets())
    assert catalogue.input(catalogue.tools[0]) is catalogue.input(catalogue.tools[0])


def test_every_change_of_a_name_is_noted() -> None:
    listed: list[JSON] = [parameter("query", "page[size]")]
    paths: JSON = {
        "/a": {"get": {"operationId": "same", "responses": {}}, "post": {"operationId": "same", "responses": {}}},
        "/b": {"get": {"operationId": "a/b", "parameters": listed, "responses": {}}},
        "/c": {"get": {"operationId": "x" * 60, "responses": {}}, "put": {"responses": {}}},
    }
    found = compile_tools(read(openapi(paths))).diagnostics
    assert [(one.code, one.operation) for one in found] == [
        ("name.collision", "GET /a"),
        ("name.collision", "POST /a"),
        ("name.changed", "GET /b"),
        ("argument.renamed", "GET /b"),
        ("name.shortened", "GET /c"),
    ]


@pytest.mark.parametrize(("limit", "longest"), [(3, 16), (48, 48), (64, 60), (500, 60)])
def test_limit_of_names_stays_within_what_clients_take(limit: int, longest: int) -> None:
    document = document_of({"operationId": "x" * 60})
    assert len(tool_of(document, CompileOptions(name_limit=limit)).name) == longest


def test_faithful_arguments_keep_their_wire_names() -> None:
    document = document_of({"parameters": [parameter("query", "page[size]"), parameter("query", "$f")]})
    assert list(shown(tool_of(document, CompileOptions(profile=Profile.FAITHFUL)))) == ["page[size]", "$f"]
