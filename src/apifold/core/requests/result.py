"""From the upstream's answer to what the model gets. Decides by media type, never by the document's response schema:
a body that contradicts its schema is still an answer, and nothing here can fail.

JSON is text and structured content; other text is text; images and audio are content of their kind where models take
them; other binary is a blob resource. 4xx and 5xx are errors with status and body. What is too long is cut on whole
items, with a sentence in a block of its own, and then without structured content: a client that shows only that would
pass a part off as the whole.
"""

import base64
import re
from typing import NamedTuple

import msgspec

from apifold.core.limits import CALL, CallLimits
from apifold.core.mcp.content import AudioContent, ContentBlock, EmbeddedResource, ImageContent, TextContent, ToolResult
from apifold.core.requests import charset, cut
from apifold.core.requests.model import UpstreamResponse
from apifold.core.requests.scrub import NOTHING, Scrubber
from apifold.core.requests.status import status_line

_JSON_TYPES = frozenset({"application/json", "text/json", "application/x-json", "text/x-json"})
_TEXT_TYPES = frozenset(
    {
        "application/xml", "application/javascript", "application/ecmascript", "application/yaml", "application/x-yaml",
        "application/toml", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq",
        "application/x-www-form-urlencoded", "application/graphql", "application/sql", "application/x-sh",
        "application/rtf", "application/xml-dtd", "application/x-jsonlines", "application/jwt",
    }
)  # fmt: skip
_TEXT_SUFFIXES = ("+xml", "+yaml", "+json-seq", "+jwt")
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What models read; any other picture in an image block makes providers refuse the whole conversation."""
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown", "*/*"})
"""Media types that say nothing: the body is looked at instead (RFC 9110 8.3 allows it)."""
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
)
_NOTABLE = frozenset(
    {"location", "link", "retry-after", "content-range", "x-total-count", "x-next-page", "x-next-cursor"}
)
_HEADER_SHOWN = 1_000
_RAW = msgspec.json.Decoder(msgspec.Raw)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Shaped(NamedTuple):
    """A tool result, and what of the kept value is not in it."""

    result: ToolResult
    cuts: tuple[cut.Cut, ...] = ()
    """With the remainder of each place that was cut; empty when everything is in the result."""
    size: int = 0
    """Characters of text, or bytes of encoded binary, that the model gets."""


class _Parts(NamedTuple):
    """A body in content blocks, before status and headers are added."""

    blocks: tuple[ContentBlock, ...]
    raw: bytes = b""
    """JSON that may stand as structured content."""
    cuts: tuple[cut.Cut, ...] = ()


def shape(
    response: UpstreamResponse,
    *,
    method: str = "GET",
    subject: str = "",
    hint: str = "",
    scrubber: Scrubber = NOTHING,
    limits: CallLimits = CALL,
) -> Shaped:
    """What the model gets for an answer. `subject` is the tool's name, which names a file it gave; `hint` is said after an
    error (who can do what about it).
    """
    body = scrubber.clean(response.body) if scrubber else response.body
    status = response.status
    notes = _notable_headers(response, scrubber)
    if method == "HEAD":
        return _sum_up((TextContent(_head_text(response, scrubber)),), is_error=status >= 400, hint=hint)
    if not body:
        return _sum_up((TextContent(_empty_text(response, notes)),), is_error=status >= 400, hint=hint)
    parts = _shape_body(body, response, subject, limits, scrubber)
    if status >= 300:
        line = "\n".join([status_line(status), *notes])
        return _sum_up(_headed(line, parts.blocks), is_error=status >= 400, hint=hint, cuts=parts.cuts)
    blocks = (*parts.blocks, TextContent("\n".join(notes))) if notes else parts.blocks
    if not parts.raw:
        return _sum_up(blocks, cuts=parts.cuts)
    result = ToolResult(
        blocks, structured_raw=parts.raw, has_structured=True, structured_is_object=parts.raw.lstrip()[:1] == b"{"
    )
    return Shaped(result, size=len(parts.raw))


def _sum_up(
    blocks: tuple[ContentBlock, ...], *, is_error: bool = False, hint: str = "", cuts: tuple[cut.Cut, ...] = ()
) -> Shaped:
    if hint:
        blocks = (*blocks, TextContent(hint))
    return Shaped(ToolResult(blocks, is_error=is_error), cuts, sum(map(_block_size, blocks)))


def _block_size(block: ContentBlock) -> int:
    match block:
        case TextContent(text):
            return len(text)
        case ImageContent(data) | AudioContent(data):
            return len(data)
        case EmbeddedResource():
            return len(block.blob or block.text or "")
        case _:
            return 0


def _headed(line: str, blocks: tuple[ContentBlock, ...]) -> tuple[ContentBlock, ...]:
    """The status above the body, in one block where the body is text: nothing shows the one without the other."""
    if blocks and isinstance(blocks[0], TextContent):
        return (TextContent(f"{line}\n\n{blocks[0].text}"), *blocks[1:])
    return (TextContent(line), *blocks)


# --- headers ---------------------------------------------------------------------------------------------------------


def _notable_headers(response: UpstreamResponse, scrubber: Scrubber) -> list[str]:
    """The few headers that tell a model what to do next: where the new thing is, where the next page is, when to retry."""
    notes: list[str] = []
    for name, value in response.headers:
        if name not in _NOTABLE or (name == "link" and "next" not in value):
            continue
        notes.append(f"{name.title()}: {scrubber.clean_text(value[:_HEADER_SHOWN])}")
    return notes


def _head_text(response: UpstreamResponse, scrubber: Scrubber) -> str:
    lines = [f"{name}: {value[:_HEADER_SHOWN]}" for name, value in response.headers]
    return scrubber.clean_text("\n".join([status_line(response.status), *lines]))


def _empty_text(response: UpstreamResponse, notes: list[str]) -> str:
    said = "The answer has no body." if response.status < 300 else "It says nothing more."
    return "\n".join([f"{status_line(response.status)}. {said}", *notes])


# --- bodies ----------------------------------------------------------------------------------------------------------


def _shape_body(
    body: bytes, response: UpstreamResponse, subject: str, limits: CallLimits, scrubber: Scrubber
) -> _Parts:
    media, declared = _media_type(response.header("content-type"))
    if media in _JSON_TYPES or media.endswith("+json"):
        return _shape_json(body, declared, response, limits, scrubber) or _shape_text(
            body, declared, response, limits, scrubber
        )
    if media in _UNTOLD:
        media = _sniff(body)
    if _is_text(media):
        if media in {"text/plain", "text/html", "text/javascript"} and body.lstrip()[:1] in {b"{", b"["}:
            found = _shape_json(body, declared, response, limits, scrubber)
            if found is not None:
                return found
        return _shape_text(body, declared, response, limits, scrubber)
    return _shape_binary(body, media, response, subject, limits)


def _media_type(header: str) -> tuple[str, str]:
    """`type/subtype` in lower case, and the charset parameter."""
    if header == "application/json":
        return header, ""
    media, _, parameters = header.partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return media.strip().lower(), value.strip().strip("\"'")
    return media.strip().lower(), ""


def _is_text(media: str) -> bool:
    return media.startswith("text/") or media in _TEXT_TYPES or media.endswith(_TEXT_SUFFIXES)


def _sniff(body: bytes) -> str:
    """What a body without a telling media type is: a known binary format, text, or bytes."""
    for magic, media in _MAGIC:
        if body.startswith(magic):
            return media
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        # A character cut in two by our own cap is still text.
        if error.start < len(body) - 3:
            return "application/octet-stream"
        text = body[: error.start].decode()
    return "application/octet-stream" if _CONTROL.search(text) else "text/plain"


def _shape_json(
    body: bytes, declared: str, response: UpstreamResponse, limits: CallLimits, scrubber: Scrubber
) -> _Parts | None:
    """`None` when the body is not JSON after all."""
    if response.truncated:
        return _shape_unfinished_json(body, response, limits)
    text = _json_text(body)
    if text is None:
        body = scrubber.clean(charset.decode(body, declared).encode("utf-8", "replace"))
        body = _ESCAPE.sub(_whole_character, body)
        text = _json_text(body)
        if text is None:
            return None
    if b"\n" in body or b"\r" in body:
        # Pretty-printed: the white space between the tokens is no part of the value, costs a model a third more, and
        # a line break must not be spliced into an event stream.
        body = msgspec.json.format(body, indent=-1)
        text = body.decode()
    if len(body) > limits.result_bytes:
        return _cut_json(body, f"The answer has {len(body):,} bytes.", limits)
    return _Parts((TextContent(text),), body)


def _json_text(body: bytes) -> str | None:
    """The body as text when it is one JSON value in UTF-8 (the decoder checks one, `decode` the other)."""
    try:
        _RAW.decode(body)
        return body.decode()
    except (ValueError, RecursionError):
        return None


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def _whole_character(escape: re.Match[bytes]) -> bytes:
    """Half of a surrogate pair, which programs leave when they cut a text, is no character (RFC 8259 8.2)."""
    return b"\\ufffd" if escape[1] else escape[0]


def _cut_json(body: bytes, why: str, limits: CallLimits) -> _Parts:
    fitted, cuts = cut.fit(body, size=limits.result_bytes)
    told = f" It was cut to what fits: {cut.describe(cuts)}." if cuts else ""
    advice = " Ask for less (filters, fewer fields, smaller pages) to see the rest."
    return _Parts((TextContent(fitted.decode()), TextContent(why + told + advice)), cuts=cuts)


def _shape_unfinished_json(body: bytes, response: UpstreamResponse, limits: CallLimits) -> _Parts | None:
    closed = cut.close_early(body[: limits.result_bytes])
    if closed is None or _json_text(closed) is None:
        return None
    why = (
        f"The answer is longer than {len(response.body):,} bytes, the most that is read; "
        "above are its first items, and how many more there are is not known."
    )
    return _cut_json(closed, why, limits)


def _shape_text(
    body: bytes, declared: str, response: UpstreamResponse, limits: CallLimits, scrubber: Scrubber
) -> _Parts:
    # Once more: in UTF-16 a secret is not found among the bytes.
    text = scrubber.clean_text(charset.decode(body, declared))
    if len(text) <= limits.result_bytes and not response.truncated:
        return _Parts((TextContent(text),))
    kept = text[: limits.result_bytes]
    line_end = kept.rfind("\n")
    if line_end > len(kept) // 2:
        kept = kept[: line_end + 1]
    whole = "" if response.truncated else f" of {len(text):,}"
    more = " (and more that was not read)" if response.truncated else ""
    told = f"The answer was cut to its first {len(kept):,}{whole} characters{more}. Ask for less to see the rest."
    done = cut.Cut("", "characters", len(kept), len(text), text[len(kept) :])
    return _Parts((TextContent(kept), TextContent(told)), cuts=(done,))


def _shape_binary(body: bytes, media: str, response: UpstreamResponse, subject: str, limits: CallLimits) -> _Parts:
    name = _filename(response.header("content-disposition"))
    if response.truncated:
        told = (
            f"{name or 'The answer'} ({media}) has more than {limits.response_bytes:,} bytes, the most that is read. "
            "A part of it would be of no use, so it is not included."
        )
        return _Parts((TextContent(told),), cuts=(cut.Cut("", "bytes", 0, len(body), None),))
    data = base64.b64encode(body).decode()
    if media in _IMAGE_TYPES:
        return _Parts((ImageContent(data, media),))
    if media.startswith("audio/"):
        return _Parts((AudioContent(data, media),))
    told = f"{name or 'A file'} ({media}, {len(body):,} bytes) is attached."
    place = "/".join(filter(None, ("openapi://operations", subject, "answer", name)))
    return _Parts((TextContent(told), EmbeddedResource(place, media, blob=data)))


_FILENAME = re.compile(r"""filename\s*=\s*(?:"([^"]*)"|([^;\s]+))""", re.IGNORECASE)
_SAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def _filename(disposition: str) -> str:
    """The name a download gives itself, reduced to characters that mean nothing in a path or a URI (RFC 6266 4.3)."""
    found = _FILENAME.search(disposition)
    if found is None:
        return ""
    name = (found.group(1) or found.group(2) or "").replace("\\", "/").rpartition("/")[2]
    return _SAFE_NAME.sub("_", name).strip("._")[:100]
