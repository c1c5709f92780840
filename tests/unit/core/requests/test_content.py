"""Bodies by media type, and parameters that have `content` instead of a style."""

import pytest

from apifold.core.openapi.model import Encoding, MediaType, Style
from apifold.core.openapi.references import Resolver
from apifold.core.requests.content import Payload, compile_body, compile_content_parameter
from apifold.core.requests.model import BodyKind
from apifold.core.requests.serialize import Unwritable
from apifold.core.values import JSON
from support.plans import media, parameter

EMPTY = Resolver({"": {}})
STRING: JSON = {"type": "string"}
FILE: JSON = {"type": "string", "format": "binary"}


def body(one: MediaType, value: JSON, *, content_type: str = "", byte_type: str = "") -> Payload:
    return compile_body(one, EMPTY, content_type=content_type, byte_type=byte_type)(value)


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": None, "b": {}}, b'{"a":null,"b":{}}'),
        ([{"a": 1}, []], b'[{"a":1},[]]'),
        ("text", b'"text"'),
        (None, b"null"),
        (True, b"true"),
        (1.0, b"1.0"),
        (2**70, b"1180591620717411303424"),
        ({"é": "€"}, '{"é":"€"}'.encode()),
    ],
)
def test_json_bodies_keep_every_value_as_it_is(value: JSON, text: bytes) -> None:
    assert body(media("application/json"), value) == Payload(text, BodyKind.JSON, "application/json")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/vnd.api+json",
        "text/json",
        "application/json; charset=utf-8",
    ],
)
def test_json_media_types_keep_their_own_name(content_type: str) -> None:
    assert body(media(content_type), []) == Payload(b"[]", BodyKind.JSON, content_type)


def test_a_range_that_takes_json_is_sent_as_json() -> None:
    assert body(media("application/*", {"type": "object"}), {}).content_type == "application/json"
    assert body(media("*/*", {"type": "object"}), {}).content_type == "application/json"


def test_text_that_is_not_unicode_is_refused_in_json() -> None:
    with pytest.raises(Unwritable, match="Unicode"):
        body(media("application/json"), ["\ud800"])


def test_text_that_is_not_unicode_is_refused_in_every_body() -> None:
    types = ["application/x-ndjson", "application/x-www-form-urlencoded", "text/plain"]
    values: list[JSON] = [["\ud800"], {"a": "\ud800"}, "\ud800"]
    for content_type, value in zip(types, values, strict=True):
        with pytest.raises(Unwritable):
            body(media(content_type, STRING if isinstance(value, str) else {}), value)
    with pytest.raises(Unwritable, match="Unicode"):
        body(media("application/x-ndjson"), "\ud800")


# --- lines -----------------------------------------------------------------------------------------------------------


def test_lines_of_json_come_from_an_array_a_value_or_text() -> None:
    lines = media("application/x-ndjson")
    assert body(lines, [{"a": 1}, 2]) == Payload(b'{"a":1}\n2\n', BodyKind.TEXT, "application/x-ndjson")
    assert body(lines, {"a": 1}).body == b'{"a":1}\n'
    assert body(lines, '{"a":1}\n{"b":"é"}').body == '{"a":1}\n{"b":"é"}'.encode()
    assert body(media("application/json-seq"), [1, 2]).body == b"\x1e1\n\x1e2\n"


# --- text and XML ----------------------------------------------------------------------------------------------------


def test_text_is_sent_as_utf_8_without_quotes() -> None:
    assert body(media("text/plain", STRING), "Hello **wörld**") == Payload(
        "Hello **wörld**".encode(), BodyKind.TEXT, "text/plain"
    )
    assert body(media("text/csv", STRING), 12).body == b"12"
    assert body(media("text/*", STRING), "x").content_type == "text/plain"


def test_xml_is_sent_as_the_text_it_is() -> None:
    for content_type in ("application/xml", "text/xml", "application/soap+xml"):
        assert body(media(content_type, {"type": "object"}), "<a>é</a>") == Payload(
            "<a>é</a>".encode(), BodyKind.TEXT, content_type
        )


def test_the_charset_of_a_text_type_is_honoured() -> None:
    latin = media("text/plain; charset=iso-8859-1", STRING)
    assert body(latin, "é").body == b"\xe9"
    with pytest.raises(Unwritable, match="iso-8859-1"):
        body(latin, "€")
    assert body(media("text/plain; charset=klingon", STRING), "é").body == "é".encode()


def test_octets_described_as_a_string_are_text() -> None:
    octets = media("application/octet-stream", STRING)
    assert body(octets, '{"id":1}\n') == Payload(b'{"id":1}\n', BodyKind.TEXT, "application/octet-stream")


def test_a_file_may_stand_for_a_string_of_any_type() -> None:
    sent: JSON = {"content": "iVBORw==", "contentType": "application/zip"}
    assert body(media("*/*", STRING), sent) == Payload(b"\x89PNG", BodyKind.BYTES, "application/zip")
    assert body(media("*/*", STRING), "a b") == Payload(b"a b", BodyKind.TEXT, "text/plain")


# --- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "given", "byte_type", "sent"),
    [
        ("application/octet-stream", "", "", "application/octet-stream"),
        ("application/octet-stream", "application/x-tar", "", "application/x-tar"),
        ("application/octet-stream", "", "application/x-tar", "application/x-tar"),
        ("application/octet-stream", "a/b", "application/x-tar", "a/b"),
        ("*/*", "", "", "application/octet-stream"),
        ("*/*", "application/zip", "", "application/zip"),
        ("image/*", "image/png", "", "image/png"),
        ("image/png", "", "", "image/png"),
        ("image/png", "image/gif", "", "image/png"),
    ],
)
def test_the_type_of_a_file_is_the_callers_where_the_document_leaves_it_open(
    declared: str, given: str, byte_type: str, sent: str
) -> None:
    value: JSON = {"content": "iVBORw==", "contentType": given}
    assert body(media(declared, FILE), value, byte_type=byte_type) == Payload(b"\x89PNG", BodyKind.BYTES, sent)


def test_a_range_of_types_needs_one_from_the_caller() -> None:
    for value in ("iVBORw==", "data:text/plain;base64,iVBORw=="):
        with pytest.raises(Unwritable, match=r"contentType.*image/\*"):
            body(media("image/*", FILE), value)


def test_bytes_that_are_not_base64_are_refused_with_what_is_expected() -> None:
    with pytest.raises(Unwritable, match="expects a file"):
        body(media("application/pdf"), "hello world!")
    with pytest.raises(Unwritable, match="expects a file"):
        body(media("application/pdf"), {"a": 1})


# --- parameters with content -----------------------------------------------------------------------------------------


def content_parameter(location: str, one: MediaType, value: JSON, name: str = "filter") -> str | None:
    declared = parameter(name, location, content=one)
    return compile_content_parameter(declared, one, EMPTY)(value)


def test_json_in_a_parameter_is_compact_and_escaped_for_its_place() -> None:
    json = media("application/json", {})
    value: JSON = {"é": [1, "a&b"]}
    encoded = "%7B%22%C3%A9%22%3A%5B1%2C%22a%26b%22%5D%7D"
    assert content_parameter("query", json, value) == f"filter={encoded}"
    assert content_parameter("path", json, value) == encoded
    assert content_parameter("cookie", json, value) == f"filter={encoded}"
    assert content_parameter("header", json, value) == '{"\\u00e9":[1,"a&b"]}'
    assert content_parameter("querystring", json, value) == encoded


def test_a_querystring_may_be_a_form_or_text() -> None:
    form = media("application/x-www-form-urlencoded", {}, {"a": Encoding(style=Style.DEEP_OBJECT, explode=True)})
    assert content_parameter("querystring", form, {"a": {"b": 1}, "c": ["x y", 2]}) == "a%5Bb%5D=1&c=x%20y&c=2"
    assert content_parameter("query", form, {"c": "x"}) == "filter=c%3Dx"
    assert content_parameter("querystring", media("text/plain", STRING), "$.a[?@.b]") == "%24.a%5B%3F%40.b%5D"


def test_text_in_a_header_parameter_is_checked_like_any_header() -> None:
    assert content_parameter("header", media("text/plain", STRING), "a b") == "a b"
    with pytest.raises(Unwritable, match="HTTP header"):
        content_parameter("header", media("text/plain", STRING), "a\r\nb")
