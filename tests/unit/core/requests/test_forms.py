"""Form bodies: by style where the encoding names one, else by the type of each property."""

from urllib.parse import parse_qsl

import pytest

from apifold.core.openapi.model import Encoding, Style
from apifold.core.openapi.references import Resolver
from apifold.core.requests.forms import compile_form
from apifold.core.requests.serialize import Unwritable
from apifold.core.values import JSON
from support.plans import media

DEEP = Encoding(style=Style.DEEP_OBJECT, explode=True)


def form(value: JSON, encoding: dict[str, Encoding] | None = None, schema: JSON = None) -> str:
    one = media("application/x-www-form-urlencoded", schema or {"type": "object"}, encoding)
    return compile_form(one, Resolver({"": {}}))(value)


def test_scalars_are_text_and_everything_reserved_is_encoded() -> None:
    assert (
        form({"To": "+1555", "Body": "50% & more", "ok": True, "n": 1.0})
        == "To=%2B1555&Body=50%25%20%26%20more&ok=true&n=1"
    )
    assert form({"a b[]": "é"}) == "a%20b%5B%5D=%C3%A9"


def test_arrays_repeat_their_name_and_objects_are_json() -> None:
    assert parse_qsl(form({"a": ["x", 2], "o": {"k": [1]}, "l": [{"k": 1}]})) == [
        ("a", "x"),
        ("a", "2"),
        ("o", '{"k":[1]}'),
        ("l", '{"k":1}'),
    ]


def test_nested_objects_go_as_the_encoding_says() -> None:
    value: JSON = {"address": {"line1": "510 T", "geo": {"lat": 1.5}}, "items": [{"id": 1}, {"id": 2}], "expand": ["a"]}
    assert parse_qsl(form(value, {"address": DEEP, "items": DEEP, "expand": DEEP})) == [
        ("address[line1]", "510 T"),
        ("address[geo][lat]", "1.5"),
        ("items[0][id]", "1"),
        ("items[1][id]", "2"),
        ("expand[0]", "a"),
    ]


def test_explode_alone_chooses_style_form() -> None:
    assert form({"a": ["x", "y"]}, {"a": Encoding(explode=False)}) == "a=x,y"
    assert form({"a": {"k": 1, "l": 2}}, {"a": Encoding(explode=True)}) == "k=1&l=2"
    assert form({"a": ["x", "y"]}, {"a": Encoding(style=Style.PIPE_DELIMITED)}) == "a=x%7Cy"
    assert form({"a": "b/c?d&e"}, {"a": Encoding(allow_reserved=True)}) == "a=b/c?d%26e"


def test_a_content_type_of_json_makes_json_of_anything() -> None:
    assert parse_qsl(form({"a": ["x"], "b": "y"}, dict.fromkeys("ab", Encoding(content_type="application/json")))) == [
        ("a", '["x"]'),
        ("b", '"y"'),
    ]


def test_null_and_empty_properties_are_left_out() -> None:
    assert form({"a": None, "b": [], "c": "", "d": {}}) == "c=&d=%7B%7D"
    assert form({}) == ""


def test_a_file_is_sent_as_its_bytes_where_the_schema_says_bytes() -> None:
    schema: JSON = {"properties": {"f": {"type": "string", "format": "binary"}, "o": {"type": "object"}}}
    assert (
        form({"f": {"content": "/wA="}, "o": {"content": "/wA="}}, schema=schema)
        == "f=%FF%00&o=%7B%22content%22%3A%22%2FwA%3D%22%7D"
    )


def test_a_string_body_is_a_form_already() -> None:
    assert form("a=b&c=%20d", schema={"type": "string"}) == "a=b&c=%20d"
    assert form("a=b c\r\né", schema={"type": "string"}) == "a=b%20c%0D%0A%C3%A9"


def test_other_bodies_are_refused_and_problems_name_the_property() -> None:
    with pytest.raises(Unwritable, match="expects an object"):
        form([1])
    with pytest.raises(Unwritable, match="Unicode") as caught:
        form({"ok": 1, "bad": "\ud800"})
    assert caught.value.path == ("bad",)
