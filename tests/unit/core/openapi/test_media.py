import pytest

from apifold.core.openapi.media import (
    MediaKind,
    choose_media_type,
    find_media_type,
    media_kind,
    selectable_media_types,
)
from apifold.core.openapi.model import MediaType, Node, RequestBody
from apifold.core.values import JSON


def media(content_type: str, schema: JSON = None) -> MediaType:
    return MediaType(content_type, Node(schema) if schema is not None else None)


def body(*content: MediaType) -> RequestBody:
    return RequestBody(required=True, description="", content=content, pointer="")


OBJECT: JSON = {"type": "object"}


@pytest.mark.parametrize(
    ("content_type", "schema", "kind"),
    [
        ("application/json", OBJECT, MediaKind.JSON),
        ("Application/JSON; charset=utf-8", OBJECT, MediaKind.JSON),
        ("application/vnd.api+json", OBJECT, MediaKind.JSON),
        ("application/merge-patch+json", OBJECT, MediaKind.JSON),
        ("application/x-ndjson", OBJECT, MediaKind.JSON_LINES),
        ("application/x-www-form-urlencoded", OBJECT, MediaKind.FORM),
        ("multipart/related", OBJECT, MediaKind.MULTIPART),
        ("text/csv", OBJECT, MediaKind.TEXT),
        ("application/xml", OBJECT, MediaKind.XML),
        ("application/atom+xml", OBJECT, MediaKind.XML),
        ("application/octet-stream", None, MediaKind.BYTES),
        ("application/octet-stream", {"type": "string", "format": "binary"}, MediaKind.BYTES),
        ("application/octet-stream", {"type": "string"}, MediaKind.TEXT),
        ("image/*", {"type": "string"}, MediaKind.BYTES),
        ("*/*", None, MediaKind.BYTES),
        ("*/*", OBJECT, MediaKind.JSON),
        ("*/*", {"type": "string"}, MediaKind.TEXT),
        ("application/yaml", OBJECT, MediaKind.JSON),
        ("application/yaml", {"type": "string"}, MediaKind.TEXT),
        ("application/vnd.unknown", OBJECT, MediaKind.JSON),
        ("application/vnd.unknown", {"type": "string", "format": "binary"}, MediaKind.BYTES),
    ],
)
def test_kind_follows_the_type_and_where_that_says_nothing_the_schema(
    content_type: str, schema: JSON, kind: MediaKind
) -> None:
    assert media_kind(media(content_type, schema)) is kind


def test_json_is_chosen_wherever_it_stands() -> None:
    content = [media("text/plain"), media("application/merge-patch+json", OBJECT), media("application/json", OBJECT)]
    assert choose_media_type(body(*content)) is content[2]


def test_a_named_type_is_chosen_before_a_range() -> None:
    content = [media("*/*", OBJECT), media("application/vnd.x+json", OBJECT)]
    assert choose_media_type(body(*content)) is content[1]


def test_spellings_of_one_type_are_no_choice() -> None:
    content = [
        media("application/json; charset=utf-8", OBJECT),
        media("application/json", {"type": "object"}),
        media("text/json", OBJECT),
    ]
    assert selectable_media_types(body(*content)) == (content[0],)


def test_types_that_mean_different_things_are_a_choice_with_the_default_first() -> None:
    content = [
        media("application/json-patch+json", {"type": "array"}),
        media("application/merge-patch+json", OBJECT),
        media("application/json", OBJECT),
    ]
    assert selectable_media_types(body(*content)) == (content[2], content[0], content[1])


def test_a_content_type_is_found_exactly_then_by_essence_then_by_range() -> None:
    content = (media("application/json; v=1"), media("application/json; v=2"), media("image/*"), media("*/*"))
    found = [
        find_media_type(body(*content), wanted)
        for wanted in ("application/json; v=2", "application/json", "image/png", "text/css")
    ]
    assert found == [content[1], content[0], content[2], content[3]]
    assert find_media_type(body(content[0]), "text/css") is None
