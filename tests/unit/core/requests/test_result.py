"""Answers of every kind, as the model gets them."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.core.limits import CallLimits
from apifold.core.mcp.content import AudioContent, ContentBlock, EmbeddedResource, ImageContent, TextContent, ToolResult
from apifold.core.requests.cut import close_early, fit
from apifold.core.requests.model import UpstreamResponse
from apifold.core.requests.result import Shaped, shape
from apifold.core.requests.scrub import MARK, Scrubber
from apifold.core.values import JSON

SMALL = CallLimits(result_bytes=1_000, response_bytes=5_000)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00"


def answer(
    body: bytes, content_type: str = "", status: int = 200, *headers: tuple[str, str], truncated: bool = False
) -> UpstreamResponse:
    given = (("content-type", content_type), *headers) if content_type else headers
    return UpstreamResponse(status, given, body, truncated)


def blocks(body: bytes, content_type: str = "", status: int = 200, **options: Any) -> tuple[ContentBlock, ...]:
    return shape(answer(body, content_type, status), **options).result.content


def text_of(shaped: Shaped) -> str:
    first = shaped.result.content[0]
    assert isinstance(first, TextContent)
    return first.text


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/hal+json",
        "application/vnd.github.v3+json;v=1",
        "application/problem+json",
        "text/json",
        "text/plain",
        "text/html",
        "",
        "application/octet-stream",
    ],
)
def test_json_object_is_text_and_structured_whatever_it_is_called(content_type: str) -> None:
    body = '{"id": 1, "name": "ü"}'.encode()
    assert shape(answer(body, content_type)).result == ToolResult(
        (TextContent(body.decode()),), structured_raw=body, has_structured=True, structured_is_object=True
    )


@pytest.mark.parametrize("body", [b"[1, 2]", b'"text"', b"12345678901234567890", b"null", b"true", b"1.50"])
def test_any_json_value_is_structured_and_told_from_an_object(body: bytes) -> None:
    assert shape(answer(body, "application/json")).result == ToolResult(
        (TextContent(body.decode()),), structured_raw=body, has_structured=True, structured_is_object=False
    )


def test_pretty_printed_json_loses_the_white_space_between_tokens_and_nothing_else() -> None:
    body = b'{\n  "text": "two  spaces",\r\n  "number": 1.50,\n  "list": [\n    1\n  ]\n}\n'
    shaped = shape(answer(body, "application/json"))
    compact = '{"text":"two  spaces","number":1.50,"list":[1]}'
    assert (text_of(shaped), shaped.result.structured_raw) == (compact, compact.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": 1',
        b'{"a": 1} trailing',
        b"not json",
        b'{"a": 1}\n{"a": 2}',
        b"[" * 3_000 + b"]" * 3_000,
    ],
)
def test_what_is_not_json_after_all_is_text(body: bytes) -> None:
    assert shape(answer(body, "application/json"), limits=CallLimits()).result == ToolResult(
        (TextContent(body.decode()),)
    )


def test_invalid_utf8_in_json_is_replaced_and_still_structured() -> None:
    shaped = shape(answer(b'{"name": "caf\xe9"}', "application/json"))
    assert (text_of(shaped), shaped.result.structured_raw) == ('{"name": "café"}', '{"name": "café"}'.encode())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_json_with_a_byte_order_mark_is_json(encoding: str) -> None:
    shaped = shape(answer('{"a":"ü"}'.encode(encoding), "application/json"))
    assert shaped.result.structured_raw == '{"a":"ü"}'.encode()


def test_json_in_a_declared_charset_is_read_in_it() -> None:
    shaped = shape(answer('{"a":"ж"}'.encode("koi8-r"), "application/json; charset=koi8-r"))
    assert shaped.result.structured_raw == '{"a":"ж"}'.encode()


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"plain", "text/plain", "plain"),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1", "é"),
        ("€".encode("cp1252"), "text/plain; charset=latin-1", "€"),
        ("é".encode("latin-1"), "text/plain", "é"),
        ("é".encode(), "text/plain; charset=us-ascii", "é"),
        ("héé".encode("utf-16"), "text/plain; charset=utf-16", "héé"),
        ("héé".encode("utf-16-le"), "text/plain; charset=utf-16le", "héé"),
        ("日本".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "日本"),
        (b"\xff\xfea\x00", "text/plain", "a"),
        (b"a\xffb", "text/plain; charset=utf-8", "a\N{REPLACEMENT CHARACTER}b"),
        ("é".encode(), "text/plain; charset=no-such-thing", "é"),
        (b"abc", "text/plain; charset=hex", "abc"),
        (b"abc", "text/plain; charset=utf-7", "abc"),
        (b"abc", "text/plain; charset=a\x00b", "abc"),
        (b"a-b", "text/plain; charset=punycode", "a-b"),
        ('<?xml version="1.0" encoding="iso-8859-2"?><a>ż</a>'.encode("iso-8859-2"), "application/xml", None),
        ('<html><meta charset="windows-1251"><p>ж'.encode("cp1251"), "text/html", None),
        ('<meta http-equiv="Content-Type" content="text/html; charset=gbk">中'.encode("gbk"), "text/html", None),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"a,b\n1,2\n", "text/csv", "a,b\n1,2\n"),
        (b'{"a":1}\n{"a":2}\n', "application/x-ndjson", '{"a":1}\n{"a":2}\n'),
        (b"data: 1\n\n", "text/event-stream", "data: 1\n\n"),
        (b"hello there", "", "hello there"),
        (b"hello there", "application/octet-stream", "hello there"),
    ],
)
def test_text_is_decoded_as_declared_else_as_found(body: bytes, content_type: str, expected: str | None) -> None:
    if expected is None:
        expected = body.decode({b"<?xml": "iso-8859-2", b"<html": "cp1251", b"<meta": "gbk"}[body[:5]])
    assert blocks(body, content_type) == (TextContent(expected),)


@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "utf-16", "utf-32", "latin-1", "gb18030", "idna", "\N{SNOWMAN}"]),
)
def test_no_bytes_in_any_charset_make_text_fail_or_unencodable(body: bytes, charset: str) -> None:
    for block in blocks(b"x" + body, f"text/plain; charset={charset}"):
        assert isinstance(block, TextContent)
        block.text.encode()


# --- binary ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_picture_that_models_read_is_an_image(media: str) -> None:
    assert blocks(PNG, media) == (ImageContent(base64.b64encode(PNG).decode(), media),)


@pytest.mark.parametrize("media", ["", "application/octet-stream"])
def test_untold_picture_is_recognised(media: str) -> None:
    assert blocks(PNG, media) == (ImageContent(base64.b64encode(PNG).decode(), "image/png"),)


def test_sound_is_audio() -> None:
    assert blocks(b"RIFF\x00", "audio/wav") == (AudioContent(base64.b64encode(b"RIFF\x00").decode(), "audio/wav"),)


@pytest.mark.parametrize("media", ["application/pdf", "image/tiff", "video/mp4", "application/zip", "font/woff2"])
def test_other_binary_is_a_blob_that_is_announced(media: str) -> None:
    assert blocks(b"\x00\x01", media, subject="x") == (
        TextContent(f"A file ({media}, 2 bytes) is attached."),
        EmbeddedResource("openapi://operations/x/answer", media, blob="AAE="),
    )


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="report 1.pdf"', "report_1.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\..\\boot.ini"', "boot.ini"),
    ],
)
def test_download_is_named_without_its_path(disposition: str, name: str) -> None:
    response = answer(b"\x00", "application/pdf", 200, ("content-disposition", disposition))
    assert shape(response, subject="x").result.content == (
        TextContent(f"{name} (application/pdf, 1 bytes) is attached."),
        EmbeddedResource(f"openapi://operations/x/answer/{name}", "application/pdf", blob="AA=="),
    )


def test_bytes_without_a_media_type_are_a_blob() -> None:
    assert blocks(b"\x00\xff\x00", "")[1:] == (
        EmbeddedResource("openapi://operations/answer", "application/octet-stream", blob="AP8A"),
    )


def test_binary_of_which_the_end_was_not_read_is_left_out_and_said_so() -> None:
    shaped = shape(answer(b"\x00" * 50, "application/pdf", truncated=True), limits=SMALL)
    assert shaped.result.content == (
        TextContent(
            "The answer (application/pdf) has more than 5,000 bytes, the most that is read. "
            "A part of it would be of no use, so it is not included."
        ),
    )


# --- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "text", "is_error"),
    [
        (200, "HTTP 200 OK. The answer has no body.", False),
        (204, "HTTP 204 No Content. The answer has no body.", False),
        (205, "HTTP 205 Reset Content. The answer has no body.", False),
        (304, "HTTP 304 Not Modified. It says nothing more.", False),
        (404, "HTTP 404 Not Found. It says nothing more.", True),
        (500, "HTTP 500 Internal Server Error. It says nothing more.", True),
        (599, "HTTP 599. It says nothing more.", True),
    ],
)
def test_answer_without_a_body_is_a_sentence(status: int, text: str, is_error: bool) -> None:
    assert shape(answer(b"", "", status)).result == ToolResult((TextContent(text),), is_error=is_error)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 503])
def test_refusal_is_an_error_with_status_and_body(status: int) -> None:
    result = shape(answer(b'{"detail": "no"}', "application/problem+json", status)).result
    assert result.is_error
    assert not result.has_structured
    text = text_of(Shaped(result))
    assert text.startswith(f"HTTP {status} ")
    assert text.endswith('\n\n{"detail": "no"}')


def test_refusal_in_binary_still_says_its_status_first() -> None:
    assert blocks(PNG, "image/png", 500) == (
        TextContent("HTTP 500 Internal Server Error"),
        ImageContent(base64.b64encode(PNG).decode(), "image/png"),
    )


def test_hint_stands_after_the_error() -> None:
    assert blocks(b"no", "text/plain", 401, hint="Use the flag.") == (
        TextContent("HTTP 401 Unauthorized\n\nno"),
        TextContent("Use the flag."),
    )


def test_retry_after_is_told_with_the_refusal() -> None:
    shaped = shape(answer(b"slow down", "text/plain", 429, ("retry-after", "30")))
    assert text_of(shaped) == "HTTP 429 Too Many Requests\nRetry-After: 30\n\nslow down"


def test_location_and_next_page_are_told_after_the_answer() -> None:
    link = '</things?page=2>; rel="next"'
    shaped = shape(answer(b'{"id":1}', "application/json", 201, ("location", "/things/1"), ("link", link)))
    assert shaped.result.content == (TextContent('{"id":1}'), TextContent(f"Location: /things/1\nLink: {link}"))
    assert shaped.result.structured_raw == b'{"id":1}'


def test_half_of_a_surrogate_pair_does_not_cost_the_structured_content() -> None:
    body = rb'{"a":"cut \ud83d","b":"\ud83d\ude00","c":"\\ud83d","d":"\udE00\n"}'
    result = shape(answer(body, "application/json")).result
    assert result.structured_raw == rb'{"a":"cut \ufffd","b":"\ud83d\ude00","c":"\\ud83d","d":"\ufffd\n"}'


def test_link_without_a_next_page_is_not_told() -> None:
    assert shape(answer(b"1", "application/json", 200, ("link", '</>; rel="prev"'))).result.content == (
        TextContent("1"),
    )


def test_answer_to_head_is_its_headers() -> None:
    shaped = shape(answer(b"", "text/plain", 200, ("content-length", "5")), method="HEAD")
    assert shaped.result == ToolResult((TextContent("HTTP 200 OK\ncontent-type: text/plain\ncontent-length: 5"),))


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("application/json", "utf-8"), ("text/plain", "utf-8"), ("text/plain; charset=utf-16", "utf-16"), ("", "utf-8")],
)
def test_echoed_secret_is_not_in_the_result(content_type: str, encoding: str) -> None:
    scrubber = Scrubber(["s3cr3t-value"])
    echoed = answer('{"got":"s3cr3t-value"}'.encode(encoding), content_type, 200, ("location", "/?k=s3cr3t-value"))
    result = shape(echoed, scrubber=scrubber).result
    assert "s3cr3t" not in repr(result)
    assert text_of(Shaped(result)) == f'{{"got":"{MARK}"}}'


def test_echoed_secret_is_not_in_the_headers_that_are_told() -> None:
    response = answer(b"", "", 200, ("x-echo", "s3cr3t-value"))
    assert "s3cr3t" not in repr(shape(response, method="HEAD", scrubber=Scrubber(["s3cr3t-value"])).result)


def test_secret_in_binary_is_removed_before_it_is_encoded() -> None:
    result = shape(answer(b"\x00s3cr3t-value", "application/pdf"), scrubber=Scrubber(["s3cr3t-value"])).result
    blob = result.content[1]
    assert isinstance(blob, EmbeddedResource)
    assert base64.b64decode(blob.blob or "") == b"\x00" + MARK.encode()


# --- oversize --------------------------------------------------------------------------------------------------------


def test_long_list_is_cut_on_a_whole_item_into_valid_json() -> None:
    items: list[JSON] = [{"id": i, "name": f"item {i}"} for i in range(100)]
    shaped = shape(answer(json.dumps(items).encode(), "application/json"), limits=SMALL)
    shown = json.loads(text_of(shaped))
    kept = len(shown)
    assert shown == items[:kept]
    assert 25 < kept < 40
    assert not shaped.result.has_structured
    assert shaped.result.content[1] == TextContent(
        f"The answer has {len(json.dumps(items)):,} bytes. It was cut to what fits: the answer has {kept} of 100 items. "
        "Ask for less (filters, fewer fields, smaller pages) to see the rest."
    )
    (done,) = shaped.cuts
    assert (done.pointer, done.unit, done.kept, done.total) == ("", "items", kept, 100)
    assert json.loads(msgspec.json.encode(done.remainder)) == items[kept:]


def test_largest_list_inside_an_object_is_cut_and_the_rest_stays_whole() -> None:
    value = {"total": 500, "items": [{"id": i} for i in range(500)], "next": "/page/2", "tags": ["a", "b"]}
    shaped = shape(answer(json.dumps(value).encode(), "application/json"), limits=SMALL)
    shown = json.loads(text_of(shaped))
    assert shown == {**value, "items": [{"id": i} for i in range(len(shown["items"]))]}
    assert [(cut.pointer, cut.unit, cut.total) for cut in shaped.cuts] == [("/items", "items", 500)]


def test_long_text_member_is_cut_inside() -> None:
    value = {"id": 1, "body": "ä" * 3_000}
    shaped = shape(answer(json.dumps(value, ensure_ascii=False).encode(), "application/json"), limits=SMALL)
    shown = json.loads(text_of(shaped))
    assert shown["id"] == 1
    assert shown["body"] == "ä" * (len(shown["body"]) - 1) + "…"
    assert [(cut.pointer, cut.unit, cut.total) for cut in shaped.cuts] == [("/body", "characters", 3_000)]


def test_pretty_printing_alone_does_not_make_an_answer_too_long() -> None:
    value = {"list": list(range(180))}
    body = json.dumps(value, indent=8).encode()
    assert len(body) > SMALL.result_bytes
    assert json.loads(text_of(shape(answer(body, "application/json"), limits=SMALL))) == value


def test_json_of_which_the_end_was_not_read_keeps_its_whole_items() -> None:
    body = json.dumps({"items": [{"id": i, "text": "a,]}[{\\"} for i in range(400)], "more": True}).encode()[:5_000]
    shaped = shape(answer(body, "application/json", truncated=True), limits=SMALL)
    shown = json.loads(text_of(shaped))
    assert shown == {"items": [{"id": i, "text": "a,]}[{\\"} for i in range(len(shown["items"]))]}
    assert len(shown["items"]) > 20
    note = shaped.result.content[1]
    assert isinstance(note, TextContent)
    assert note.text.startswith(
        "The answer is longer than 5,000 bytes, the most that is read; above are its first items"
    )


def test_long_text_is_cut_after_a_whole_line() -> None:
    body = b"".join(b"line %03d\n" % i for i in range(300))
    shaped = shape(answer(body, "text/plain"), limits=SMALL)
    assert text_of(shaped) == body.decode()[:999]
    assert shaped.result.content[1] == TextContent(
        "The answer was cut to its first 999 of 2,700 characters. Ask for less to see the rest."
    )


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=400),
        lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=30), inner, max_size=30),
        max_leaves=60,
    ),
    st.integers(64, 3_000),
)
def test_anything_fits_after_cutting_and_what_is_whole_is_not_touched(value: Any, size: int) -> None:
    whole = len(msgspec.json.encode(value))
    fitted, cuts = fit(msgspec.json.encode(value), size=size)
    json.loads(fitted)
    assert len(fitted) <= max(size, 4)
    if whole <= size:
        assert (fitted, cuts) == (msgspec.json.encode(value), ())
    else:
        assert cuts


def test_map_with_very_many_members_keeps_its_first_ones() -> None:
    value: JSON = {f"key{i}": {"n": i} for i in range(2_000)}
    written, cuts = fit(msgspec.json.encode(value), size=1_000)
    fitted = json.loads(written)
    assert list(fitted) == [f"key{i}" for i in range(len(fitted))]
    assert len(fitted) > 40
    assert [(cut.unit, cut.kept, cut.total) for cut in cuts] == [("members", len(fitted), 2_000)]


def test_single_item_that_is_larger_than_all_the_room_is_cut_inside() -> None:
    written, cuts = fit(msgspec.json.encode([{"id": 1, "rows": list(range(5_000))}, 2]), size=1_000)
    fitted = json.loads(written)
    assert fitted[0]["id"] == 1
    assert [cut.pointer for cut in cuts] == ["/0/rows", ""]


def test_what_is_kept_stands_as_it_was_written() -> None:
    odd = rb'[1e999,12345678901234567890123,1.10,"\u00e9", {"a" :1}'
    fitted, (cut,) = fit(odd + rb',"%b"]' % (b"x" * 500), size=100)
    assert fitted == rb'[1e999,12345678901234567890123,1.10,"\u00e9",{"a" :1}]'
    assert cut.sentence == "the answer has 5 of 6 items"


def test_value_of_which_nothing_can_be_shown_is_null() -> None:
    fitted, (cut,) = fit(b"1" * 500, size=100)
    assert (fitted, cut.kept, cut.total) == (b"null", 0, 1)


@given(st.data())
def test_any_prefix_of_a_json_text_closes_to_valid_json_or_not_at_all(data: st.DataObject) -> None:
    value = {"a": [{"b": 'x,{["\\', "c": [1, [2, {"d": None}], "é"]}, {}, [], "end"], "z": {"k": "v"}}
    text = json.dumps(value).encode()
    closed = close_early(text[: data.draw(st.integers(0, len(text)))])
    if closed is not None:
        json.loads(closed)


@pytest.mark.parametrize(
    ("prefix", "closed"),
    [
        (b"", None),
        (b'"abc', None),
        (b"12", None),
        (b"[", b"[]"),
        (b"[1, 2", b"[1]"),
        (b'[{"a": 1}, {"a": 2}, {"a"', b'[{"a": 1}, {"a": 2}]'),
        (b'{"x": 1, "items": [[1, 2], [3, ', b'{"x": 1, "items": [[1, 2]]}'),
        (b'{"a": 1, "b": "unfinished, [', b'{"a": 1}'),
        (b'{"a": 1}', b'{"a": 1}'),
    ],
)
def test_unfinished_json_is_closed_after_its_last_whole_item(prefix: bytes, closed: bytes | None) -> None:
    assert close_early(prefix) == closed
