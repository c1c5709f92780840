"""Headers that the document fixes though they are no parameters of ours."""

import pytest

from apifold.core.openapi.model import Node, Operation, Server
from apifold.core.openapi.references import Resolver
from apifold.core.requests.headers import accept_header, fixed_header, fixed_value
from apifold.core.values import JSON, JSONObject


def operation(pointer: str) -> Operation:
    return Operation("GET /x", "GET", "/x", "", "", "", (), False, (), None, (), (), (Server("/"),), pointer)


def header(name: str, **rest: JSON) -> JSONObject:
    return {"in": "header", "name": name, **rest}


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ([header("Accept", schema={"default": "a/b"})], "a/b"),
        ([header("ACCEPT", schema={"enum": ["a/b"]})], "a/b"),
        ([header("accept", default="a/b", type="string")], "a/b"),
        ([header("Accept", schema={"enum": ["a/b", "c/d"]})], ""),
        ([header("Accept", schema={"default": 7})], ""),
        ([header("Accept", schema={"default": "a/b\r\nX: 1"})], ""),
        ([{"$ref": "#/components/parameters/accept"}], "v2/json"),
        ([{"$ref": "#/nowhere"}, header("Accept", schema={"const": "a/b"})], "a/b"),
        ([{"in": "query", "name": "Accept", "schema": {"default": "a/b"}}], ""),
        (["nonsense", None], ""),
        ("nonsense", ""),
    ],
)
def test_the_value_of_an_ignored_header_parameter_is_found(parameters: JSON, value: str) -> None:
    root: JSONObject = {
        "paths": {"/x": {"get": {"parameters": parameters}}},
        "components": {"parameters": {"accept": header("Accept", schema={"default": "v2/json"})}},
    }
    assert fixed_header(operation("/paths/~1x/get"), "accept", Resolver({"": root})) == value


def test_a_fixed_accept_header_is_what_is_asked_for() -> None:
    root: JSONObject = {"paths": {"/x": {"get": {"parameters": [header("Accept", schema={"default": "a/b; v=2"})]}}}}
    assert accept_header(operation("/paths/~1x/get"), Resolver({"": root})) == "a/b; v=2"


@pytest.mark.parametrize("pointer", ["/paths/~1x/get", "/paths/~1x/additionalOperations/LINK"])
def test_parameters_of_the_path_count_too(pointer: str) -> None:
    item: JSONObject = {"parameters": [header("Accept", schema={"default": "a/b"})], "get": {}}
    item["additionalOperations"] = {"LINK": {}}
    assert fixed_header(operation(pointer), "accept", Resolver({"": {"paths": {"/x": item}}})) == "a/b"


def test_an_operation_that_is_nowhere_fixes_nothing() -> None:
    assert fixed_header(operation("/nowhere"), "accept", Resolver({"": {}})) == ""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": "a", "default": "b"}, "a"),
        ({"default": 0}, 0),
        ({"default": None, "enum": ["a"]}, "a"),
        ({"enum": ["a", "b"]}, None),
        ({"$ref": "#/it"}, "x"),
        ({"$ref": "#/nowhere"}, None),
        (True, None),
    ],
)
def test_a_value_without_choice(schema: JSON, value: JSON) -> None:
    assert fixed_value(Node(schema), Resolver({"": {"it": {"const": "x"}}})) == value
    assert fixed_value(None, Resolver({"": {}})) is None
