"""Large and recursive schemas: what is shown first, what is cut, and that every cut is named."""

import time

import jsonschema_rs
import msgspec
import pytest

from apifold.core.limits import SCHEMA, SchemaLimits
from apifold.core.tools.compiler import CompileOptions
from apifold.core.tools.model import ToolInput
from apifold.core.values import JSON, JSONObject
from support.portable_rules import violations
from support.schema_paths import tool_paths
from support.tools import body_input, body_schema, codes

SMALL = CompileOptions(schema=SchemaLimits(bytes=4_000))
TEXT: JSONObject = {"type": "string"}


def obj(properties: JSONObject, *required: str) -> JSONObject:
    return {"type": "object", "properties": properties, **({"required": [*required]} if required else {})}


def wide(depth: int, width: int, leaf: JSONObject = TEXT, *required: str) -> JSONObject:
    """An object of objects: `width` properties on each of `depth` levels."""
    below = wide(depth - 1, width, leaf, *required) if depth > 1 else leaf
    return obj({f"p{at}": below for at in range(width)}, *required)


def body(built: ToolInput) -> JSON:
    properties = built.schema["properties"]
    assert isinstance(properties, dict)
    return properties["body"]


def size(built: ToolInput) -> int:
    return len(msgspec.json.encode(built.schema))


def test_what_fits_is_shown_to_the_last_level() -> None:
    built = body_input(wide(6, 2))
    assert len(tool_paths(body(built), None, depth=9)) == 2 + 4 + 8 + 16 + 32 + 64
    assert codes(built) == []


def test_three_levels_stand_whatever_the_budget_and_deeper_ones_as_far_as_there_is_room() -> None:
    built = body_input(wide(5, 4), options=CompileOptions(schema=SchemaLimits(bytes=12_000)))
    paths = tool_paths(body(built), None, depth=9)
    assert sum(len(path) <= 3 for path in paths) == 4 + 16 + 64
    assert 0 < sum(len(path) > 3 for path in paths) < 256 + 1_024
    assert set(codes(built)) == {"schema.cut"}
    assert violations(built.schema) == []


def test_what_is_required_is_never_cut() -> None:
    leaf: JSONObject = {"type": "string", "enum": ["a", "b"]}
    built = body_input(wide(5, 4, leaf, "p1"), options=SMALL)
    paths = tool_paths(body(built), None, depth=9)
    assert ("p1",) * 5 in paths
    here = body(built)
    for _ in range(5):
        assert isinstance(here, dict)
        assert here["required"] == ["p1"]
        assert isinstance(here["properties"], dict)
        here = here["properties"]["p1"]
    assert here == leaf


def test_every_cut_is_named_with_its_place_and_what_is_left_out() -> None:
    source = obj({f"a{at}": obj({"b": obj({"c": {"$ref": "#/components/schemas/Deep"}})}) for at in range(40)})
    built = body_input(source, {"Deep": wide(1, 30)}, options=SMALL)
    cuts = [found for found in built.diagnostics if found.code == "schema.cut"]
    text = msgspec.json.encode(built.schema).decode()
    assert len(cuts) == text.count("(details left out)") > 20
    start = "/paths/~1x/post/requestBody/content/application~1json/schema/properties/a39/properties/b/properties/c"
    assert (cuts[-1].severity, cuts[-1].pointer, cuts[-1].operation) == ("warning", start, "POST /x")
    assert cuts[-1].message.startswith("the schema is large: optional properties of 'c' are left out (p0, p1, p2")


@pytest.mark.parametrize("limit", [2_000, 3_000, 6_000])
def test_descriptions_shrink_until_the_schema_fits(limit: int) -> None:
    leaf: JSONObject = {"type": "string", "description": "Some words that explain this. " * 15}
    source = obj({"top": leaf, "in": obj({"mid": leaf, "in": obj({f"deep{at}": leaf for at in range(15)})})})
    built = body_input(source, options=CompileOptions(schema=SchemaLimits(bytes=limit)))
    assert size(built) <= limit
    assert codes(built) == ["schema.shortened"]
    top = body(built)
    assert isinstance(top, dict)
    assert isinstance(top["properties"], dict)
    shown = top["properties"]["top"]
    assert isinstance(shown, dict)
    assert str(shown["description"]).startswith("Some words that explain this.")


# --- recursion --------------------------------------------------------------------------------------------------------

TREE: JSONObject = {
    "Tree": obj({"name": TEXT, "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}})
}


def test_recursive_schema_is_shown_three_levels_deep_and_then_named() -> None:
    built = body_input({"$ref": "#/components/schemas/Tree"}, TREE)
    cut: JSON = {"type": "object", "properties": {}, "description": "(recursive: same shape as body)"}
    expected: JSON = cut
    for _ in range(3):
        expected = obj({"name": TEXT, "children": {"type": "array", "items": expected}})
    assert body(built) == expected
    assert codes(built) == ["schema.recursive"]


@pytest.mark.parametrize(
    "schemas",
    [
        {"A": {"$ref": "#/components/schemas/A"}},
        {"A": {"allOf": [{"$ref": "#/components/schemas/A"}, TEXT]}},
        {"A": {"anyOf": [{"$ref": "#/components/schemas/A"}, TEXT]}},
        {
            "A": {"anyOf": [{"$ref": "#/components/schemas/B"}, TEXT]},
            "B": {"oneOf": [{"$ref": "#/components/schemas/A"}, TEXT]},
        },
        {"A": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}},
        {"A": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/A"}}},
        {"A": {"not": {"$ref": "#/components/schemas/A"}}},
    ],
)
def test_schema_that_is_only_itself_ends(schemas: JSONObject) -> None:
    built = body_input({"$ref": "#/components/schemas/A"}, schemas)
    assert violations(built.schema) == []
    assert size(built) < 2_000


def test_shared_base_is_not_taken_for_recursion() -> None:
    base: JSON = {"$ref": "#/components/schemas/Base"}
    schemas: JSONObject = {
        "Base": obj({"id": TEXT}),
        "Outer": {"allOf": [base, obj({"in": {"$ref": "#/components/schemas/Inner"}})]},
        "Inner": {"allOf": [base, obj({"x": obj({"y": obj({"z": {"$ref": "#/components/schemas/Leaf"}})})})]},
        "Leaf": {"allOf": [base, obj({"last": TEXT})]},
    }
    assert body_schema({"$ref": "#/components/schemas/Outer"}, schemas) == obj(
        {"id": TEXT, "in": obj({"id": TEXT, "x": obj({"y": obj({"z": obj({"id": TEXT, "last": TEXT})})})})}
    )


# --- alternatives -----------------------------------------------------------------------------------------------------


def test_alternatives_that_cost_too_much_are_one_object_with_the_properties_of_all() -> None:
    kinds: list[JSON] = [
        obj({"kind": {"type": "string", "enum": [f"k{at}"]}, f"own{at}": TEXT, "same": TEXT}, "kind")
        for at in range(40)
    ]
    built = body_input({"anyOf": kinds}, options=SMALL)
    joined = body(built)
    assert isinstance(joined, dict)
    assert isinstance(joined["properties"], dict)
    assert joined["properties"]["kind"] == {"type": "string", "enum": [f"k{at}" for at in range(40)]}
    assert joined["properties"].keys() == {"kind", "same", *(f"own{at}" for at in range(40))}
    assert joined["required"] == ["kind"]
    assert codes(built) == ["schema.rewritten"]


def test_alternatives_that_are_no_objects_stay_beside_the_joined_one() -> None:
    kinds: list[JSON] = [obj({f"own{at}": {"type": "string", "maxLength": at + 1}}) for at in range(80)]
    built = body_input({"anyOf": [TEXT, *kinds, {"type": "integer"}]}, options=SMALL)
    schema = body(built)
    assert isinstance(schema, dict)
    assert isinstance(schema["anyOf"], list)
    assert [one["type"] for one in schema["anyOf"] if isinstance(one, dict)] == ["object", "string", "integer"]


# --- hostile documents ------------------------------------------------------------------------------------------------


def deep(levels: int, around: str) -> JSON:
    schema: JSON = TEXT
    for _ in range(levels):
        if around == "properties":
            schema = {"type": "object", "properties": {"a": schema}}
        elif around == "items":
            schema = {"type": "array", "items": schema}
        else:
            schema = {around: [schema, {"type": "integer"}]}
    return schema


@pytest.mark.parametrize("around", ["properties", "items", "allOf", "anyOf", "oneOf"])
def test_nesting_beyond_any_reason_is_cut_without_recursing(around: str) -> None:
    built = body_input(deep(3_000, around))
    assert violations(built.schema) == []
    assert "schema.cut" in codes(built)
    jsonschema_rs.Draft202012Validator(built.schema, offline=True)


def bomb(levels: int, width: int, keyword: str) -> JSONObject:
    """Each level refers to the next several times: width ** levels schemas when inlined."""
    schemas: JSONObject = {f"L{levels}": TEXT}
    for level in range(levels):
        below: JSON = {"$ref": f"#/components/schemas/L{level + 1}"}
        parts: list[JSON] = [{"allOf": [below, {"maxLength": at + 1}]} for at in range(width)]
        schemas[f"L{level}"] = (
            obj({f"p{at}": below for at in range(width)}) if keyword == "properties" else {keyword: parts}
        )
    return schemas


@pytest.mark.parametrize("keyword", ["properties", "anyOf", "oneOf", "allOf"])
def test_reference_bomb_costs_no_more_than_the_budget(keyword: str) -> None:
    start = time.perf_counter()
    built = body_input({"$ref": "#/components/schemas/L0"}, bomb(12, 8, keyword))
    assert size(built) < 6 * SCHEMA.bytes
    assert time.perf_counter() - start < 20
    assert violations(built.schema) == []


def test_object_with_more_properties_than_anybody_wrote_keeps_the_required_ones() -> None:
    names = [f"p{at}" for at in range(12_000)]
    built = body_input(obj(dict.fromkeys(names, TEXT), *names[-4_000:]))
    shown = body(built)
    assert isinstance(shown, dict)
    assert isinstance(shown["required"], list)
    assert shown["required"] == names[-4_000:]
    assert "schema.cut" in codes(built)
    everything = body(body_input(obj(dict.fromkeys(names, TEXT), *names)))
    assert isinstance(everything, dict)
    assert everything["required"] == names[:10_000]


def test_list_of_values_that_nobody_could_read_is_left_out() -> None:
    values: list[JSON] = [f"value-{at}" for at in range(20_000)]
    built = body_input(obj({"a": {"type": "string", "enum": values}, "b": {"enum": values[:5_000]}}))
    shown = body(built)
    assert isinstance(shown, dict)
    assert shown["properties"] == {"a": TEXT, "b": {"type": "string", "enum": values[:5_000]}}
    assert codes(built) == ["schema.cut"]
