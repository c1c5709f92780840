"""What models get slightly wrong is set right; what leaves a doubt is not touched."""

import pytest

from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request, check_arguments
from apifold.core.tools.model import Renames
from apifold.core.values import JSON, JSONObject
from support.plans import media, parameter, plan

TEXT: JSON = {"type": "string"}
NUMBER: JSON = {"type": "integer"}
NULLABLE: JSON = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def repaired(schema: JSON, body: JSON) -> tuple[JSON, list[str]]:
    """The body as it would be sent, and what was done to it."""
    one = plan("POST", "/x", body=[media("application/json")], properties={"body": schema})
    done: list[str] = []
    return check_arguments(one, {"body": body}, done)["body"], done


def an_object(*required: str, **properties: JSON) -> JSONObject:
    return {"type": "object", "properties": properties, "required": list(required)}


# --- nulls -----------------------------------------------------------------------------------------------------------


def test_a_null_that_the_schema_allows_is_kept() -> None:
    body: JSON = {"due_on": None, "deep": {"x": None}, "list": [{"x": None}]}
    deep = an_object(x=NULLABLE)
    schema = an_object(due_on=NULLABLE, deep=deep, list={"type": "array", "items": deep})
    assert repaired(schema, body) == (body, [])


def test_an_optional_null_that_the_schema_does_not_allow_is_left_out() -> None:
    inner = an_object(x=TEXT, y=NULLABLE)
    schema = an_object(
        a=TEXT,
        deep=inner,
        list={"type": "array", "items": inner},
        map={"type": "object", "additionalProperties": inner},
    )
    body: JSON = {
        "a": None,
        "deep": {"x": None, "y": None},
        "list": [{"x": None}, {"x": "1"}],
        "map": {"k/k": {"x": None}},
    }
    assert repaired(schema, body) == (
        {"deep": {"y": None}, "list": [{}, {"x": "1"}], "map": {"k/k": {}}},
        [
            "/body/a: null left out",
            "/body/deep/x: null left out",
            "/body/list/0/x: null left out",
            "/body/map/k~1k/x: null left out",
        ],
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "null"]},
        {"enum": ["a", None]},
        {"const": None},
        {"oneOf": [TEXT, {"type": "null"}]},
        {"$ref": "#/$defs/maybe"},
        {"allOf": [NULLABLE, {"description": "x"}]},
        {"description": "anything"},
        True,
    ],
)
def test_null_is_allowed_in_every_way_a_schema_can_say_so(schema: JSON) -> None:
    properties: JSONObject = {"body": an_object("need", a=schema, need=NUMBER)}
    one = plan("POST", "/x", body=[media("application/json")], properties=properties)
    one.arguments.schema["$defs"] = {"maybe": NULLABLE}
    arguments: JSONObject = {"body": {"a": None, "need": "7"}}  # the text makes the repair run
    assert check_arguments(one, arguments) == {"body": {"a": None, "need": 7}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "integer"]},
        {"enum": ["a", "b"]},
        {"const": "a"},
        {"anyOf": [TEXT, NUMBER]},
        {"allOf": [{"description": "x"}, TEXT]},
        {"$ref": "#/$defs/text"},
        {"anyOf": [{"$ref": "#/$defs/text"}]},
        False,
    ],
)
def test_null_is_left_out_in_every_way_a_schema_can_rule_it_out(schema: JSON) -> None:
    one = plan("POST", "/x", body=[media("application/json")], properties={"body": an_object(a=schema)})
    one.arguments.schema["$defs"] = {"text": TEXT}
    assert check_arguments(one, {"body": {"a": None}}) == {"body": {}}


def test_a_required_null_is_refused_not_dropped() -> None:
    with pytest.raises(InvalidArguments, match="/body/a: must be a string, not null"):
        repaired(an_object("a", a=TEXT), {"a": None})


def test_an_unknown_property_with_null_is_kept() -> None:
    assert repaired(an_object(a=TEXT), {"a": None, "free": None}) == ({"free": None}, ["/body/a: null left out"])


def test_optional_arguments_that_are_null_are_left_out() -> None:
    one = plan("GET", "/x", parameter("q"), parameter("X-H", "header"), parameter("c", "cookie"))
    sent = build_request(one, {"q": None, "X-H": None, "c": None})
    assert (sent.target, sent.headers) == ("/v1/x", one.static_headers)
    strict = plan("GET", "/x", parameter("q"), properties={"q": TEXT})
    assert build_request(strict, {"q": None}).target == "/v1/x"


def test_an_optional_null_body_is_no_body_and_a_nullable_one_is_null() -> None:
    strict = plan("POST", "/x", body=[media("application/json")], properties={"body": an_object()})
    assert build_request(strict, {"body": None}).body == b""
    free = plan("POST", "/x", body=[media("application/json")], properties={"body": NULLABLE})
    assert build_request(free, {"body": None}).body == b"null"


# --- empty strings and JSON in strings ---------------------------------------------------------------------------------


def test_an_empty_string_where_no_text_may_stand_is_left_out() -> None:
    schema = an_object(n=NUMBER, e={"type": "string", "enum": ["a"]}, m={"type": "string", "minLength": 1}, t=TEXT)
    assert repaired(schema, {"n": "", "e": "", "m": "", "t": ""}) == (
        {"t": ""},
        [f"/body/{name}: an empty string left out" for name in "nem"],
    )


def test_json_inside_a_string_is_read_where_no_string_may_stand() -> None:
    schema = an_object(o=an_object(n=NUMBER), l={"type": "array", "items": NUMBER}, n=NUMBER, b={"type": "boolean"})
    assert repaired(schema, '{"o": "{\\"n\\": \\"5\\"}", "l": ["1", 2], "n": "-3", "b": "true"}') == (
        {"o": {"n": 5}, "l": [1, 2], "n": -3, "b": True},
        [
            "/body: read as JSON",
            "/body/o: read as JSON",
            "/body/o/n: read as JSON",
            "/body/l/0: read as JSON",
            "/body/n: read as JSON",
            "/body/b: read as JSON",
        ],
    )


def test_numbers_are_told_from_booleans_and_whole_from_broken_ones() -> None:
    number: JSON = {"type": "number"}
    assert repaired(an_object(n=number, i=NUMBER), {"n": "2.5", "i": "2.0"})[0] == {"n": 2.5, "i": 2.0}
    for schema in (number, NUMBER):
        with pytest.raises(InvalidArguments, match="not a string"):
            repaired(an_object("n", n=schema), {"n": "true"})


def test_a_value_nested_too_deeply_is_not_repaired() -> None:
    schema: JSONObject = {"type": "object", "properties": {"n": NUMBER, "in": {"$ref": "#/properties/body"}}}
    deep: JSON = {"n": "1"}
    for _ in range(150):
        deep = {"in": deep}
    with pytest.raises(InvalidArguments, match=r"nested too deeply|/n: must be an integer"):
        repaired(schema, deep)


@pytest.mark.parametrize("value", ["five", "5.5", '"5"', "[5]", "{", "null", "[" * 3000])
def test_other_strings_are_refused_as_they_are(value: str) -> None:
    with pytest.raises(InvalidArguments, match="/body/n: must be an integer, not a string"):
        repaired(an_object("n", n=NUMBER), {"n": value})


def test_a_number_where_only_text_may_stand_is_read_as_text() -> None:
    schema = an_object(
        id=TEXT, e={"enum": ["1", "2"]}, l={"type": "array", "items": TEXT}, p={"type": "string", "const": "7"}
    )
    assert repaired(schema, {"id": 12345678901234567890, "e": 2, "l": [1, "b"], "p": 7}) == (
        {"id": "12345678901234567890", "e": "2", "l": ["1", "b"], "p": "7"},
        [f"/body/{place}: a number read as text" for place in ("id", "e", "l/0", "p")],
    )
    for wrong in (True, 1.5, 3):
        with pytest.raises(InvalidArguments):
            repaired(an_object(e={"enum": ["1", "2"]}), {"e": wrong})


def test_an_empty_string_for_a_parameter_of_a_format_without_one_is_left_out() -> None:
    day: JSON = {"type": "string", "format": "date"}
    one = plan("GET", "/x", parameter("a", schema=day), parameter("b", schema=TEXT), parameter("c", "path", schema=day))
    done: list[str] = []
    assert build_request(one, {"a": "", "b": "", "c": "z"}, repairs=done).target == "/v1/x?b="
    assert done == ["/a: an empty string left out"]


def test_a_string_that_may_be_one_is_never_read_as_json() -> None:
    schema = an_object("n", n=NUMBER, t={"anyOf": [TEXT, {"type": "object"}]})
    assert repaired(schema, {"t": '{"a":1}', "n": "1"})[0] == {"t": '{"a":1}', "n": 1}


def test_arguments_that_fit_are_returned_as_they_are() -> None:
    one = plan("GET", "/x", parameter("q"), properties={"q": TEXT})
    arguments: JSONObject = {"q": "x"}
    assert check_arguments(one, arguments) is arguments


# --- names -----------------------------------------------------------------------------------------------------------


def test_wire_names_are_accepted_for_arguments() -> None:
    one = plan(
        "GET",
        "/x",
        parameter("page[size]"),
        parameter("$filter"),
        names={"page[size]": "page_size", "$filter": "filter"},
    )
    legal = build_request(one, {"page_size": 1, "filter": "a"})
    assert build_request(one, {"page[size]": 1, "$filter": "a"}).target == legal.target
    assert legal.target == "/v1/x?page%5Bsize%5D=1&%24filter=a"


def test_a_wire_name_that_two_arguments_share_leads_nowhere() -> None:
    one = plan("GET", "/x/{type}", parameter("type", "path"), parameter("type"))
    assert one.legal_names == {}


def test_legal_names_win_over_wire_names() -> None:
    one = plan("GET", "/x", parameter("a-b"), parameter("c"), names={"a-b": "a_b"})
    with pytest.raises(InvalidArguments, match="/a-b: is not an argument"):
        check_arguments(one, {"a_b": 1, "a-b": 2})


def test_property_names_inside_a_value_are_the_wires_whatever_name_was_used() -> None:
    inner = Renames(keys={"a_b": "a/b"})
    renames = Renames(
        keys={"_type": "@type", "items": "items"},
        properties={"items": Renames(items=inner), "@map": Renames(additional=inner)},
    )
    schema = an_object(_type=TEXT, items={"type": "array", "items": an_object(a_b=NUMBER)})
    one = plan("POST", "/x", body=[media("application/json")], properties={"body": schema}, renames={"body": renames})
    wire: JSON = {"@type": "t", "items": [{"a/b": 1}, 2], "@map": {"k": {"a/b": 3}}}
    legal: JSON = {"_type": "t", "items": [{"a_b": 1}, 2], "@map": {"k": {"a_b": 3}}}
    one.arguments.schema["properties"]["body"]["properties"]["items"]["items"] = {}  # type: ignore[index,call-overload]  # JSON
    assert check_arguments(one, {"body": legal}) == {"body": wire}
    assert check_arguments(one, {"body": wire}) == {"body": wire}
    with pytest.raises(InvalidArguments, match="/body/_type: must be a string"):
        check_arguments(one, {"body": {"@type": True}})


def test_parameters_may_have_renamed_properties_too() -> None:
    renames = {"filter": Renames(keys={"created_gte": "created[gte]"})}
    one = plan("GET", "/x", parameter("filter"), renames=renames)
    assert build_request(one, {"filter": {"created_gte": 1}}).target == "/v1/x?created%5Bgte%5D=1"
