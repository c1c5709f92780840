"""What a tool gives back: content blocks and the result that holds them (MCP CallToolResult)."""

import msgspec

from apifold.core.values import JSON


class TextContent(msgspec.Struct, frozen=True, gc=False):
    text: str


class ImageContent(msgspec.Struct, frozen=True):
    data: str
    """Base64."""
    mime_type: str


class AudioContent(msgspec.Struct, frozen=True):
    data: str
    """Base64."""
    mime_type: str


class EmbeddedResource(msgspec.Struct, frozen=True):
    """A resource inside a result: exactly one of `text` and `blob` (base64) is set."""

    uri: str
    mime_type: str
    text: str | None = None
    blob: str | None = None


class ResourceLink(msgspec.Struct, frozen=True):
    uri: str
    name: str
    mime_type: str = ""
    description: str = ""


ContentBlock = TextContent | ImageContent | AudioContent | EmbeddedResource | ResourceLink


class ToolResult(msgspec.Struct, frozen=True):
    content: tuple[ContentBlock, ...]
    is_error: bool = False
    structured: JSON = None
    """A decoded JSON value that equals the first text block; revisions decide whether it may be shown."""
    structured_raw: bytes = b""
    """The same value as JSON bytes that were checked to be one valid UTF-8 JSON value; spliced into the answer
    instead of encoding `structured` again. Empty: encode `structured` when `has_structured`."""
    has_structured: bool = False
    """Tells a structured `null` from no structured content."""
    structured_is_object: bool = False
    """Revisions 2025-06-18 and 2025-11-25 allow objects only."""
