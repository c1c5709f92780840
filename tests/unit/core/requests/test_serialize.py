"""Values to characters, beyond the specification's table: what the table leaves open, and what must never happen."""

import pytest

from apifold.core.openapi.model import Location, Style
from apifold.core.requests.serialize import Rule, Unwritable, compile_rule, raw_pairs, text_of
from apifold.core.values import JSON


def write(
    value: JSON,
    location: Location = Location.QUERY,
    style: Style = Style.FORM,
    *,
    explode: bool = True,
    allow_reserved: bool = False,
    allow_empty: bool = False,
    name: str = "color",
) -> str | None:
    rule = Rule(name, location, style, explode, allow_reserved=allow_reserved, allow_empty=allow_empty)
    return compile_rule(rule)(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-12, "-12"),
        (2**70, "1180591620717411303424"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (1.5e300, str(int(1.5e300))),
        (True, "true"),
        (False, "false"),
        ("True", "True"),
        ("", ""),
        ([1, "a", None], '[1,"a",null]'),
        ({"a": True}, '{"a":true}'),
    ],
)
def test_scalars_are_written_as_json_writes_them_without_exponents(value: JSON, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_refused(value: float) -> None:
    with pytest.raises(Unwritable, match="finite"):
        text_of(value)


def test_everything_but_unreserved_characters_is_encoded_from_utf_8() -> None:
    assert write("a-._~Z9") == "color=a-._~Z9"
    assert write("50% off & more +é/?#[]") == "color=50%25%20off%20%26%20more%20%2B%C3%A9%2F%3F%23%5B%5D"
    assert write("x", name="page[size]") == "page%5Bsize%5D=x"


def test_text_that_is_not_unicode_is_refused() -> None:
    for reserved in (False, True):
        with pytest.raises(Unwritable, match="Unicode"):
            write("\ud800", allow_reserved=reserved)


def test_delimiters_are_literal_and_the_same_characters_in_values_are_not() -> None:
    assert write(["a,b", "c"], explode=False) == "color=a%2Cb,c"
    assert write(["a|b", "c"], style=Style.PIPE_DELIMITED, explode=False) == "color=a%7Cb%7Cc"
    assert write(["a;b", "c"], Location.PATH, Style.MATRIX) == ";color=a%3Bb;color=c"


@pytest.mark.parametrize("style", [Style.SPACE_DELIMITED, Style.PIPE_DELIMITED, Style.TAB_DELIMITED])
def test_exploded_delimited_styles_repeat_the_name(style: Style) -> None:
    assert write(["a", "b"], style=style) == "color=a&color=b"
    assert write("a", style=style, explode=False) == "color=a"


def test_null_members_are_left_out() -> None:
    assert write([None, "a", None]) == "color=a"
    assert write({"a": None, "b": 1}) == "b=1"
    assert write({"a": None, "b": 1}, explode=False) == "color=b,1"
    assert write({"a": None, "b": [None, 2]}, style=Style.DEEP_OBJECT) == "color%5Bb%5D%5B1%5D=2"


@pytest.mark.parametrize("value", [[], {}, [None], {"a": None}])
def test_composites_without_members_are_undefined(value: JSON) -> None:
    assert write(value) is None
    assert write(value, explode=False) is None
    assert write(value, style=Style.DEEP_OBJECT) is None
    assert write(value, Location.PATH, Style.SIMPLE) is None
    assert write(value, Location.PATH, Style.MATRIX) is None
    assert write(value, Location.COOKIE) is None


def test_an_empty_array_is_the_bare_name_where_empty_values_are_allowed() -> None:
    assert write([], allow_empty=True) == "color="


def test_the_empty_string_is_a_value() -> None:
    assert write("") == "color="
    assert write("", Location.PATH, Style.MATRIX) == ";color"
    assert write([""], explode=False) == "color="
    assert write({"a": ""}, Location.PATH, Style.MATRIX) == ";a"
    assert write("", Location.HEADER, Style.SIMPLE) == ""


def test_properties_of_an_exploded_object_are_parameters_of_their_own() -> None:
    assert write({"q": "a&b", "sort": ["x", "y"], "deep": {"k": 1}}) == "q=a%26b&sort=x&sort=y&deep=%7B%22k%22%3A1%7D"


def test_what_a_style_has_no_rule_for_is_json() -> None:
    assert write([{"a": 1}, [2]]) == "color=%7B%22a%22%3A1%7D&color=%5B2%5D"


def test_deep_objects_nest_to_any_depth() -> None:
    value: JSON = {"a": {"b": [{"c": 1}, {"c": 2}]}, "x y": True}
    assert raw_pairs(Rule("f", Location.QUERY, Style.DEEP_OBJECT, explode=True), value) == [
        ("f[a][b][0][c]", "1"),
        ("f[a][b][1][c]", "2"),
        ("f[x y]", "true"),
    ]
    assert write({"x y": {"z": 1}}, style=Style.DEEP_OBJECT) == "color%5Bx%20y%5D%5Bz%5D=1"
    assert write({"a": 1}, style=Style.DEEP_OBJECT, explode=False) == "color%5Ba%5D=1"
    assert write("plain", style=Style.DEEP_OBJECT) == "color=plain"
    assert write(["a", "b"], style=Style.DEEP_OBJECT) == "color%5B0%5D=a&color%5B1%5D=b"


def test_a_deep_object_without_end_is_refused() -> None:
    value: JSON = "end"
    for _ in range(200):
        value = {"a": value}
    with pytest.raises(Unwritable, match="levels deep"):
        write(value, style=Style.DEEP_OBJECT)


def test_allow_reserved_keeps_reserved_characters_and_triples() -> None:
    assert write("/a?b=c:d@e!$'()*,;", allow_reserved=True) == "color=/a?b=c:d@e!$'()*,;"
    assert write("100%25 50% é", allow_reserved=True) == "color=100%25%2050%25%20%C3%A9"


def test_allow_reserved_never_changes_the_structure_of_the_query() -> None:
    assert write("a&admin=1#x+[]", allow_reserved=True) == "color=a%26admin=1%23x%2B%5B%5D"
    assert write(["a,b", "c"], explode=False, allow_reserved=True) == "color=a%2Cb,c"
    assert write(["a/b", "c"], explode=False, allow_reserved=True) == "color=a/b,c"
    assert write("a/b?c#d", Location.PATH, Style.SIMPLE, allow_reserved=True) == "a%2Fb%3Fc%23d"
    assert write(["a;b"], Location.PATH, Style.MATRIX, allow_reserved=True) == ";color=a%3Bb"


def test_headers_are_not_percent_encoded() -> None:
    assert write('W/"a b", 50%', Location.HEADER, Style.SIMPLE) == 'W/"a b", 50%'
    assert write(["a", 1, True], Location.HEADER, Style.SIMPLE) == "a,1,true"
    assert write("  padded\t", Location.HEADER, Style.SIMPLE) == "padded"


@pytest.mark.parametrize("text", ["a\r\nX: 1", "a\nb", "a\0b", "\x7f", "Zoë", "“quoted”"])
def test_header_values_with_line_breaks_controls_or_accents_are_refused(text: str) -> None:
    values: list[JSON] = [text, [text], {text: "v"}, {"k": text}]
    for value in values:
        with pytest.raises(Unwritable, match="HTTP header"):
            write(value, Location.HEADER, Style.SIMPLE)


def test_cookies_of_style_form_are_percent_encoded_and_of_style_cookie_are_not() -> None:
    assert write("a b==;", Location.COOKIE) == "color=a%20b%3D%3D%3B"
    assert write("a b==", Location.COOKIE, Style.COOKIE) == "color=a b=="
    assert write({"a b": "x"}, Location.COOKIE, Style.COOKIE) == "a b=x"


@pytest.mark.parametrize("text", ["a;b", "a\r\nb", "é", "\0"])
def test_cookie_values_that_would_end_the_cookie_are_refused(text: str) -> None:
    values: list[JSON] = [text, [text], {text: "v"}]
    for value in values:
        with pytest.raises(Unwritable, match="cookie"):
            write(value, Location.COOKIE, Style.COOKIE)


def test_a_style_that_a_location_does_not_have_is_the_default_of_the_location() -> None:
    assert write(["a", "b"], Location.PATH, Style.FORM, explode=False) == "a,b"
    assert write(["a", "b"], Location.HEADER, Style.DEEP_OBJECT) == "a,b"
    assert write(["a", "b"], Location.QUERY, Style.MATRIX) == "color=a&color=b"


@pytest.mark.parametrize(
    ("location", "style", "text"),
    [
        (Location.PATH, Style.SPACE_DELIMITED, "a%20b"),
        (Location.PATH, Style.PIPE_DELIMITED, "a%7Cb"),
        (Location.PATH, Style.TAB_DELIMITED, "a%09b"),
        (Location.HEADER, Style.SPACE_DELIMITED, "a b"),
        (Location.HEADER, Style.PIPE_DELIMITED, "a|b"),
        (Location.HEADER, Style.TAB_DELIMITED, "a\tb"),
    ],
)
def test_collection_formats_of_swagger_2_exist_in_paths_and_headers(
    location: Location, style: Style, text: str
) -> None:
    assert write(["a", "b"], location, style, explode=False) == text


def test_raw_pairs_escape_nothing() -> None:
    rule = Rule("a[b]", Location.QUERY, Style.PIPE_DELIMITED, explode=False)
    assert raw_pairs(rule, ["x y", "z"]) == [("a[b]", "x y|z")]
    assert raw_pairs(rule, "é") == [("a[b]", "é")]
    assert raw_pairs(rule, None) == []
    assert raw_pairs(Rule("o", Location.QUERY, Style.FORM, explode=True), {"a&": [1, 2]}) == [("a&", "1"), ("a&", "2")]
