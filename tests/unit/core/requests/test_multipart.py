"""Multipart bodies, read back by the standard library's own parser."""

from email.parser import BytesParser
from email.policy import HTTP

import pytest

from apifold.core.openapi.model import Encoding, Node, Style
from apifold.core.openapi.references import Resolver
from apifold.core.requests.multipart import Part, compile_multipart, free_boundary
from apifold.core.requests.serialize import Unwritable
from apifold.core.values import JSON, JSONObject
from support.plans import media

FILE: JSON = {"type": "string", "format": "binary"}
PNG: JSONObject = {"content": "iVBORw0KGgoA//4=", "filename": "x.png", "contentType": "image/png"}
PNG_BYTES = b"\x89PNG\r\n\x1a\n\x00\xff\xfe"


def multipart(
    value: JSON,
    properties: dict[str, JSON] | None = None,
    encoding: dict[str, Encoding] | None = None,
    subtype: str = "form-data",
) -> tuple[bytes, str]:
    schema: JSON = {"type": "object", "properties": properties or {}}
    return compile_multipart(media(f"multipart/{subtype}", schema, encoding), Resolver({"": {}}))(value)


def parts(sent: tuple[bytes, str]) -> list[tuple[str | None, str | None, str, bytes]]:
    """Name, file name, content type (empty when there is none) and content of each part."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {sent[1]}\r\n\r\n".encode() + sent[0])
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        disposition = part["content-disposition"]
        name = disposition.params.get("name") if disposition else None
        found.append((name, part.get_filename(), str(part["content-type"] or ""), content))
    return found


def test_the_whole_body_is_what_rfc_7578_describes() -> None:
    body, content_type = multipart({"a": "x", "f": PNG}, {"f": FILE})
    boundary = content_type.removeprefix("multipart/form-data; boundary=")
    assert (
        body
        == (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="a"\r\n'
            "\r\n"
            "x\r\n"
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="f"; filename="x.png"\r\n'
            "Content-Type: image/png\r\n"
            "\r\n"
        ).encode()
        + PNG_BYTES
        + f"\r\n--{boundary}--\r\n".encode()
    )


def test_equal_arguments_give_equal_bytes_and_others_another_boundary() -> None:
    assert multipart({"a": "x"}) == multipart({"a": "x"})
    assert multipart({"a": "x"})[1] != multipart({"a": "y"})[1]


def test_the_boundary_never_occurs_in_the_parts() -> None:
    boundary = multipart({"a": "x"})[1].partition("boundary=")[2]
    assert free_boundary("b", [Part(b"", b"--a"), Part(b"", b"\r\n--b\r\n--b1")]) == "b2"
    sent = multipart({"a": "x", "b": f"\r\n--{boundary}--\r\n"})
    assert parts(sent) == [("a", None, "", b"x"), ("b", None, "", f"\r\n--{boundary}--\r\n".encode())]


def test_scalars_are_text_objects_are_json_and_arrays_are_a_part_each() -> None:
    value: JSON = {"n": 1, "t": True, "s": "é", "o": {"k": None}, "a": ["x", 2], "l": [{"k": 1}], "gone": None}
    assert parts(multipart(value)) == [
        ("n", None, "", b"1"),
        ("t", None, "", b"true"),
        ("s", None, "", "é".encode()),
        ("o", None, "application/json", b'{"k":null}'),
        ("a", None, "", b"x"),
        ("a", None, "", b"2"),
        ("l", None, "application/json", b'{"k":1}'),
    ]


@pytest.mark.parametrize("value", ["iVBORw0KGgoA//4=", "data:image/png;base64,iVBORw0KGgoA//4="])
def test_a_string_is_a_file_where_the_schema_says_so(value: str) -> None:
    content_type = "image/png" if value.startswith("data:") else "application/octet-stream"
    assert parts(multipart({"f": value}, {"f": FILE})) == [("f", "f", content_type, PNG_BYTES)]
    listed: JSON = {"type": "array", "items": FILE}
    assert parts(multipart({"f": [value, value]}, {"f": listed})) == [("f", "f", content_type, PNG_BYTES)] * 2


def test_content_media_type_of_3_1_is_the_type_of_a_part_where_no_encoding_says_it() -> None:
    image: JSON = {"type": "string", "contentMediaType": "image/png"}
    page: JSON = {"type": "string", "contentMediaType": "text/html"}
    encoded: JSON = {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}
    value: JSONObject = {"f": "iVBORw0KGgoA//4=", "p": "<p>", "e": "iVBORw0KGgoA//4="}
    schema: JSONObject = {"f": image, "p": page, "e": encoded}
    assert parts(multipart(value, schema)) == [
        ("f", "f", "image/png", PNG_BYTES),
        ("p", None, "text/html", b"<p>"),
        ("e", None, "", b"iVBORw0KGgoA//4="),
    ]
    other = {"f": Encoding(content_type="image/gif")}
    assert parts(multipart({"f": value["f"]}, {"f": image}, other)) == [("f", "f", "image/gif", PNG_BYTES)]


def test_parts_that_are_not_named_follow_the_schema_of_additional_properties() -> None:
    one = media("multipart/form-data", {"type": "object", "additionalProperties": FILE})
    sent = compile_multipart(one, Resolver({"": {}}))({"any": "iVBORw0KGgoA//4="})
    assert parts(sent) == [("any", "any", "application/octet-stream", PNG_BYTES)]


def test_a_file_object_is_a_file_unless_the_schema_wants_an_object() -> None:
    assert parts(multipart({"f": PNG}, {"f": {"type": "string"}})) == [("f", "x.png", "image/png", PNG_BYTES)]
    assert parts(multipart({"f": PNG})) == [("f", "x.png", "image/png", PNG_BYTES)]
    wanted: JSON = {"type": "object", "properties": {"content": {"type": "string"}}}
    assert parts(multipart({"f": {"content": "aa"}}, {"f": wanted})) == [
        ("f", None, "application/json", b'{"content":"aa"}')
    ]


def test_a_data_uri_is_a_file_where_a_form_declares_none() -> None:
    uri = "data:image/png;base64,iVBORw0KGgoA//4="
    plain: JSONObject = {"type": "string"}
    assert parts(multipart({"f": uri, "t": "data: x, y"}, {"f": plain, "t": plain})) == [
        ("f", "f", "image/png", PNG_BYTES),
        ("t", None, "", b"data: x, y"),
    ]
    declared: dict[str, JSON] = {"f": plain, "other": FILE}
    assert parts(multipart({"f": uri}, declared)) == [("f", None, "", uri.encode())]


def test_the_type_of_a_part_is_what_the_encoding_says() -> None:
    encoding = {
        "json": Encoding(content_type="application/json; charset=utf-8"),
        "csv": Encoding(content_type="text/csv"),
        "one": Encoding(content_type="image/jpeg"),
        "either": Encoding(content_type="image/jpeg, image/png"),
        "range": Encoding(content_type="image/*"),
    }
    value: JSON = {"json": {"a": 1}, "csv": "a,b", "one": PNG, "either": PNG, "range": PNG}
    assert [
        (part[0], part[2])
        for part in parts(multipart(value, dict.fromkeys(["one", "either", "range"], FILE), encoding))
    ] == [
        ("json", 'application/json; charset="utf-8"'),
        ("csv", "text/csv"),
        ("one", "image/jpeg"),
        ("either", "image/png"),
        ("range", "image/png"),
    ]


def test_an_encoding_for_bytes_makes_a_file_of_an_open_string() -> None:
    encoding = {"f": Encoding(content_type="image/png"), "g": Encoding(content_type="image/*")}
    schemas: list[JSONObject] = [{"type": "string"}, {}]
    for open_schema in schemas:
        sent = parts(multipart({"f": "iVBORw0KGgoA//4=", "g": PNG}, {"f": open_schema, "g": open_schema}, encoding))
        assert sent == [("f", "f", "image/png", PNG_BYTES), ("g", "x.png", "image/png", PNG_BYTES)]


def test_json_text_in_a_string_is_not_quoted_again() -> None:
    encoding = {"s": Encoding(content_type="application/json")}
    assert parts(multipart({"s": ' {"a":1}'}, {"s": {"type": "string"}}, encoding))[0][3] == b' {"a":1}'
    assert parts(multipart({"s": "plain"}, {"s": {"type": "string"}}, encoding))[0][3] == b'"plain"'


def test_a_style_gives_a_part_for_each_member() -> None:
    encoding = {"o": Encoding(style=Style.DEEP_OBJECT, explode=True), "a": Encoding(explode=False)}
    assert parts(multipart({"o": {"create": True, "meta": {"k y": 1}}, "a": ["x", "y z"]}, None, encoding)) == [
        ("o[create]", None, "", b"true"),
        ("o[meta][k y]", None, "", b"1"),
        ("a", None, "", b"x,y z"),
    ]


def test_names_and_file_names_are_escaped_as_browsers_do() -> None:
    sent = multipart({'a"\r\nX: 1': {**PNG, "filename": 'é".png\r\n'}})
    assert b'name="a%22%0D%0AX: 1"; filename="\xc3\xa9%22.png%0D%0A"\r\n' in sent[0]


def test_part_headers_that_the_document_fixes_are_sent() -> None:
    fixed = Node({"schema": {"type": "string", "default": "7"}})
    free = Node({"schema": {"type": "string"}})
    encoding = {
        "f": Encoding(
            headers={"X-Rate": fixed, "X-Free": free, "Content-Type": fixed, "bad name": fixed, "X-None": Node({})}
        )
    }
    sent = multipart({"f": PNG, "g": "x"}, {"f": FILE}, encoding)
    assert sent[0].count(b"X-Rate: 7\r\n") == 1
    assert b"X-Free" not in sent[0]
    assert b"bad name" not in sent[0]
    given = multipart(
        {"f": {**PNG, "headers": {"x-free": "1", "Content-Type": "a/b", "X-Other": "2"}}}
        if isinstance(PNG, dict)
        else {},
        {"f": FILE},
        encoding,
    )
    assert b"Content-Type: image/png\r\nX-Rate: 7\r\nX-Free: 1\r\nX-Other: 2\r\n" in given[0]


def test_related_parts_have_a_content_id_and_the_root_its_type() -> None:
    encoding = {
        "jsonData": Encoding(content_type="application/json"),
        "bin": Encoding(content_type="application/vnd.3gpp.5gnas", headers={"Content-Id": Node({"schema": {}})}),
    }
    body, content_type = multipart({"jsonData": {"a": 1}, "bin": "LgE="}, {"bin": FILE}, encoding, "related")
    assert content_type.startswith("multipart/related; boundary=")
    assert content_type.endswith('; type="application/json"')
    assert body.count(b"Content-ID: jsonData\r\n") == 1
    assert b"Content-Type: application/vnd.3gpp.5gnas\r\nContent-Id: bin\r\n\r\n.\x01\r\n" in body
    assert [(part[0], part[3]) for part in parts((body, content_type))] == [("jsonData", b'{"a":1}'), ("bin", b".\x01")]


def test_an_array_gives_parts_without_names() -> None:
    one = media("multipart/mixed", {"type": "array", "items": FILE})
    sent = compile_multipart(one, Resolver({"": {}}))(["LgE=", PNG])
    assert parts(sent) == [
        (None, None, "application/octet-stream", b".\x01"),
        (None, None, "image/png", PNG_BYTES),
    ]


def test_a_range_of_multipart_types_is_form_data() -> None:
    sent = compile_multipart(media("multipart/*", {}), Resolver({"": {}}))({"a": "x"})
    assert sent[1].startswith("multipart/form-data; boundary=")


def test_other_bodies_are_refused_and_problems_name_the_part() -> None:
    with pytest.raises(Unwritable, match="expects an object"):
        multipart("x")
    with pytest.raises(Unwritable, match="not base64") as caught:
        multipart({"ok": 1, "f": "not base64!"}, {"f": FILE})
    assert caught.value.path == ("f",)


def test_text_that_is_not_unicode_is_refused() -> None:
    samples: list[JSON] = [{"a": "\ud800"}, {"\ud800": "a"}]
    for value in samples:
        with pytest.raises(Unwritable, match="not valid Unicode"):
            multipart(value)
