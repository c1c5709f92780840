"""One source schema, one schema for clients: what each construct becomes. Sizes and cuts are in `test_budget`."""

import pytest

from apifold.core.tools.members import BINARY
from apifold.core.tools.model import Renames
from apifold.core.values import JSON, JSONObject
from support.tools import body_input, body_schema, codes, document_of, input_of

TEXT: JSONObject = {"type": "string"}
NULL: JSONObject = {"type": "null"}


def obj(properties: JSONObject, *required: str, **more: JSON) -> JSONObject:
    found: JSONObject = {"type": "object", "properties": properties}
    return {**found, **({"required": [*required]} if required else {}), **more}


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "source", "portable"),
    [
        ("3.1.0", {}, {}),
        ("3.1.0", True, {}),
        (
            "3.1.0",
            {"type": "string", "minLength": 1, "maxLength": 5},
            {"type": "string", "minLength": 1, "maxLength": 5},
        ),
        (
            "3.0.3",
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 1},
        ),
        ("3.0.3", {"type": "integer", "minimum": 1, "exclusiveMinimum": False}, {"type": "integer", "minimum": 1}),
        ("3.1.0", {"type": "integer", "format": "int64", "maximum": 2**63 - 1}, {"type": "integer"}),
        ("3.1.0", {"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}),
        ("3.1.0", {"type": "string", "format": "ipv4"}, {"type": "string", "description": "Format: ipv4."}),
        ("3.1.0", {"type": "string", "format": "byte"}, {"type": "string", "description": "Base64."}),
        ("3.1.0", {"type": "number", "multipleOf": 0.01}, {"type": "number", "description": "Multiple of 0.01."}),
        ("3.1.0", {"const": 3}, {"type": "integer", "enum": [3]}),
        ("3.1.0", {"enum": ["a", "b", "a"]}, {"type": "string", "enum": ["a", "b"]}),
        ("3.1.0", {"type": "string", "enum": [1, True]}, {"type": "string", "enum": ["1", "true"]}),
        ("3.1.0", {"type": "integer", "enum": ["1", "x"]}, {"type": "integer", "enum": [1]}),
        (
            "3.1.0",
            {"enum": ["a", 1]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}]},
        ),
        ("3.1.0", {"type": "array"}, {"type": "array", "items": {}}),
        ("3.1.0", {"items": {"type": "string"}}, {"type": "array", "items": TEXT}),
        (
            "3.1.0",
            {"type": "array", "enum": ["a", "b"]},
            {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        ),
        (
            "3.1.0",
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "items": {"anyOf": [TEXT, {"type": "integer"}]}},
        ),
        ("3.1.0", {"type": "object"}, {**obj({}), "additionalProperties": True}),
        ("3.1.0", {"type": "object", "additionalProperties": False}, {**obj({}), "additionalProperties": False}),
        ("3.1.0", {"properties": {"a": {"type": "string"}}}, obj({"a": TEXT})),
        (
            "3.1.0",
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {**obj({}), "additionalProperties": {"type": "integer"}},
        ),
        (
            "3.1.0",
            {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
            {**obj({}), "additionalProperties": TEXT},
        ),
        ("3.1.0", {"type": "string", "default": "a"}, {"type": "string", "default": "a"}),
        ("3.1.0", {"type": "string", "default": 3}, {"type": "string"}),
        ("3.1.0", {"type": "string", "enum": ["a"], "default": "b"}, {"type": "string", "enum": ["a"]}),
    ],
)
def test_value_is_said_in_words_that_every_client_has(version: str, source: JSON, portable: JSON) -> None:
    assert body_schema(source, version=version) == portable


@pytest.mark.parametrize(
    ("version", "source", "portable"),
    [
        ("3.0.3", {"type": "string", "nullable": True}, {"anyOf": [TEXT, NULL]}),
        ("3.0.3", {"type": "string", "nullable": False}, TEXT),
        ("3.0.3", {"type": "string", "x-nullable": True}, {"anyOf": [TEXT, NULL]}),
        ("3.1.0", {"type": ["string", "null"]}, {"anyOf": [TEXT, NULL]}),
        ("3.1.0", {"type": ["string", "integer", "null"]}, {"anyOf": [TEXT, {"type": "integer"}, NULL]}),
        ("3.1.0", {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [TEXT, NULL]}),
        (
            "3.0.3",
            {"type": "string", "nullable": True, "enum": ["a"], "description": "Which."},
            {"anyOf": [{"type": "string", "enum": ["a"]}, NULL], "description": "Which."},
        ),
        ("3.0.3", {"type": "string", "enum": ["a", None]}, {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}),
        ("3.1.0", {"type": "null"}, NULL),
        ("3.0.3", {"allOf": [{"type": "string"}], "nullable": True}, {"anyOf": [TEXT, NULL]}),
        ("3.0.3", {"allOf": [{"type": "string", "nullable": True}, {"type": "string"}]}, TEXT),
        ("3.0.3", {"oneOf": [{"type": "string"}, {"nullable": True}]}, {"anyOf": [TEXT, NULL]}),
    ],
)
def test_null_stands_beside_the_type_whatever_way_it_was_allowed(version: str, source: JSON, portable: JSON) -> None:
    assert body_schema(source, version=version) == portable


@pytest.mark.parametrize(
    ("source", "portable"),
    [
        ({"type": "int"}, {"type": "integer"}),
        ({"type": "String"}, TEXT),
        ({"type": "uuid"}, {"type": "string", "format": "uuid"}),
        ({"type": "nonsense"}, {}),
        ({"type": 3}, {}),
        ({"type": "string", "enum": []}, TEXT),
        ({"type": "string", "enum": "a"}, TEXT),
        ({"type": "integer", "minimum": "1"}, {"type": "integer", "minimum": 1}),
        ({"type": "integer", "minimum": 5, "maximum": 1}, {"type": "integer"}),
        ({"type": "string", "minLength": -1, "maxLength": "x"}, TEXT),
        ({"type": "object", "required": "a"}, {**obj({}), "additionalProperties": True}),
        ({"type": "object", "properties": {"a": {"type": "string", "required": True}}}, obj({"a": TEXT}, "a")),
        ({"type": "object", "properties": ["a"]}, {**obj({}), "additionalProperties": True}),
        ({"type": "object", "properties": {"a": "string"}}, obj({"a": {}})),
    ],
)
def test_slip_of_the_pen_is_repaired_or_dropped_and_named(source: JSON, portable: JSON) -> None:
    built = body_input(source)
    assert built.schema["properties"] == {"body": portable}
    assert "schema.repaired" in codes(built) or source in (
        {"type": "uuid"},
        {"type": "integer", "minimum": "1"},
    )


def test_required_name_without_a_property_is_one_that_takes_anything() -> None:
    assert body_schema({"type": "object", "required": ["a"]}) == obj({"a": {}}, "a")
    typed: JSON = {"type": "object", "required": ["a"], "additionalProperties": {"type": "string"}}
    assert body_schema(typed) == {**obj({"a": TEXT}, "a"), "additionalProperties": TEXT}


def test_words_that_are_not_for_models_are_left_out() -> None:
    source: JSON = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "x",
        "$anchor": "y",
        "$comment": "z",
        "type": "string",
        "xml": {"name": "a"},
        "externalDocs": {"url": "https://example.com"},
        "x-mcp-header": "Region",
        "writeOnly": True,
        "contentMediaType": "text/plain",
    }
    assert body_schema(source) == TEXT


def test_description_holds_example_deprecation_and_what_no_keyword_says() -> None:
    source: JSON = {
        "type": "string",
        "description": "The <b>name</b>.",
        "pattern": "(?=a)b",
        "deprecated": True,
        "example": "ab",
    }
    assert body_schema(source) == {
        "type": "string",
        "description": "Deprecated. The name. Pattern: (?=a)b Example: ab",
    }


def test_title_stands_in_for_a_description_only_when_it_is_more_than_a_name() -> None:
    assert body_schema({"type": "string", "title": "Name"}) == TEXT
    assert body_schema({"type": "string", "title": "The given name"}) == {
        "type": "string",
        "description": "The given name",
    }


def test_what_only_the_server_sets_is_not_asked_for() -> None:
    source = obj(
        {"id": {"type": "string", "readOnly": True}, "name": TEXT, "at": {"$ref": "#/components/schemas/At"}},
        "id",
        "name",
    )
    built = body_input(source, {"At": {"type": "string", "readOnly": True}})
    assert built.schema["properties"] == {"body": obj({"name": TEXT}, "name")}
    assert codes(built) == ["schema.read_only"]


def test_property_that_one_declaration_lets_a_caller_set_stays() -> None:
    source: JSON = {"allOf": [obj({"a": {"type": "string", "readOnly": True}}), obj({"a": {"maxLength": 3}})]}
    assert body_schema(source) == obj({"a": {"type": "string", "maxLength": 3}})


# --- references and allOf ---------------------------------------------------------------------------------------------


def test_references_are_inlined_also_across_escapes_and_siblings() -> None:
    schemas: JSONObject = {
        "a/b": {"type": "string", "description": "Inner."},
        "B": {"$ref": "#/components/schemas/a~1b"},
    }
    source = obj(
        {"x": {"$ref": "#/components/schemas/B"}, "y": {"$ref": "#/components/schemas/B", "description": "Own."}}
    )
    assert body_schema(source, schemas) == obj(
        {"x": {"type": "string", "description": "Inner."}, "y": {"type": "string", "description": "Own."}}
    )


@pytest.mark.parametrize(("version", "length"), [("3.0.3", {}), ("3.1.0", {"maxLength": 3})])
def test_siblings_of_a_reference_constrain_only_where_the_version_says_so(version: str, length: JSONObject) -> None:
    source: JSON = {"$ref": "#/components/schemas/A", "maxLength": 3}
    assert body_schema(source, {"A": TEXT}, version=version) == {**TEXT, **length}


def test_reference_to_nowhere_takes_anything_and_is_named() -> None:
    built = body_input(obj({"a": {"$ref": "#/components/schemas/Missing"}, "b": TEXT}))
    assert built.schema["properties"] == {"body": obj({"a": {}, "b": TEXT})}
    assert codes(built) == ["schema.unresolved"]


def test_all_of_is_merged_at_any_depth_and_the_tightest_rule_counts() -> None:
    source: JSON = {
        "description": "Whole.",
        "allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"allOf": [obj({"n": {"maximum": 5, "minLength": 2}, "m": {"enum": ["a", "b"]}}, "n")]},
            {"required": ["m"], "properties": {"m": {"type": "string", "enum": ["b", "c"]}}},
        ],
    }
    base = obj({"n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Number."}, "z": TEXT}, "z")
    assert body_schema(source, {"Base": base}) == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 5, "description": "Number."},
            "z": TEXT,
            "m": {"type": "string", "enum": ["b"]},
        },
        "required": ["n", "z", "m"],
        "description": "Whole.",
    }


def test_parts_that_contradict_each_other_are_named_and_the_first_counts() -> None:
    built = body_input({"allOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": ["b"]}]})
    assert built.schema["properties"] == {"body": {"type": "string", "enum": ["a"]}}
    assert codes(built) == ["schema.conflict", "schema.rewritten"]


# --- alternatives -----------------------------------------------------------------------------------------------------


def test_one_of_becomes_any_of_with_what_is_shared_in_each() -> None:
    source: JSON = {
        **obj({"kind": TEXT}, "kind"),
        "oneOf": [obj({"a": TEXT}, "a"), obj({"b": {"type": "integer"}})],
        "description": "Either.",
    }
    assert body_schema(source) == {
        "anyOf": [
            obj({"kind": TEXT, "a": TEXT}, "kind", "a"),
            obj({"kind": TEXT, "b": {"type": "integer"}}, "kind"),
        ],
        "description": "Either.",
    }


@pytest.mark.parametrize(
    ("source", "portable"),
    [
        ({"anyOf": [{"type": "string"}]}, TEXT),
        ({"anyOf": [{"type": "string"}, {"type": "string"}]}, TEXT),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"type": "string", "enum": ["a", "b"]}),
        (
            {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "boolean"}]},
            {"anyOf": [TEXT, {"type": "integer"}, {"type": "boolean"}]},
        ),
        (
            {"type": "string", "oneOf": [{"format": "uuid"}, {"maxLength": 3}]},
            {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "maxLength": 3}]},
        ),
        ({"anyOf": []}, {}),
    ],
)
def test_alternatives_are_as_few_as_possible(source: JSON, portable: JSON) -> None:
    assert body_schema(source) == portable


def test_alternatives_that_only_require_names_are_words() -> None:
    either: JSON = [{"required": ["a"]}, {"type": "object", "required": ["b"]}]
    assert body_schema({**obj({"a": TEXT, "b": TEXT}), "anyOf": either}) == {
        **obj({"a": TEXT, "b": TEXT}),
        "description": "Give a; or b.",
    }


def test_alternative_that_only_constrains_leaves_the_rest_as_it_is() -> None:
    source: JSON = {**obj({"a": TEXT}), "anyOf": [{"required": ["a"]}, obj({"b": TEXT}, "b")]}
    assert body_schema(source) == {"anyOf": [obj({"a": TEXT, "b": TEXT}, "b"), obj({"a": TEXT})]}


PETS: JSONObject = {
    "Dog": obj({"kind": TEXT, "bark": TEXT}),
    "Cat": obj({"kind": TEXT, "meow": TEXT}),
}
DOG = obj({"kind": {"type": "string", "enum": ["dog", "hound"]}, "bark": TEXT}, "kind")
CAT = obj({"kind": {"type": "string", "enum": ["Cat"]}, "meow": TEXT}, "kind")


def test_discriminator_ties_its_property_to_each_alternative() -> None:
    source: JSON = {
        "oneOf": [{"$ref": "#/components/schemas/Dog"}, {"$ref": "#/components/schemas/Cat"}],
        "discriminator": {"propertyName": "kind", "mapping": {"dog": "#/components/schemas/Dog", "hound": "Dog"}},
    }
    assert body_schema(source, PETS) == {"anyOf": [DOG, CAT]}


@pytest.mark.parametrize("mapping", [{"dog": "Dog", "cat": "#/components/schemas/Cat"}, {}])
def test_base_that_only_has_a_discriminator_leads_to_its_subtypes(mapping: JSONObject) -> None:
    base: JSON = {**obj({"kind": TEXT}, "kind"), "discriminator": {"propertyName": "kind", "mapping": mapping}}
    inherit: JSON = {"$ref": "#/components/schemas/Pet"}
    schemas: JSONObject = {
        "Pet": base,
        "Dog": {"allOf": [inherit, obj({"bark": TEXT})]},
        "Cat": {"allOf": [inherit, obj({"meow": TEXT})]},
    }
    dog, cat = ("dog", "cat") if mapping else ("Dog", "Cat")
    assert body_schema({"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}, schemas) == {
        "type": "array",
        "items": {
            "anyOf": [
                obj({"kind": {"type": "string", "enum": [dog]}, "bark": TEXT}, "kind"),
                obj({"kind": {"type": "string", "enum": [cat]}, "meow": TEXT}, "kind"),
            ]
        },
    }
    assert body_schema({"$ref": "#/components/schemas/Dog"}, schemas) == obj({"kind": TEXT, "bark": TEXT}, "kind")


def test_base_of_alternatives_is_not_opened_again_on_behalf_of_one() -> None:
    base: JSON = {
        **obj({"id": TEXT}),
        "oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
    }
    schemas: JSONObject = {
        "Base": base,
        "A": {"allOf": [{"$ref": "#/components/schemas/Base"}, obj({"a": TEXT})]},
        "B": obj({"b": TEXT}),
    }
    assert body_schema({"$ref": "#/components/schemas/Base"}, schemas) == {
        "anyOf": [obj({"id": TEXT, "a": TEXT}), obj({"id": TEXT, "b": TEXT})]
    }


# --- bytes ------------------------------------------------------------------------------------------------------------

FILE = "A file: an object with base64 `content`, a data: URI, or bare base64."


@pytest.mark.parametrize(
    ("media", "source", "portable"),
    [
        ("application/octet-stream", {"type": "string", "format": "binary"}, {**BINARY, "description": FILE}),
        ("application/octet-stream", {}, {**BINARY, "description": FILE}),
        ("image/png", {"type": "string"}, {**BINARY, "description": FILE}),
        ("application/octet-stream", TEXT, TEXT),
        ("application/xml", obj({"a": TEXT}), {"type": "string", "description": "XML text."}),
        ("text/plain", {"type": "string", "maxLength": 9}, {"type": "string", "maxLength": 9}),
        ("text/csv", obj({"a": TEXT}), TEXT),
        ("application/x-ndjson", {"type": "array", "items": TEXT}, {"type": "array", "items": TEXT}),
    ],
)
def test_body_that_is_not_json_is_shown_as_what_a_model_can_give(media: str, source: JSON, portable: JSON) -> None:
    assert body_schema(source, media=media) == portable


def test_files_stand_among_other_properties() -> None:
    source = obj(
        {
            "file": {"type": "string", "format": "binary", "description": "Photo."},
            "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
        "file",
    )
    assert body_schema(source, media="multipart/form-data") == obj(
        {
            "file": {**BINARY, "description": f"Photo. {FILE}"},
            "more": {"type": "array", "items": {**BINARY, "description": FILE}},
        },
        "file",
    )


def test_encoding_of_a_part_can_say_that_it_is_a_file() -> None:
    schema: JSON = {"type": "object", "properties": {"photo": {}, "name": {}, "raw": TEXT}}
    encoding: JSON = {"photo": {"contentType": "image/png, image/jpeg"}, "raw": {"contentType": "text/plain"}}
    content: JSON = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    built = input_of(document_of({"requestBody": {"content": content}}))
    assert built.schema["properties"] == {
        "body": obj({"photo": {**BINARY, "description": FILE}, "name": {}, "raw": TEXT})
    }


def test_encoding_makes_files_behind_references_and_in_lists_too() -> None:
    schema: JSON = {
        "allOf": [{"properties": {"photo": TEXT, "more": {"type": "array", "items": TEXT}, "meta": {"type": "object"}}}]
    }
    encoding: JSON = {name: {"contentType": "image/*"} for name in ("photo", "more", "meta")}
    content: JSON = {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Upload"}, "encoding": encoding}}
    document = document_of({"requestBody": {"content": content}}, components={"schemas": {"Upload": schema}})
    body = input_of(document).schema["properties"]
    assert body == {
        "body": obj(
            {
                "photo": {**BINARY, "description": FILE},
                "more": {"type": "array", "items": {**BINARY, "description": FILE}},
                "meta": {**obj({}), "additionalProperties": True},
            }
        )
    }


def test_body_without_a_schema_takes_what_its_media_type_can_hold() -> None:
    assert input_of(document_of({"requestBody": {"content": {"application/json": {}}}})).schema["properties"] == {
        "body": {}
    }
    form: JSON = {"application/x-www-form-urlencoded": {}}
    assert input_of(document_of({"requestBody": {"content": form}})).schema["properties"] == {
        "body": {**obj({}), "additionalProperties": True}
    }


# --- parameters -------------------------------------------------------------------------------------------------------


def test_parameter_speaks_before_its_schema() -> None:
    listed: JSON = [
        {
            "in": "query",
            "name": "a",
            "description": "Of the parameter.",
            "example": "x1",
            "schema": {"$ref": "#/components/schemas/A"},
        },
        {"in": "query", "name": "b", "deprecated": True, "schema": {"$ref": "#/components/schemas/A"}},
        {"in": "query", "name": "c", "content": {"application/json": {"schema": obj({"d": TEXT})}}},
    ]
    document = document_of(
        {"parameters": listed}, components={"schemas": {"A": {"type": "string", "description": "Of the schema."}}}
    )
    assert input_of(document).schema == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "Of the parameter. Example: x1"},
            "b": {"type": "string", "description": "Deprecated. Of the schema."},
            "c": obj({"d": TEXT}),
        },
        "additionalProperties": False,
    }


def test_optional_parameter_is_left_out_rather_than_null() -> None:
    nullable: JSON = {"anyOf": [TEXT, NULL]}
    listed: JSON = [
        {"in": "query", "name": "optional", "schema": nullable},
        {"in": "query", "name": "required", "required": True, "schema": nullable},
        {"in": "query", "name": "content", "content": {"application/json": {"schema": nullable}}},
        {"in": "query", "name": "items", "schema": {"type": "array", "items": nullable}},
    ]
    assert input_of(document_of({"parameters": listed})).schema["properties"] == {
        "optional": TEXT,
        "required": nullable,
        "content": nullable,
        "items": {"type": "array", "items": nullable},
    }


# --- names ------------------------------------------------------------------------------------------------------------


def test_illegal_keys_are_renamed_at_every_level_with_a_way_back() -> None:
    inner = obj({"@type": TEXT, "plain": TEXT}, "@type")
    source = obj(
        {
            "$filter": inner,
            "list": {"type": "array", "items": inner},
            "map": {"type": "object", "additionalProperties": inner},
        }
    )
    built = body_input(source)
    renamed = obj({"type": TEXT, "plain": TEXT}, "type")
    assert built.schema["properties"] == {
        "body": obj(
            {
                "filter": renamed,
                "list": {"type": "array", "items": renamed},
                "map": {**obj({}), "additionalProperties": renamed},
            }
        )
    }
    below = Renames({"type": "@type"})
    assert built.renames == {
        "body": Renames(
            {"filter": "$filter"},
            {"$filter": below, "list": Renames(items=below), "map": Renames(additional=below)},
        )
    }
    assert codes(built) == ["schema.keys_renamed"]


def test_alternatives_share_one_set_of_names() -> None:
    source: JSON = {"anyOf": [obj({"$id": TEXT}), obj({"id": TEXT, "$id": TEXT})]}
    built = body_input(source)
    (legal,) = built.renames["body"].keys
    assert legal != "id"
    assert built.renames["body"] == Renames({legal: "$id"})
    assert built.schema["properties"] == {"body": {"anyOf": [obj({legal: TEXT}), obj({"id": TEXT, legal: TEXT})]}}


def test_harmless_rewrites_of_a_tool_are_one_note() -> None:
    source: JSON = obj(
        {"a": {"oneOf": [TEXT, {"type": "integer"}]}, "b": {"not": {"type": "string"}, "type": "object"}}
    )
    built = body_input(source)
    assert [(one.code, one.severity.value, one.pointer, one.operation) for one in built.diagnostics] == [
        ("schema.rewritten", "note", "/paths/~1x/post", "POST /x")
    ]
    assert built.diagnostics[0].message.endswith(": not, oneOf")
