"""What a model is told when its arguments do not fit."""

import pytest

from apifold.core.requests.arguments import InvalidArguments, Problem, pointer
from apifold.core.requests.validate import ArgumentSchema
from apifold.core.values import JSON, JSONObject


def problems(properties: JSONObject, arguments: JSONObject, **more: JSON) -> list[str]:
    schema: JSONObject = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    checked = ArgumentSchema(schema)
    assert not checked.accepts(arguments)
    return [str(problem) for problem in checked.problems(arguments)]


def test_a_missing_argument_is_named_with_type_values_and_meaning() -> None:
    properties: JSONObject = {
        "id": {"type": "string", "description": "The pet.\nMore about it."},
        "kind": {"type": "string", "enum": ["cat", "dog"]},
        "free": {},
    }
    assert problems(properties, {}, required=["id", "kind", "free"]) == [
        "/id: is required (string; The pet.)",
        '/kind: is required (string; one of "cat", "dog")',
        "/free: is required",
    ]


def test_an_unknown_argument_is_answered_with_the_nearest_or_with_all_names() -> None:
    properties: JSONObject = {"page_size": {}, "filter": {}}
    assert problems(properties, {"pageSize": 1}) == [
        "/pageSize: is not an argument of this tool; did you mean `page_size`?"
    ]
    assert problems(properties, {"zzz": 1}) == [
        "/zzz: is not an argument of this tool; known are `page_size`, `filter`"
    ]
    assert problems({}, {"zzz": 1}) == ["/zzz: is not an argument of this tool; there are none"]
    nested: JSONObject = {"o": {"type": "object", "properties": {"name": {}}, "additionalProperties": False}}
    assert problems(nested, {"o": {"nam": 1}}) == ["/o/nam: is not a known property; did you mean `name`?"]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "integer"}, "x", "must be an integer, not a string"),
        ({"type": ["string", "null"]}, 1, "must be null or a string, not an integer"),
        ({"type": "object"}, [], "must be an object, not an array"),
        ({"type": "integer"}, True, "must be an integer, not a boolean"),
        ({"enum": ["open", "closed"]}, "opne", 'must be one of "open", "closed"; did you mean "open"?'),
        ({"enum": [1, 2]}, 3, "must be one of 1, 2"),
        ({"const": "x"}, "y", 'must be "x"'),
        ({"minimum": 3}, 1, "must be at least 3"),
        ({"exclusiveMaximum": 3}, 3, "must be less than 3"),
        ({"maxLength": 2}, "abc", "must have at most 2 characters"),
        ({"minItems": 1}, [], "must have at least 1 items"),
        ({"pattern": "^a$"}, "b", "must match the pattern ^a$"),
        ({"multipleOf": 2}, 3, "the value is not a multiple of 2"),
        ({"anyOf": [{"type": "string"}, {"type": "array"}]}, 1, "must be a string or an array, not an integer"),
    ],
)
def test_each_problem_says_what_is_expected(schema: JSONObject, value: JSON, message: str) -> None:
    assert problems({"a": schema}, {"a": value}) == [f"/a: {message}"]


def test_of_alternatives_the_nearest_is_explained() -> None:
    schema: JSONObject = {
        "oneOf": [
            {"type": "string"},
            {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
            {"type": "object", "required": ["a", "b", "c"]},
        ]
    }
    assert problems({"a": schema}, {"a": {"id": "x"}}) == ["/a/id: must be an integer, not a string"]
    assert problems({"a": schema}, {"a": {}}) == ["/a/id: is required (integer)"]


def test_a_value_that_fits_several_members_of_one_of_is_no_problem() -> None:
    schema: JSONObject = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    assert problems({"a": schema}, {"a": 1}) == []
    assert problems({"a": schema, "b": {"type": "string"}}, {"a": 1, "b": 2}) == [
        "/b: must be a string, not an integer"
    ]


def test_at_most_five_problems_are_told() -> None:
    properties: JSONObject = {f"p{number}": {"type": "string"} for number in range(9)}
    assert len(problems(properties, dict.fromkeys(properties, 1))) == 5


def test_the_alternative_that_its_tag_names_is_the_one_that_was_meant() -> None:
    def kind(name: str, *required: str, **more: JSON) -> JSON:
        return {"type": "object", "properties": {"kind": {"const": name}, **more}, "required": ["kind", *required]}

    cat, dog = kind("c", "meow", meow={"type": "boolean"}), kind("d", "bark", bark={"type": "integer"})
    animal: JSONObject = {"a": {"oneOf": [cat, dog]}}
    assert problems(animal, {"a": {"kind": "d"}}) == ["/a/bark: is required (integer)"]
    assert problems(animal, {"a": {"kind": "d", "bark": "x"}}) == ["/a/bark: must be an integer, not a string"]
    assert problems(animal, {"a": {"kind": "z"}}) == ['/a/kind: must be one of "c", "d"']
    other: JSON = {"type": "object", "properties": {"sort": {"enum": ["x"]}}, "required": ["sort"]}
    assert problems({"a": {"anyOf": [cat, other]}}, {"a": {"kind": "z", "sort": "y"}})[0].startswith("/a/sort")


def test_long_lists_are_cut() -> None:
    text = problems({"a": {"enum": [f"value-{number}" for number in range(50)]}}, {"a": "x"})[0]
    assert '"value-19", …' in text
    assert "value-20" not in text


def test_messages_never_repeat_a_value() -> None:
    secret = "hunter2"
    schemas: list[JSONObject] = [
        {"type": "integer"},
        {"enum": ["x"]},
        {"pattern": "^[0-9]+$"},
        {"maxLength": 1},
        {"not": {"type": "string"}},
        {"anyOf": [{"type": "integer"}, {"pattern": "^[0-9]+$"}]},
    ]
    for schema in schemas:
        assert secret not in "".join(problems({"a": schema}, {"a": secret}))


def test_patterns_that_need_backtracking_are_checked_with_a_bound() -> None:
    properties: JSONObject = {"a": {"type": "string", "pattern": "^(?=.*[0-9])[a-z0-9]+$"}}
    assert problems(properties, {"a": "abc"}) == ["/a: must match the pattern ^(?=.*[0-9])[a-z0-9]+$"]
    evil: JSONObject = {"a": {"type": "string", "pattern": "^(?=a)(a+)+$"}}
    checked = ArgumentSchema({"type": "object", "properties": evil})
    assert not checked.accepts({"a": "a" * 5000 + "!"})


def test_a_pattern_of_another_dialect_does_not_make_a_tool_unusable() -> None:
    checked = ArgumentSchema(
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?<=[a"}, "b": {"type": "integer"}}}
    )
    assert checked.accepts({"a": "anything"})
    assert not checked.accepts({"b": "x"})


def test_a_schema_that_does_not_compile_still_checks_the_names() -> None:
    checked = ArgumentSchema({"type": "object", "properties": {"a": {"type": "nonsense"}}, "required": ["a", "a", 7]})
    assert checked.accepts({"a": 1})
    assert not checked.accepts({})
    assert not checked.accepts({"a": 1, "b": 2})


def test_what_stands_behind_a_reference_is_told_with_its_words() -> None:
    defined: JSONObject = {"it": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b", "c"]}}
    assert problems({"a": {"$ref": "#/$defs/it"}}, {"a": {}}, **{"$defs": defined}) == [
        "/a/b: is required (string)",
        "/a/c: is required",
    ]


def test_remote_references_are_never_fetched() -> None:
    checked = ArgumentSchema({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}})
    assert checked.accepts({"a": 1})
    assert not checked.accepts({"b": 1})


def test_text_that_is_not_unicode_is_a_problem_and_no_crash() -> None:
    assert problems({"a": {"pattern": "a"}}, {"a": "\ud800"}) == [
        "The arguments are nested too deeply or hold text that is not valid Unicode."
    ]


def test_problems_make_one_message_and_json_details() -> None:
    one = InvalidArguments([Problem("/a", "is required")])
    assert one.message == "The call was not sent. /a: is required"
    two = InvalidArguments([Problem("/a", "is required"), Problem("", "too much")])
    assert two.message == "The call was not sent. 2 arguments are wrong:\n- /a: is required\n- too much"
    assert two.details == {
        "problems": [{"pointer": "/a", "message": "is required"}, {"pointer": "", "message": "too much"}]
    }


def test_pointers_are_escaped() -> None:
    assert pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
