"""Request bodies, media types, encodings and responses of OpenAPI 3."""

import pytest

from apifold.core.openapi.model import Encoding, MediaType, Node, RequestBody, Response, Style
from apifold.core.values import JSON
from support.documents import one_operation, openapi, problems, read

AT = "/paths/~1x/post/requestBody"


def body(entry: JSON, **members: JSON) -> RequestBody | None:
    return one_operation(openapi({"/x": {"post": {"requestBody": entry}}}, **members)).body


def codes(entry: JSON) -> list[str]:
    return [code for code, _, _ in problems(read(openapi({"/x": {"post": {"requestBody": entry}}})))]


def responses(entry: JSON, **members: JSON) -> tuple[Response, ...]:
    return one_operation(openapi({"/x": {"get": {"responses": entry}}}, **members)).responses


def test_everything_a_body_says_is_kept() -> None:
    entry: JSON = {
        "required": True,
        "description": "What",
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": {"a": 1}},
            "multipart/form-data": {
                "schema": {"type": "object"},
                "encoding": {
                    "file": {"contentType": "image/png", "headers": {"X-A": {"schema": {}}, "X-B": {"$ref": "#/none"}}},
                    "list": {"style": "pipeDelimited", "explode": False, "allowReserved": True},
                },
            },
            "application/jsonl": {"itemSchema": True},
        },
    }
    content = f"{AT}/content"
    multipart = f"{content}/multipart~1form-data"
    header = Node({"schema": {}}, "", f"{multipart}/encoding/file/headers/X-A")
    assert body(entry) == RequestBody(
        required=True,
        description="What",
        content=(
            MediaType(
                "application/json",
                Node({"type": "object"}, "", f"{content}/application~1json/schema"),
                example=Node({"a": 1}, "", f"{content}/application~1json/example"),
            ),
            MediaType(
                "multipart/form-data",
                Node({"type": "object"}, "", f"{multipart}/schema"),
                {
                    "file": Encoding(content_type="image/png", headers={"X-A": header}),
                    "list": Encoding(style=Style.PIPE_DELIMITED, explode=False, allow_reserved=True),
                },
            ),
            MediaType(
                "application/jsonl", None, item_schema=Node(True, "", f"{content}/application~1jsonl/itemSchema")
            ),
        ),
        pointer=AT,
    )
    assert codes(entry) == ["reference.unresolved"]


def test_schema_reference_is_kept_as_it_is_written() -> None:
    found = body({"content": {"application/json": {"schema": {"$ref": "#/none"}}}})
    assert found is not None
    assert found.content[0].schema == Node({"$ref": "#/none"}, "", f"{AT}/content/application~1json/schema")


def test_body_and_media_type_behind_references_are_found() -> None:
    components: JSON = {
        "requestBodies": {"B": {"content": {"application/json": {"$ref": "#/components/mediaTypes/M"}}}},
        "mediaTypes": {"M": {"schema": {"type": "integer"}}},
    }
    found = body({"$ref": "#/components/requestBodies/B", "description": "own"}, components=components)
    schema = Node({"type": "integer"}, "", "/components/mediaTypes/M/schema")
    assert found == RequestBody(
        required=False,
        description="own",
        content=(MediaType("application/json", schema),),
        pointer="/components/requestBodies/B",
    )


@pytest.mark.parametrize("broken", [5, "text", [], True])
def test_body_that_is_no_object_is_left_out(broken: JSON) -> None:
    assert body(broken) is None
    assert codes(broken) == ["body.malformed"]


def test_null_is_no_body() -> None:
    assert body(None) is None
    assert codes(None) == []


@pytest.mark.parametrize("content", [None, {}, {"x-note": 1}])
def test_body_without_a_media_type_is_json(content: JSON) -> None:
    found = body({"required": True, "content": content})
    assert found == RequestBody(True, "", (MediaType("application/json", None),), AT)
    assert codes({"content": content}) == ["body.no_content"]


def test_unreadable_media_types_are_left_out_and_the_operation_with_the_last_required_one() -> None:
    entry: dict[str, JSON] = {
        "content": {"application/json": {"$ref": "#/none"}, "bad\r\ntype": {}, "text/plain": None}
    }
    found = body(entry)
    assert found is not None
    assert [media.content_type for media in found.content] == ["text/plain"]
    assert codes(entry) == ["reference.unresolved", "content.malformed"]

    lost: dict[str, JSON] = {"content": {"application/json": {"$ref": "#/none"}}}
    assert body(lost) is None
    assert codes(lost) == ["reference.unresolved", "body.malformed"]
    document = read(openapi({"/x": {"post": {"requestBody": {**lost, "required": True}}}}))
    assert (document.operations, problems(document)[1]) == ((), ("body.malformed", AT, "POST /x"))


@pytest.mark.parametrize(
    ("media", "code"),
    [
        ("text", "content.malformed"),
        ({"schema": 5}, "schema.malformed"),
        ({"encoding": []}, "encoding.malformed"),
        ({"encoding": {"a": {"style": "strange"}}}, "encoding.style_unknown"),
        ({"itemEncoding": {}}, "encoding.positional"),
    ],
)
def test_broken_parts_of_a_media_type_are_left_out(media: JSON, code: str) -> None:
    found = body({"content": {"multipart/mixed": media}})
    assert found is not None
    assert found.content[0].content_type == "multipart/mixed"
    assert codes({"content": {"multipart/mixed": media}}) == [code]


def test_content_that_is_no_object_is_ignored() -> None:
    assert body({"content": ["application/json"]}) is None
    assert codes({"content": ["application/json"]}) == ["content.malformed", "body.malformed"]


def test_unresolved_body_costs_the_operation() -> None:
    document = read(openapi({"/x": {"post": {"requestBody": {"$ref": "#/none"}}, "get": {}}}))
    assert [operation.key for operation in document.operations] == ["GET /x"]
    assert problems(document) == [("reference.unresolved", AT, "POST /x")]


def test_get_and_delete_may_have_bodies() -> None:
    entry: JSON = {"requestBody": {"content": {"application/json": {}}}}
    document = read(openapi({"/x": {"get": entry, "delete": entry, "head": entry}}))
    assert [operation.body is not None for operation in document.operations] == [True, True, True]


def test_responses_are_read_by_status() -> None:
    at = "/paths/~1x/get/responses"
    found = responses(
        {
            "200": {"description": "Yes", "content": {"application/json": {"schema": {"type": "object"}}}},
            "4xx": {"description": "No"},
            "default": {"$ref": "#/components/responses/R"},
            "x-note": 1,
        },
        components={"responses": {"R": {"description": "Else"}}},
    )
    schema = Node({"type": "object"}, "", f"{at}/200/content/application~1json/schema")
    assert found == (
        Response("200", "Yes", (MediaType("application/json", schema),)),
        Response("4xx", "No", ()),
        Response("default", "Else", ()),
    )


@pytest.mark.parametrize("broken", [5, "text", ["200"]])
def test_responses_that_are_no_object_are_ignored(broken: JSON) -> None:
    assert responses(broken) == ()


def test_broken_responses_cost_nothing() -> None:
    entry: JSON = {"200": "fine", "201": None, "20": {}, "default": {"$ref": "#/none"}}
    document = read(openapi({"/x": {"get": {"responses": entry}}}))
    assert document.operations[0].responses == (Response("200", "", ()), Response("201", "", ()))
    assert [code for code, _, _ in problems(document)] == [
        "responses.malformed",
        "responses.malformed",
        "reference.unresolved",
    ]
