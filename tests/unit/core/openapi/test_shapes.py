"""The outer shape of a schema: a hint that never raises, never loops and never says more than the schema."""

import pytest

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import (
    ANYTHING,
    JSON_TYPES,
    Shape,
    is_binary_schema,
    is_text_media,
    json_type,
    property_shape,
    shape_of,
)
from apifold.core.values import JSON, JSONObject


def resolver(**schemas: JSON) -> Resolver:
    return Resolver({"": {"components": {"schemas": schemas}}})


def shape(schema: JSON, **schemas: JSON) -> Shape:
    return shape_of(resolver(**schemas), Node(schema, "", "/schema"))


def reference(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": "number"}, {"number", "integer"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        ({"type": "string", "nullable": True}, {"string", "null"}),
        ({"nullable": True}, JSON_TYPES),
        ({"type": "file"}, {"string"}),
        ({"type": "nonsense"}, JSON_TYPES),
        ({"type": 7}, JSON_TYPES),
        ({}, JSON_TYPES),
        (True, JSON_TYPES),
        (None, JSON_TYPES),
        ({"properties": {}}, {"object"}),
        ({"additionalProperties": {}}, {"object"}),
        ({"additionalProperties": False}, JSON_TYPES),
        ({"items": {}}, {"array"}),
        ({"format": "binary"}, {"string"}),
        ({"enum": ["a", None]}, {"string", "null"}),
        ({"const": 1}, {"integer"}),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, {"string", "object"}),
        ({"oneOf": [{"type": "string"}, {}]}, JSON_TYPES),
        ({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"object"}),
        ({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]}, {"string"}),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, {"integer"}),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, JSON_TYPES),
        (reference("Text"), {"string"}),
        ({**reference("Text"), "nullable": True}, {"string", "null"}),
        (reference("Nowhere"), JSON_TYPES),
    ],
)
def test_types_are_those_that_a_value_may_have(schema: JSON, types: set[str]) -> None:
    assert shape(schema, Text={"type": "string"}).types == types


def test_questions_about_types() -> None:
    text = shape({"type": ["string", "null"]})
    assert (text.may_be("null"), text.is_typed, text.may_be("string"), text.may_be("object")) == (
        True,
        True,
        True,
        False,
    )
    assert text.is_only("string")
    assert not text.is_only("object")
    assert (ANYTHING.may_be("null"), ANYTHING.is_typed, ANYTHING.is_only("string")) == (True, False, False)


def test_properties_come_from_every_composition() -> None:
    schema: JSON = {
        "required": ["a"],
        "properties": {"a": {"type": "string"}},
        "allOf": [{"properties": {"b": {}}, "required": ["b"]}, reference("Base")],
        "oneOf": [{"properties": {"a": {"type": "integer"}, "d": {}}, "required": ["d"]}, {"properties": {"e": {}}}],
    }
    found = shape(schema, Base={"properties": {"c/x": {}}, "required": ["c/x", 7]})
    assert list(found.properties) == ["a", "b", "c/x", "d", "e"]
    assert [node.pointer for node in found.properties["a"]] == ["/schema/properties/a", "/schema/oneOf/0/properties/a"]
    assert property_shape(found, "a", resolver()).types == {"string", "integer"}
    assert property_shape(found, "unknown", resolver()) == ANYTHING


def test_pointers_are_escaped() -> None:
    assert shape({"properties": {"a/b~c": {}}}).properties["a/b~c"][0].pointer == "/schema/properties/a~1b~0c"


def test_items_and_additional_properties_are_kept_as_nodes() -> None:
    found = shape({"items": {"type": "string"}, "additionalProperties": {"type": "integer"}})
    assert shape_of(resolver(), *found.items).types == {"string"}
    assert property_shape(found, "any", resolver()).types == {"integer"}


@pytest.mark.parametrize(
    ("schema", "binary"),
    [
        ({"type": "string", "format": "binary"}, True),
        ({"type": ["string", "null"], "format": "binary"}, True),
        ({"format": "binary"}, True),
        ({"type": "file"}, True),
        ({"contentMediaType": "image/png"}, True),
        ({"type": "string", "contentMediaType": "application/octet-stream"}, True),
        ({"type": "string", "contentMediaType": "application/json"}, False),
        ({"type": "string", "contentMediaType": "text/html; charset=utf-8"}, False),
        ({"contentMediaType": "image/png", "contentEncoding": "base64"}, False),
        ({"type": "string", "format": "byte"}, False),
        ({"type": "string"}, False),
        ({"type": "array", "format": "binary"}, False),
        ({}, False),
    ],
)
def test_a_schema_of_bytes_is_told_from_one_of_text(schema: JSONObject, binary: bool) -> None:
    assert is_binary_schema(schema) is binary
    assert shape(schema).binary is binary
    assert shape({"allOf": [reference("It")], "description": "x"}, It=schema).binary is binary


@pytest.mark.parametrize("name", ["text/csv", "application/json", "application/vnd.api+json", "image/svg+xml"])
def test_text_media_are_characters(name: str) -> None:
    assert is_text_media(name)
    assert not is_text_media("application/pdf")


def test_a_schema_that_is_met_again_says_the_same() -> None:
    twice: JSON = {"anyOf": [reference("Text"), reference("Text")]}
    assert shape(twice, Text={"type": "string"}).types == {"string"}


def test_recursion_ends() -> None:
    tree: JSONObject = {"allOf": [reference("Tree")], "anyOf": [reference("Tree"), {"type": "object"}]}
    assert shape(reference("Tree"), Tree=tree).types == JSON_TYPES
    loop = shape(reference("A"), A=reference("B"), B=reference("A"))
    assert loop.types == JSON_TYPES


def test_very_deep_and_very_wide_schemas_are_read_in_part() -> None:
    deep: JSON = {"type": "string"}
    for _ in range(500):
        deep = {"allOf": [deep]}
    assert shape(deep).types == JSON_TYPES
    wide: JSON = {"anyOf": [{"type": "string", "title": str(number)} for number in range(5_000)]}
    assert "string" in shape(wide).types


def test_without_schemas_nothing_is_said() -> None:
    assert shape_of(resolver()) == ANYTHING
    assert shape_of(resolver(), None, None) == ANYTHING


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "boolean"), (1, "integer"), (1.0, "number"), ("", "string"), ([], "array"), ({}, "object")],
)
def test_json_types_of_values(value: JSON, name: str) -> None:
    assert json_type(value) == name
