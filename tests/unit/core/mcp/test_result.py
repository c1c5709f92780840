"""A tool's result in the words of each revision."""

import json
from typing import Any

import pytest
from mcp_types.methods import validate_server_result

from apifold.core.mcp.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    ToolResult,
)
from apifold.core.mcp.messages import encode
from apifold.core.mcp.result import encode_tool_result, error_result, fit_messages, one_line
from apifold.core.mcp.revisions import (
    REVISIONS,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from apifold.core.values import JSON

MODERN_TAIL = b',"resultType":"complete"'


def tail(revision: Revision) -> bytes:
    return MODERN_TAIL if revision.modern else b""


def encoded(result: ToolResult, revision: Revision) -> Any:
    said = json.loads(encode_tool_result(result, revision, tail(revision)))
    validate_server_result("tools/call", revision.name, said)
    return said


BLOCKS: tuple[ContentBlock, ...] = (
    TextContent('say "é"\n'),
    ImageContent("aGk=", "image/png"),
    AudioContent("aGk=", "audio/wav"),
    EmbeddedResource("a://b", "text/plain", text="hi"),
    EmbeddedResource("a://b", "", blob="aGk="),
    ResourceLink("a://c", "c", "text/plain", "The c"),
    ResourceLink("a://d", "d"),
)
TEXT = {"type": "text", "text": 'say "é"\n'}
IMAGE_BLOCK = ImageContent("aGk=", "image/png")
IMAGE = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
AUDIO = {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"}
AUDIO_BYTES = {
    "type": "resource",
    "resource": {"uri": "attachment:audio", "mimeType": "audio/wav", "blob": "aGk="},
}
EMBEDDED = [
    {"type": "resource", "resource": {"uri": "a://b", "mimeType": "text/plain", "text": "hi"}},
    {"type": "resource", "resource": {"uri": "a://b", "blob": "aGk="}},
]
LINKS = [
    {"type": "resource_link", "uri": "a://c", "name": "c", "mimeType": "text/plain", "description": "The c"},
    {"type": "resource_link", "uri": "a://d", "name": "d"},
]
LINKS_AS_TEXT = [{"type": "text", "text": "c\na://c\nThe c"}, {"type": "text", "text": "d\na://d"}]


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (V2024_11_05, [TEXT, IMAGE, AUDIO_BYTES, *EMBEDDED, *LINKS_AS_TEXT]),
        (V2025_03_26, [TEXT, IMAGE, AUDIO, *EMBEDDED, *LINKS_AS_TEXT]),
        (V2025_06_18, [TEXT, IMAGE, AUDIO, *EMBEDDED, *LINKS]),
        (V2025_11_25, [TEXT, IMAGE, AUDIO, *EMBEDDED, *LINKS]),
        (V2026_07_28, [TEXT, IMAGE, AUDIO, *EMBEDDED, *LINKS]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_block_is_said_in_the_nearest_form_that_the_revision_has(revision: Revision, expected: Any) -> None:
    assert encoded(ToolResult(BLOCKS), revision)["content"] == expected


ABSENT = object()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"id": 3}, [ABSENT, ABSENT, {"id": 3}, {"id": 3}, {"id": 3}]),
        ([1, 2], [ABSENT, ABSENT, ABSENT, ABSENT, [1, 2]]),
        ("é", [ABSENT, ABSENT, ABSENT, ABSENT, "é"]),
        (0, [ABSENT, ABSENT, ABSENT, ABSENT, 0]),
        (None, [ABSENT, ABSENT, ABSENT, ABSENT, None]),
    ],
)
@pytest.mark.parametrize("raw", [True, False], ids=["spliced", "encoded"])
def test_structured_content_is_shown_where_the_revision_allows_the_value(
    value: JSON, shown: list[object], raw: bool
) -> None:
    result = ToolResult(
        (TextContent(encode(value).decode()),),
        structured=value,
        structured_raw=encode(value) if raw else b"",
        has_structured=True,
        structured_is_object=isinstance(value, dict),
    )
    assert [encoded(result, revision).get("structuredContent", ABSENT) for revision in REVISIONS] == shown


def test_a_result_without_structured_content_has_none() -> None:
    assert encoded(ToolResult((TextContent("x"),)), V2026_07_28) == {
        "content": [{"type": "text", "text": "x"}],
        "isError": False,
        "resultType": "complete",
    }


def test_the_bytes_of_a_spliced_value_are_not_touched() -> None:
    raw = b'{"big": 123456789012345678901234567890, "same": 1.0, "same": 2.50}'
    result = ToolResult(
        (TextContent(raw.decode()),), structured_raw=raw, has_structured=True, structured_is_object=True
    )
    assert b'"structuredContent":' + raw in encode_tool_result(result, V2026_07_28, MODERN_TAIL)


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
def test_an_empty_result_and_a_failed_one_are_results(revision: Revision) -> None:
    assert encoded(ToolResult((), is_error=True), revision)["isError"] is True
    said = json.loads(error_result('it "failed"', tail(revision)))
    validate_server_result("tools/call", revision.name, said)
    assert (said["content"], said["isError"]) == ([{"type": "text", "text": 'it "failed"'}], True)


@pytest.mark.parametrize(
    ("revision", "kept"),
    [(V2024_11_05, [True, False, False]), (V2025_03_26, [True, True, False]), (V2025_06_18, [True, True, True])],
    ids=lambda value: getattr(value, "name", ""),
)
def test_messages_of_a_prompt_are_fitted_too(revision: Revision, kept: list[bool]) -> None:
    contents: list[dict[str, JSON]] = [IMAGE, AUDIO, LINKS[0]]  # type: ignore[list-item]  # JSON by construction
    messages: list[dict[str, JSON]] = [{"role": "user", "content": content} for content in contents]
    fitted = fit_messages(messages, revision)
    assert [after == before for before, after in zip(messages, fitted, strict=True)] == kept
    validate_server_result("prompts/get", revision.name, {"messages": fitted})


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b'{"a":1}', b'{"a":1}'),
        (b'{\n  "a": 1\r\n}', b'{   "a": 1  }'),
        (b'{"a":"\\n"}', b'{"a":"\\n"}'),
    ],
)
def test_a_message_fits_on_one_line_and_means_the_same(message: bytes, line: bytes) -> None:
    assert one_line(message) == line
    assert json.loads(line) == json.loads(message)


def fitted(result: ToolResult, most: int) -> Any:
    raw = encode_tool_result(result, V2026_07_28, MODERN_TAIL, most=most)
    assert len(raw) <= most
    said = json.loads(raw)
    validate_server_result("tools/call", V2026_07_28.name, said)
    return said


def test_what_fits_is_not_touched() -> None:
    result = ToolResult((TextContent('{"a":1}'),), structured={"a": 1}, has_structured=True, structured_is_object=True)
    whole = encode_tool_result(result, V2026_07_28, MODERN_TAIL)
    assert encode_tool_result(result, V2026_07_28, MODERN_TAIL, most=len(whole)) == whole


def test_what_is_said_twice_is_said_once_before_anything_is_cut() -> None:
    text = "x" * 600
    result = ToolResult((TextContent(text), IMAGE_BLOCK), structured=text, has_structured=True)
    said = fitted(result, 1_000)
    assert said["content"] == [{"type": "text", "text": text}, IMAGE]
    assert "structuredContent" not in said


@pytest.mark.parametrize(
    "block",
    [
        ImageContent("A" * 4_000, "image/png"),
        AudioContent("A" * 4_000, "image/png"),
        EmbeddedResource("a://b", "image/png", blob="A" * 4_000),
        EmbeddedResource("a://b", "image/png", text="A" * 3_000),
    ],
)
@pytest.mark.parametrize("is_error", [False, True])
def test_what_is_of_no_use_in_part_is_named(block: ContentBlock, is_error: bool) -> None:
    said = fitted(ToolResult((TextContent("a picture"), block), is_error), 1_000)
    assert [part["text"] for part in said["content"]] == [
        "a picture",
        "(image/png, 3,000 bytes: not included, for one message has at most 1,000 bytes here.)",
    ]
    assert said["isError"] is is_error


@pytest.mark.parametrize(
    "text", ["x" * 5_000, '"' * 5_000, "\u00e9" * 5_000, "\x00" * 5_000, "a" * 4_000 + "\x00" * 900]
)
def test_text_is_cut_to_what_fits_as_it_is_written(text: str) -> None:
    said = fitted(ToolResult((TextContent(text), TextContent("b" * 700))), 2_000)
    first, second, note = (part["text"] for part in said["content"])
    assert text.startswith(first)
    assert ("b" * 700).startswith(second)
    assert first or second
    assert note == "The answer was cut: one message has at most 2,000 bytes here. Ask for less to see the rest."
