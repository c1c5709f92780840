"""Bytes to values: what is tolerated, what is refused and in which words, and that hostile input stays cheap."""

import time

import pytest
from msgspec.structs import replace

from apifold.core.limits import DOCUMENT
from apifold.core.openapi.decode import DocumentRefused, decode, decode_file
from apifold.core.values import JSON


def codes(data: bytes) -> list[str]:
    return [found.code for found in decode_file(data).diagnostics]


def refusal(data: bytes) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        decode(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "\\u00e9"]}', {"a": [1, 2.5, True, None, "é"]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ('{"a": "é"}'.encode("utf-16-le"), {"a": "é"}),
        ('{"a": "é"}'.encode("utf-16-be"), {"a": "é"}),
        ("a: é".encode("utf-32"), {"a": "é"}),
        (b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b"a: 123456789012345678901234567890", {"a": 123456789012345678901234567890}),
        (b'{"a":\t1}', {"a": 1}),
        (b"  \n {}", {}),
    ],
)
def test_json_and_yaml_are_read_in_every_unicode_encoding(data: bytes, value: JSON) -> None:
    assert decode(data) == value
    assert codes(data) == []


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, 2,], /* why */ "b": "http://x/*y*/", } // end', {"a": [1, 2], "b": "http://x/*y*/"}),
        (b'// generated\n{"a": 1}', {"a": 1}),
        (b'/* generated */ {"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": "NaN", "b": "-Infinity", "c": "1e999"}),
        (b'{"a": "line\none\tand"}', {"a": "line\none\tand"}),
        (b'{"a": "\\ud800", "b": "\\ud83d\\ude00", "c": "\\udc00x"}', {"a": "\ufffd", "b": "😀", "c": "\ufffdx"}),
        (b"{'a': 1, b: 2}", {"a": 1, "b": 2}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
    ],
)
def test_json_that_is_not_quite_json_is_read_and_named(data: bytes, value: JSON) -> None:
    assert decode(data) == value
    assert "decode.lenient_json" in codes(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": {"x": 1, "x": 2}}', {"a": {"x": 2}}),
        (b"a:\n  x: 1\n  x: 2\n", {"a": {"x": 2}}),
        (b'a: {x: 1, "x": 2}', {"a": {"x": 2}}),
    ],
)
def test_of_a_duplicate_key_the_last_counts_and_it_is_named(data: bytes, value: JSON) -> None:
    assert decode(data) == value
    assert codes(data) == ["decode.duplicate_key"]


def test_quotes_before_colons_inside_of_strings_are_no_duplicate_keys() -> None:
    assert codes(b'{"a": "say \\"x\\": 1, then \\"x\\": 2", "b" : ":", "c\\\\": 1}') == []


@pytest.mark.parametrize(
    ("data", "value", "code"),
    [
        (b"a: h\xe9", {"a": "h\ufffd"}, "decode.encoding"),
        (b'{"a": "h\xe9"}', {"a": "h\ufffd"}, "decode.encoding"),
        (b'a: "x\x01y"', {"a": "xy"}, "decode.control_characters"),
        (b"a: 1\n---\nb: 2", {"a": 1}, "decode.more_documents"),
        (b"a: !thing 1", {"a": "1"}, "decode.tag_ignored"),
        (b"? [x]\n: 1\na: 2", {"a": 2}, "decode.complex_key"),
    ],
)
def test_what_is_odd_is_read_without_it_and_named(data: bytes, value: JSON, code: str) -> None:
    assert decode(data) == value
    assert codes(data) == [code]


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "document.empty", "the file is empty"),
        (b" \n\t ", "document.empty", "the file is empty"),
        (b"PK\x03\x04....", "document.encoding", "a ZIP archive"),
        (b"\x1f\x8b\x08", "document.encoding", "a gzip file"),
        (b"<!DOCTYPE html><p>", "document.not_openapi", "HTML"),
        (b'<?xml version="1.0"?>', "document.not_openapi", "XML"),
        (b'{"a": 1} extra', "document.syntax", "line 1"),
        (b'{"a": [1, 2}', "document.syntax", "line 1 column 12"),
        (b"a: b: c", "document.syntax", "line 1, column 5"),
        (b"paths:\n\t/x: 1", "document.syntax", "a tab indents the line; YAML allows only spaces there (line 2"),
        (b"a: &x [*x]", "document.syntax", "the alias *x stands inside what it names"),
        (b"a: *nothing", "document.syntax", "the alias *nothing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_the_place(data: bytes, code: str, words: str) -> None:
    refused = refusal(data)
    assert refused.code == code
    assert words in refused.message


def alias_bomb(levels: int) -> str:
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    return first + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, levels))


def merge_bomb(levels: int) -> str:
    first = "a0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(10)) + "}\n"
    return first + "".join(f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 4)}]\n" for i in range(1, levels))


def merge_square(size: int) -> str:
    shared = "b: &b {" + ", ".join(f"k{i}: 1" for i in range(size)) + "}\n"
    return shared + "".join(f"c{i}:\n  <<: *b\n" for i in range(size))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (alias_bomb(9), "document.too_many_values"),
        (alias_bomb(40), "document.too_many_values"),
        (merge_bomb(25), "document.too_many_values"),
        (merge_square(3000), "document.too_many_values"),
        ("[" + "[],", "document.syntax"),
        ("[" + "[]," * 4_000_000 + "[]]", "document.too_many_values"),
        ("[" * 200_000, "document.too_deep"),
        ("[" * 200_000 + "]" * 200_000, "document.too_deep"),
        ('{"a":' * 200_000, "document.too_deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "document.too_deep"),
        ("{a: " * 100_000, "document.too_deep"),
        ("- " * 2_000_000 + "x", "document.too_deep"),
        ("? " * 2_000_000 + "x", "document.too_deep"),
        ("a:\n" + "".join(" " * i + "b:\n" for i in range(1, 3000)), "document.too_deep"),
        ("a: &a [[[[1]]]]\n" + "b: " + "[" * 197 + "*a" + "]" * 197, "document.too_deep"),
        ('{"a": "' + '\\"' * 2_000_000, "document.syntax"),
        ("{" + "/*" * 2_000_000, "document.syntax"),
        ("&a " * 200_000, "document.syntax"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_bombs_are_refused_at_once(text: str, code: str) -> None:
    data = text.encode()
    start = time.perf_counter()
    refused = refusal(data)
    spent = time.perf_counter() - start
    assert refused.code == code
    assert spent < 5


def test_depth_up_to_the_bound_is_read() -> None:
    assert decode(('{"a":' * 199 + "{}" + "}" * 199).encode()) != {}
    assert decode(("[" * 200 + "]" * 200).encode("utf-8")) != []
    assert decode(("a: " + "[" * 199 + "]" * 199).encode()) != {}


def test_file_over_the_byte_bound_is_refused() -> None:
    limits = replace(DOCUMENT, file_bytes=10)
    with pytest.raises(DocumentRefused, match="more than the 10 allowed"):
        decode(b'{"a": 12345}', limits=limits)


def test_values_are_counted_outside_of_strings() -> None:
    limits = replace(DOCUMENT, nodes=5)
    assert decode(b'{"a": "[,,,,,,,{{{["}', limits=limits) == {"a": "[,,,,,,,{{{["}


def test_links_are_the_files_that_references_and_mappings_name() -> None:
    text = """
a: {$ref: "other.yaml#/x"}
b: {$ref: "#/a"}
c: {$ref: "other.yaml#/y"}
d: {discriminator: {propertyName: k, mapping: {one: Named, two: "part.json", three: "#/a"}}}
e: {$ref: 5, $id: "https://example.com/schemas/e"}
"""
    links = decode_file(text.encode()).links
    assert (list(links.files), links.identities) == (
        ["other.yaml", "part.json"],
        {"https://example.com/schemas/e", "e"},
    )
