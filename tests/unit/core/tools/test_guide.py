"""The index stays within its bound and says what it leaves out."""

import msgspec
import pytest

from apifold.core.tools.compiler import compile_tools
from apifold.core.tools.guide import PAGE_BYTES, index, instructions, operation_page
from apifold.core.values import JSON, JSONObject
from support.documents import openapi, read


def many(count: int, **members: JSON) -> JSONObject:
    operation: JSONObject = {"summary": "Überaus nützlich " * 20, "responses": {"200": {"description": "ok"}}}
    return openapi({f"/things/{n}": {"get": {**operation, "tags": [f"t{n % 7}"]}} for n in range(count)}, **members)


@pytest.mark.parametrize(("count", "limit"), [(0, 50_000), (3, 50_000), (2_000, 50_000), (2_000, 2_000), (50, 500)])
def test_index_stays_within_its_bytes_and_counts_what_is_left_out(count: int, limit: int) -> None:
    document = read(many(count))
    tools = compile_tools(document).tools
    text = index(document, tools, server="https://api.test", limit=limit)
    shown = sum(line.startswith("- get") for line in text.splitlines())
    assert len(text.encode()) <= limit
    if shown < count:
        assert f"\n{count - shown:,} of {count:,} operations are not shown here" in text
    else:
        assert "not shown" not in text


def test_text_of_the_document_cannot_pose_as_structure() -> None:
    document = read(openapi({"/x": {"get": {"summary": "a\n## Fake\n- evil: GET /\u202e", "responses": {}}}}))
    assert "\n## Fake" not in index(document, compile_tools(document).tools, server="")


def test_page_without_room_for_its_answers_says_so() -> None:
    schema: JSON = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "description": "x" * 400} for n in range(400)},
    }
    responses: JSON = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
    document = read(openapi({"/x": {"get": {"responses": responses}}}))
    catalogue = compile_tools(document)
    page = operation_page(document, catalogue.tools[0], catalogue.input(catalogue.tools[0]), server="")
    assert len(msgspec.json.encode(page)) < PAGE_BYTES
    assert page["responses"] == {
        "200": {"description": "ok", "content": {"application/json": {"schema": "left out for its size"}}}
    }


def test_schema_that_refers_to_itself_ends() -> None:
    schemas: JSON = {"A": {"allOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}]}}
    responses: JSON = {
        "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    }
    document = read(openapi({"/x": {"get": {"responses": responses}}}, components={"schemas": schemas}))
    catalogue = compile_tools(document)
    page = operation_page(document, catalogue.tools[0], catalogue.input(catalogue.tools[0]), server="")
    assert len(msgspec.json.encode(page)) < PAGE_BYTES


def test_instructions_begin_with_what_matters_whatever_the_description() -> None:
    document = read(openapi({}, info={"title": "T" * 500, "version": "1", "description": "d " * 5_000}))
    text = instructions(document, (), server="https://" + "h" * 600)
    assert len(text) <= 512
    assert text.startswith("TTT")
    for needed in ("`body`", "openapi://spec", "openapi://operations/{name}", "smaller pages"):
        assert needed in text


@pytest.mark.parametrize("length", [0, 20, 100, 1_000])
def test_instructions_say_of_the_api_what_there_is_room_for(length: int) -> None:
    about = ("words " * 200)[:length].strip()
    document = read(openapi({}, info={"title": "Shop", "version": "1", "description": about}))
    text = instructions(document, (), server="https://api.test")
    assert len(text) <= 512
    assert about[:100] in text


def test_page_of_an_operation_with_a_huge_schema_stays_within_its_bytes() -> None:
    names: dict[str, JSON] = {f"property_{n:05}": {"type": "string", "enum": ["x" * 100]} for n in range(2_000)}
    body: JSON = {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "required": [*names], "properties": names}}},
    }
    document = read(openapi({"/x": {"post": {"requestBody": body, "responses": {}}}}))
    catalogue = compile_tools(document)
    page = operation_page(document, catalogue.tools[0], catalogue.input(catalogue.tools[0]), server="")
    assert len(msgspec.json.encode(page)) < PAGE_BYTES
    assert page["arguments"] == {"body": {"in": "body", "name": "body", "required": True}}
