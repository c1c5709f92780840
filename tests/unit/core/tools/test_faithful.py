import jsonschema_rs
import pytest

from apifold.core.tools.compiler import CompileOptions
from apifold.core.tools.members import BINARY
from apifold.core.tools.model import Profile, ToolInput
from apifold.core.values import JSON, JSONObject
from support.tools import body_input, codes, document_of, input_of

FAITHFUL = CompileOptions(profile=Profile.FAITHFUL)
TEXT: JSONObject = {"type": "string"}


def faithful(schema: JSON, schemas: JSONObject | None = None, version: str = "3.1.0") -> ToolInput:
    return body_input(schema, schemas, version=version, options=FAITHFUL)


def test_references_stay_and_the_tool_carries_the_definitions_it_needs() -> None:
    schemas: JSONObject = {
        "Tree": {
            "type": "object",
            "properties": {
                "$name": TEXT,
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
            },
        },
        "Unused": TEXT,
    }
    built = faithful({"$ref": "#/components/schemas/Tree"}, schemas)
    assert built.schema == {
        "type": "object",
        "properties": {"body": {"$ref": "#/$defs/Tree"}},
        "required": ["body"],
        "additionalProperties": False,
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {"$name": TEXT, "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
            }
        },
    }
    assert built.renames == {}
    assert codes(built) == []
    check = jsonschema_rs.Draft202012Validator(built.schema, offline=True)
    assert check.is_valid({"body": {"$name": "a", "children": [{"children": []}]}})
    assert not check.is_valid({"body": {"children": [{"children": 3}]}})


@pytest.mark.parametrize(
    ("version", "source", "written"),
    [
        ("3.0.3", {"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            "3.0.3",
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        ("3.0.3", {"allOf": [TEXT], "nullable": True}, {"anyOf": [{"allOf": [TEXT]}, {"type": "null"}]}),
        (
            "3.0.3",
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 1},
        ),
        ("3.1.0", {"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ("3.1.0", {"oneOf": [TEXT, {"type": "integer"}]}, {"oneOf": [TEXT, {"type": "integer"}]}),
        ("3.1.0", {"not": {"type": "string"}}, {"not": {"type": "string"}}),
        ("3.1.0", {"if": TEXT, "then": {"maxLength": 3}}, {"if": TEXT, "then": {"maxLength": 3}}),
        ("3.1.0", {"const": 3}, {"enum": [3]}),
        ("3.1.0", {"type": "string", "pattern": "(?=a)b"}, {"type": "string", "pattern": "(?=a)b"}),
        ("3.1.0", {"type": "string", "pattern": "("}, TEXT),
        ("3.1.0", {"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv4"}),
        ("3.1.0", {"type": "string", "format": "binary"}, {**BINARY, "format": "binary"}),
        (
            "3.1.0",
            {"type": "string", "example": "a", "x-internal": 1, "xml": {}},
            {"type": "string", "examples": ["a"]},
        ),
        (
            "3.1.0",
            {"type": "array", "items": [TEXT], "additionalItems": False},
            {"type": "array", "prefixItems": [TEXT], "items": False},
        ),
        ("3.1.0", {"type": "array", "prefixItems": [TEXT]}, {"type": "array", "prefixItems": [TEXT]}),
        ("3.1.0", {"patternProperties": {"^a": TEXT, "(": TEXT}}, {"patternProperties": {"^a": TEXT}}),
        (
            "3.1.0",
            {"type": "object", "additionalProperties": {"type": "int"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        (
            "3.1.0",
            {"type": "string", "readOnly": True, "title": "T"},
            {"type": "string", "readOnly": True, "title": "T"},
        ),
        ("3.1.0", {"dependentRequired": {"a": ["b", "b", 3]}}, {"dependentRequired": {"a": ["b"]}}),
        ("3.1.0", True, {}),
    ],
)
def test_words_of_2020_12_stay_and_others_are_translated(version: str, source: JSON, written: JSON) -> None:
    built = faithful(source, version=version)
    assert built.schema["properties"] == {"body": written}
    jsonschema_rs.Draft202012Validator(built.schema, offline=True)


def test_what_only_the_server_sets_is_not_required_of_a_caller() -> None:
    given: JSON = {"type": "string", "readOnly": True}
    built = faithful({"type": "object", "properties": {"id": given, "name": TEXT}, "required": ["id", "name"]})
    assert built.schema["properties"] == {
        "body": {"type": "object", "properties": {"id": given, "name": TEXT}, "required": ["name"]}
    }


def test_siblings_of_a_reference_stay_where_the_version_gives_them_a_meaning() -> None:
    source: JSON = {"type": "array", "items": {"$ref": "#/components/schemas/A", "maxLength": 3, "description": "Own."}}
    old, new = (faithful(source, {"A": TEXT}, version).schema["properties"] for version in ("3.0.3", "3.1.0"))
    assert old == {"body": {"type": "array", "items": {"$ref": "#/$defs/A", "description": "Own."}}}
    assert new == {"body": {"type": "array", "items": {"$ref": "#/$defs/A", "description": "Own.", "maxLength": 3}}}


def test_definitions_of_one_name_are_told_apart() -> None:
    schemas: JSONObject = {
        "A": {"type": "object", "properties": {"x": {"$ref": "#/components/schemas/B/$defs/A"}}},
        "B": {"$defs": {"A": {"type": "integer"}}},
    }
    definitions = faithful({"$ref": "#/components/schemas/A"}, schemas).schema["$defs"]
    assert isinstance(definitions, dict)
    first, second = definitions
    assert first == "A"
    assert second.startswith("A_")
    assert definitions[second] == {"type": "integer"}


@pytest.mark.parametrize(
    "schemas",
    [
        {"A": {"$ref": "#/components/schemas/A"}},
        {
            "A": {"allOf": [{"$ref": "#/components/schemas/B"}]},
            "B": {"anyOf": [TEXT, {"$ref": "#/components/schemas/A"}]},
        },
        {"A": {"not": {"$ref": "#/components/schemas/A"}}},
    ],
)
def test_schema_that_is_only_itself_cannot_make_a_validator_run_for_ever(schemas: JSONObject) -> None:
    built = faithful({"$ref": "#/components/schemas/A"}, schemas)
    assert "schema.recursive" in codes(built)
    assert jsonschema_rs.Draft202012Validator(built.schema, offline=True).is_valid({"body": "x"})


def test_reference_to_nowhere_takes_anything_and_is_named() -> None:
    built = faithful({"type": "array", "items": {"$ref": "#/components/schemas/Missing"}})
    assert built.schema["properties"] == {"body": {"type": "array", "items": {}}}
    assert codes(built) == ["schema.unresolved"]


def test_parameter_speaks_before_its_schema() -> None:
    listed: JSON = [
        {"in": "query", "name": "a[b]", "description": "Own.", "schema": {"$ref": "#/components/schemas/A"}}
    ]
    document = document_of({"parameters": listed}, components={"schemas": {"A": TEXT}})
    built = input_of(document, FAITHFUL)
    assert built.schema["properties"] == {"a[b]": {"$ref": "#/$defs/A", "description": "Own."}}
    assert built.schema["$defs"] == {"A": TEXT}


def test_media_types_that_differ_are_alternatives() -> None:
    content: JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}, "text/csv": {}}
    document = document_of({"requestBody": {"content": content}}, components={"schemas": {"A": {"type": "object"}}})
    properties = input_of(document, FAITHFUL).schema["properties"]
    assert isinstance(properties, dict)
    assert properties["body"] == {
        "anyOf": [
            {"$ref": "#/$defs/A", "description": "For application/json."},
            {"type": "string", "description": "For text/csv."},
        ]
    }


@pytest.mark.parametrize("around", ["properties", "allOf", "items"])
def test_nesting_beyond_any_reason_is_cut_without_recursing(around: str) -> None:
    schema: JSON = TEXT
    for _ in range(2_000):
        schema = {around: {"a": schema} if around == "properties" else [schema] if around == "allOf" else schema}
    built = faithful(schema)
    assert codes(built) == ["schema.cut"]
    jsonschema_rs.Draft202012Validator(built.schema, offline=True)
