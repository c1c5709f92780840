"""What a caller accepts."""

import pytest

from apifold.gateway.answers import is_json
from apifold.gateway.reply import acceptable


@pytest.mark.parametrize(
    ("accept", "json", "stream"),
    [
        (None, True, True),
        ("", True, True),
        ("application/json, text/event-stream", True, True),
        ("text/event-stream,application/json;q=0.9", True, True),
        ("APPLICATION/JSON", True, False),
        ("application/json", True, False),
        ("text/event-stream", False, True),
        ("*/*", True, True),
        ("application/*", True, False),
        ("text/*", False, True),
        ("text/html", False, False),
        ("application/json;q=0, text/event-stream", False, True),
        ("application/json; q=0.0, */*", True, True),
    ],
)
def test_a_caller_gets_what_it_takes(accept: str | None, json: bool, stream: bool) -> None:
    assert acceptable(accept) == (json, stream)


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        (None, True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/vnd.api+json", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=application/json", False),
        ("", False),
    ],
)
def test_a_body_is_json_or_says_nothing(content_type: str | None, good: bool) -> None:
    assert is_json(content_type) is good
