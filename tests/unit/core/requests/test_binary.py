"""The three spellings of a file inside JSON arguments."""

import pytest

from apifold.core.requests.binary import Binary, decode_base64, looks_binary, read_binary
from apifold.core.requests.serialize import Unwritable
from apifold.core.values import JSON


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("aGVsbG8=", b"hello"),
        ("aGVsbG8", b"hello"),
        ("aGVs\r\n bG8=\n", b"hello"),
        ("--__", b"\xfb\xef\xff"),
        ("++//", b"\xfb\xef\xff"),
        ("", b""),
    ],
)
def test_base64_is_read_in_both_alphabets_with_or_without_padding_and_white_space(text: str, content: bytes) -> None:
    assert decode_base64(text) == content


@pytest.mark.parametrize("text", ["hello world!", "a", "aGVsbG8=x", "{}", "héllo"])
def test_text_that_is_not_base64_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(Unwritable, match="not base64") as caught:
        decode_base64(text)
    assert '"content": "<base64>"' in str(caught.value)


def test_a_file_object_carries_name_and_type() -> None:
    value: JSON = {"content": "aGVsbG8=", "filename": "a.txt", "contentType": "text/plain; charset=utf-8"}
    assert read_binary(value) == Binary(b"hello", "a.txt", "text/plain; charset=utf-8")
    assert read_binary({"content": "aGVsbG8=", "filename": None, "contentType": ""}) == Binary(b"hello")
    assert read_binary({"content": "aGVsbG8=", "headers": {"X-Id": "1"}}).headers == {"X-Id": "1"}


def test_a_data_uri_inside_a_file_object_is_read_as_one() -> None:
    assert read_binary({"content": "data:image/png;base64,aGVsbG8="}) == Binary(b"hello", "", "image/png")
    named: JSON = {"content": "data:image/png;base64,aGVsbG8=", "contentType": "image/gif"}
    assert read_binary(named) == Binary(b"hello", "", "image/gif")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data:image/png;base64,aGVsbG8=", Binary(b"hello", "", "image/png")),
        ("DATA:image/png;BASE64,aGVsbG8=", Binary(b"hello", "", "image/png")),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8=", Binary(b"hello", "", "text/plain;charset=utf-8")),
        ("data:text/plain,50%25%20off", Binary(b"50% off", "", "text/plain")),
        ("data:,hello", Binary(b"hello")),
        ("data:;base64,aGVsbG8=", Binary(b"hello")),
        ("data:image/png;name=a%20b.png;base64,aGVsbG8=", Binary(b"hello", "a b.png", "image/png")),
    ],
)
def test_data_uris_are_read_as_rfc_2397_says(text: str, expected: Binary) -> None:
    assert looks_binary(text)
    assert read_binary(text) == expected


def test_bare_base64_is_a_file_without_name_and_type() -> None:
    assert read_binary("aGVsbG8=") == Binary(b"hello")


@pytest.mark.parametrize("value", [None, 1, True, [], {}, {"content": 1}, {"content": "aa", "other": 1}])
def test_other_values_are_no_files(value: JSON) -> None:
    assert not looks_binary(value)
    with pytest.raises(Unwritable, match="expects a file"):
        read_binary(value)


@pytest.mark.parametrize("content_type", ["image/*", "*/*", "png", "image/png\r\nX: 1", "image/png; a=\nb"])
def test_a_content_type_that_cannot_be_sent_is_refused(content_type: str) -> None:
    with pytest.raises(Unwritable):
        read_binary({"content": "aGVsbG8=", "contentType": content_type})


def test_headers_of_a_file_cannot_smuggle_line_breaks() -> None:
    with pytest.raises(Unwritable, match="HTTP header"):
        read_binary({"content": "aGVsbG8=", "headers": {"X-Id": "1\r\nY: 2"}})
