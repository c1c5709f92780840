"""A tool's result as bytes, in the words of one revision (CallToolResult).

What a revision does not know is said in the nearest form that it does; nothing of a good answer is lost to an old client.
"""

import re
from collections.abc import Sequence
from typing import assert_never

import msgspec

from apifold.core.mcp.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    ToolResult,
)
from apifold.core.mcp.revisions import Revision, Structured
from apifold.core.values import JSONObject

_encode = msgspec.json.encode
_SMALLEST_SHARE = 1e-6
_ENDS_LINE = re.compile(rb"[\r\n]")


def encode_tool_result(result: ToolResult, revision: Revision, tail: bytes, *, most: int = 0) -> bytes:
    """The value of `result`, in at most so many bytes where a message may not have more (`most`, 0 for any number).

    `tail` is what every result of the revision ends with, each member led by a comma.
    """
    encoded = _encode_whole(result, revision, tail)
    return encoded if not most or len(encoded) <= most else _encode_fitted(result, revision, tail, most)


def _encode_whole(result: ToolResult, revision: Revision, tail: bytes) -> bytes:
    if len(result.content) == 1 and type(block := result.content[0]) is TextContent:
        content = b'{"type":"text","text":%b}' % _encode(block.text)
    else:
        content = b",".join([_encode(_block(block, revision)) for block in result.content])
    error = b"true" if result.is_error else b"false"
    return b'{"content":[%b]%b,"isError":%b%b}' % (content, _structured(result, revision), error, tail)


def _encode_fitted(result: ToolResult, revision: Revision, tail: bytes, most: int) -> bytes:
    """Without what is said twice; then without what is of no use in part; then with as much of the text as fits."""
    content = result.content
    slim = _encode_whole(ToolResult(content, result.is_error), revision, tail)
    if len(slim) > most:
        content = tuple(_told(block, most) for block in content)
        slim = _encode_whole(ToolResult(content, result.is_error), revision, tail)
    note = TextContent(
        f"The answer was cut: one message has at most {most:,} bytes here. Ask for less to see the rest."
    )
    share = 1.0
    while len(slim) > most and share > _SMALLEST_SHARE:
        share = min(share * most / len(slim), share) * 0.9
        cut = (*(_start_of(block, share) for block in content), note)
        slim = _encode_whole(ToolResult(cut, result.is_error), revision, tail)
    return slim


def _start_of(block: ContentBlock, share: float) -> ContentBlock:
    return TextContent(block.text[: int(len(block.text) * share)]) if isinstance(block, TextContent) else block


def _told(block: ContentBlock, most: int) -> ContentBlock:
    match block:
        case ImageContent() | AudioContent():
            size = len(block.data) * 3 // 4
        case EmbeddedResource():
            size = len(block.blob) * 3 // 4 if block.blob is not None else len(block.text or "")
        case TextContent() | ResourceLink():
            return block
        case _:
            assert_never(block)
    media = block.mime_type or "a file"
    return TextContent(f"({media}, {size:,} bytes: not included, for one message has at most {most:,} bytes here.)")


def error_result(message: str, tail: bytes) -> bytes:
    """A call that failed, in words for the model (2025-11-25, SEP-1303)."""
    return b'{"content":[{"type":"text","text":%b}],"isError":true%b}' % (_encode(message), tail)


def _structured(result: ToolResult, revision: Revision) -> bytes:
    if not result.has_structured or revision.structured is Structured.NEVER:
        return b""
    if revision.structured is Structured.OBJECT and not result.structured_is_object:
        return b""
    return b',"structuredContent":%b' % (result.structured_raw or _encode(result.structured))


def _block(block: ContentBlock, revision: Revision) -> JSONObject:
    match block:
        case TextContent():
            return {"type": "text", "text": block.text}
        case ImageContent():
            return {"type": "image", "data": block.data, "mimeType": block.mime_type}
        case AudioContent():
            if revision.audio:
                return {"type": "audio", "data": block.data, "mimeType": block.mime_type}
            # 2024-11-05 has no audio; its embedded resources carry any bytes.
            return _block(EmbeddedResource("attachment:audio", block.mime_type, blob=block.data), revision)
        case EmbeddedResource():
            return {"type": "resource", "resource": _embedded(block)}
        case ResourceLink():
            return _link(block, revision)
        case _:
            assert_never(block)


def _embedded(block: EmbeddedResource) -> JSONObject:
    resource: JSONObject = {"uri": block.uri}
    if block.mime_type:
        resource["mimeType"] = block.mime_type
    if block.blob is not None:
        resource["blob"] = block.blob
    else:
        resource["text"] = block.text or ""
    return resource


def _link(block: ResourceLink, revision: Revision) -> JSONObject:
    if not revision.resource_links:
        words = [block.name, block.uri, block.description]
        return {"type": "text", "text": "\n".join(word for word in words if word)}
    link: JSONObject = {"type": "resource_link", "uri": block.uri, "name": block.name}
    if block.mime_type:
        link["mimeType"] = block.mime_type
    if block.description:
        link["description"] = block.description
    return link


def fit_messages(messages: Sequence[JSONObject], revision: Revision) -> list[JSONObject]:
    """The messages of a prompt, with content that the revision lacks said in words."""
    if revision.audio and revision.resource_links:
        return list(messages)
    return [_fit_message(message, revision) for message in messages]


def _fit_message(message: JSONObject, revision: Revision) -> JSONObject:
    content = message.get("content")
    if not isinstance(content, dict):
        return message
    kind = content.get("type")
    if (kind == "audio" and not revision.audio) or (kind == "resource_link" and not revision.resource_links):
        words = [content.get("name"), content.get("uri"), content.get("mimeType")]
        said = " ".join(word for word in words if isinstance(word, str))
        return {**message, "content": {"type": "text", "text": f"[{kind}] {said}"}}
    return message


def one_line(message: bytes) -> bytes:
    """The same JSON without line breaks. They can only stand between tokens: inside a string JSON escapes them."""
    if b"\n" in message or b"\r" in message:
        return _ENDS_LINE.sub(b" ", message)
    return message
