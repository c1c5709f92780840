"""What a media type means for a body, and which one is used.

The schema that a model sees and the bytes on the wire both ask here, so they can never disagree.
"""

from enum import StrEnum

from apifold.core.openapi.model import Encoding, MediaType, RequestBody
from apifold.core.openapi.shapes import Shape, is_binary_schema


class MediaKind(StrEnum):
    """How a value of a media type is written."""

    JSON = "json"
    JSON_LINES = "jsonLines"
    """One JSON value per line (ndjson, jsonl, json-seq): an array stands for the lines, a string is sent as it is."""
    FORM = "form"
    MULTIPART = "multipart"
    TEXT = "text"
    XML = "xml"
    """A string that already is XML."""
    BYTES = "bytes"


_PREFERENCE = {kind: rank for rank, kind in enumerate(MediaKind)}

_EXACT = {
    "application/json": MediaKind.JSON,
    "text/json": MediaKind.JSON,
    "application/x-json": MediaKind.JSON,
    "application/ndjson": MediaKind.JSON_LINES,
    "application/x-ndjson": MediaKind.JSON_LINES,
    "application/jsonl": MediaKind.JSON_LINES,
    "application/x-jsonlines": MediaKind.JSON_LINES,
    "application/json-lines": MediaKind.JSON_LINES,
    "application/jsonlines": MediaKind.JSON_LINES,
    "application/json-seq": MediaKind.JSON_LINES,
    "application/stream+json": MediaKind.JSON_LINES,
    "text/jsonl": MediaKind.JSON_LINES,
    "application/x-www-form-urlencoded": MediaKind.FORM,
    "application/xml": MediaKind.XML,
    "text/xml": MediaKind.XML,
    "application/octet-stream": MediaKind.BYTES,
    "application/javascript": MediaKind.TEXT,
    "application/x-javascript": MediaKind.TEXT,
    "application/ecmascript": MediaKind.TEXT,
    "application/graphql": MediaKind.TEXT,
    "application/sql": MediaKind.TEXT,
    "application/jwt": MediaKind.TEXT,
    "application/jose": MediaKind.TEXT,
    "application/jose+jwe": MediaKind.TEXT,
    "application/x-sh": MediaKind.TEXT,
    "application/x-pem-file": MediaKind.TEXT,
    "application/pdf": MediaKind.BYTES,
    "application/zip": MediaKind.BYTES,
    "application/gzip": MediaKind.BYTES,
    "application/x-gzip": MediaKind.BYTES,
    "application/x-tar": MediaKind.BYTES,
}
_JSON_ALIASES = frozenset({"text/json", "application/x-json"})
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"})
_BINARY_TYPES = ("image/", "audio/", "video/", "font/", "model/")


def essence(content_type: str) -> str:
    """`type/subtype` in lower case, parameters removed (RFC 9110 8.3.1)."""
    return content_type.partition(";")[0].strip().lower()


def is_wildcard(content_type: str) -> bool:
    """A media type range such as `*/*` or `image/*`: it admits types but names none to send."""
    return "*" in essence(content_type)


def media_kind(media: MediaType) -> MediaKind:
    """How values of this media type are written. Ranges and unknown types are decided by what the schema describes."""
    name = essence(media.content_type)
    if (known := _EXACT.get(name)) is not None:
        return _octets_or_text(media) if name == "application/octet-stream" else known
    if name.startswith("multipart/"):
        return MediaKind.MULTIPART
    if name.endswith("+json"):
        return MediaKind.JSON
    if name.endswith("+xml"):
        return MediaKind.BYTES if name == "image/svg+xml" and _describes_bytes(media) else MediaKind.XML
    if name in _YAML or name.endswith("+yaml"):
        # JSON text is YAML 1.2, so a structured value can be sent; a string is YAML already.
        return _by_schema(media, MediaKind.TEXT)
    if name.startswith("text/"):
        return MediaKind.TEXT
    if name.startswith(_BINARY_TYPES):
        return MediaKind.BYTES
    return _by_schema(media, MediaKind.BYTES)


def asks_for_bytes(content_type: str | None, shape: Shape) -> bool:
    """Whether the `contentType` of an encoding makes a file of a string that the schema leaves open (3.1, Working With
    Binary Data). It may be a list; its first type decides.
    """
    if content_type is None or not (shape.is_only("string") or not shape.is_typed):
        return False
    first = MediaType(content_type.split(",")[0].strip(), None)
    return media_kind(first) is MediaKind.BYTES and essence(first.content_type) not in ("*/*", "application/*")


def _describes_bytes(media: MediaType) -> bool:
    value = media.schema.value if media.schema is not None else None
    return not isinstance(value, dict) or not value or is_binary_schema(value)


def _octets_or_text(media: MediaType) -> MediaKind:
    """`application/octet-stream` with a plain `type: string`: the document says that text is to be sent."""
    value = media.schema.value if media.schema is not None else None
    text = isinstance(value, dict) and value.get("type") == "string" and not is_binary_schema(value)
    return MediaKind.TEXT if text else MediaKind.BYTES


def _by_schema(media: MediaType, empty: MediaKind) -> MediaKind:
    if _describes_bytes(media):
        return empty
    value = media.schema.value if media.schema is not None else None
    return MediaKind.TEXT if isinstance(value, dict) and value.get("type") == "string" else MediaKind.JSON


def _rank(media: MediaType) -> tuple[int, int, int]:
    name = essence(media.content_type)
    exact = 0 if name == "application/json" else 1
    return (_PREFERENCE[media_kind(media)], int(is_wildcard(name)), exact)


def choose_media_type(body: RequestBody) -> MediaType:
    """The media type that is sent when the caller does not say: JSON first, then what keeps most structure."""
    if len(body.content) == 1:
        return body.content[0]
    return min(body.content, key=_rank)  # the first of equals: document order


def _meaning(media: MediaType) -> tuple[str, int | None, tuple[tuple[str, Encoding], ...]]:
    name = essence(media.content_type)
    schema = id(media.schema.value) if media.schema is not None else None
    return ("application/json" if name in _JSON_ALIASES else name, schema, tuple(media.encoding.items()))


def _same(one: MediaType, other: MediaType) -> bool:
    mine, theirs = _meaning(one), _meaning(other)
    if mine[0] != theirs[0] or mine[2] != theirs[2]:
        return False
    if mine[1] == theirs[1]:
        return True
    return (one.schema is not None and other.schema is not None) and one.schema.value == other.schema.value


def selectable_media_types(body: RequestBody) -> tuple[MediaType, ...]:
    """The media types a caller may choose between, the default first, then in document order.

    Only spellings of one type with one schema (`application/json; charset=utf-8`, `text/json`) count as the same:
    everything else may mean something else to the upstream (a merge patch is not a JSON patch). One element
    means that there is nothing to choose and no `_contentType` argument.
    """
    default = choose_media_type(body)
    if len(body.content) == 1:
        return body.content
    chosen = [default]
    for media in body.content:
        if not any(_same(media, other) for other in chosen):
            chosen.append(media)
    return tuple(chosen)


def find_media_type(body: RequestBody, content_type: str) -> MediaType | None:
    """The entry of `content` that a `Content-Type` value means: exact, then without parameters, then by range."""
    for media in body.content:
        if media.content_type == content_type:
            return media
    wanted = essence(content_type)
    for media in body.content:
        if essence(media.content_type) == wanted:
            return media
    for pattern in (wanted.partition("/")[0] + "/*", "*/*"):
        for media in body.content:
            if essence(media.content_type) == pattern:
                return media
    return None
