"""The grammar of header fields."""

import pytest

from apifold.gateway.http1 import FRAMING, STATUS_LINES, FieldEncoder, has_body, http_date


def test_fields_are_written_in_their_order_and_letter_case() -> None:
    fields = [("X-b", "2"), ("x-A", ""), ("X-b", "\xe9\t!")]
    assert FieldEncoder(FRAMING).encode(fields) == "X-b: 2\r\nx-A: \r\nX-b: \xe9\t!\r\n"
    assert FieldEncoder(FRAMING).encode(()) == ""


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "\r\n", "\n", "a\x00", "a\x7f", "\u0100", "a\r\n b"])
def test_value_that_would_break_the_message_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ValueError, match="'x-bad' has a character") as caught:
        FieldEncoder(FRAMING).encode((("x-good", "fine"), ("x-bad", value)))
    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a: b", "a\r\nb", "é", "a(b", "a\x00"])
def test_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a header field name"):
        FieldEncoder(FRAMING).encode(((name, "a"),))


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "CONNECTION"])
def test_name_that_decides_framing_is_refused_every_time(name: str) -> None:
    encoder = FieldEncoder(FRAMING)
    for _ in range(2):
        with pytest.raises(ValueError, match="written with the framing"):
            encoder.encode(((name, "1"),))


def test_names_that_are_remembered_are_bounded() -> None:
    encoder = FieldEncoder(FRAMING)
    for n in range(10_000):
        encoder.encode(((f"x-{n}", ""),))
    assert len(encoder._known) <= 4096


def test_status_lines_have_their_reason() -> None:
    assert STATUS_LINES[200] == b"HTTP/1.1 200 OK\r\n"
    assert STATUS_LINES[413] == b"HTTP/1.1 413 Content Too Large\r\n"
    assert STATUS_LINES[999] == b"HTTP/1.1 999 \r\n"


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("GET", 200, True), ("HEAD", 200, False), ("GET", 204, False), ("POST", 304, False), ("GET", 103, False)],
)
def test_some_answers_have_no_content(method: str, status: int, expected: bool) -> None:
    assert has_body(method, status) is expected


def test_date_is_written_as_http_has_it() -> None:
    assert http_date(784_111_777.9) == "Sun, 06 Nov 1994 08:49:37 GMT"  # the example of RFC 9110 5.6.7
