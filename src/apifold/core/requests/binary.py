"""Bytes inside JSON arguments: the three spellings of a file that a caller may use, and how they are read.

1. `{"content": base64, "filename": "a.png", "contentType": "image/png"}` (all but `content` optional);
2. a data URI (RFC 2397): `data:image/png;base64,iVBOR...`, or percent-encoded text without `;base64`;
3. bare base64. Both alphabets, missing padding and white space are accepted (RFC 4648 sections 4 and 5).
"""

import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from apifold.core.openapi.media import essence
from apifold.core.requests.serialize import Unwritable, header_text
from apifold.core.values import JSON, JSONObject

_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*;.*)?")
_KEYS: Final = frozenset({"content", "filename", "contentType", "headers"})

EXPECTED: Final = 'expects a file: base64 text, a data URI, or {"content": "<base64>", "filename": "name.ext", "contentType": "type/subtype"}'


class Binary(msgspec.Struct, frozen=True):
    """A file as a caller gave it."""

    content: bytes
    filename: str = ""
    content_type: str = ""
    """Empty: the caller did not say."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Extra headers of a multipart part, e.g. `Content-ID`."""


def looks_binary(value: JSON) -> bool:
    """Whether a value is spelled as a file and cannot well be anything else: forms 1 and 2."""
    if isinstance(value, str):
        return value[:5].lower() == "data:" and "," in value and _is_data_head(value[5:].partition(",")[0])
    return isinstance(value, dict) and isinstance(value.get("content"), str) and value.keys() <= _KEYS


def read_binary(value: JSON) -> Binary:
    """The bytes a value stands for. Raises `Unwritable` with what was expected."""
    if isinstance(value, str):
        return _data_uri(value) if looks_binary(value) else Binary(decode_base64(value))
    if isinstance(value, dict) and looks_binary(value):
        return _object(value)
    raise Unwritable(EXPECTED)


def decode_base64(text: str) -> bytes:
    """Strict about letters, lenient about alphabet, padding and white space. Raises `Unwritable`."""
    compact = "".join(text.split()).translate(_URL_ALPHABET).rstrip("=")
    if len(compact) % 4 == 1:
        raise Unwritable(f"is not base64: its length is impossible; {EXPECTED}")
    try:
        return binascii.a2b_base64(compact + "=" * (-len(compact) % 4), strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Unwritable(f"is not base64; {EXPECTED}") from error


def _object(value: JSONObject) -> Binary:
    inner = value["content"]
    held = read_binary(inner) if isinstance(inner, str) else Binary(b"")
    content_type = value.get("contentType")
    filename = value.get("filename")
    return Binary(
        held.content,
        filename if isinstance(filename, str) else "",
        media_type_text(content_type) if isinstance(content_type, str) and content_type else held.content_type,
        _headers(value.get("headers")),
    )


def _headers(value: JSON) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: header_text(text) for name, text in value.items() if isinstance(text, str)}


def _is_data_head(head: str) -> bool:
    return "/" in head or head == "" or head.startswith(";")


def _data_uri(value: str) -> Binary:
    head, _, data = value[5:].partition(",")
    media_type, *parameters = (part.strip() for part in head.split(";"))
    encoded = bool(parameters) and parameters[-1].lower() == "base64"
    kept = [part for part in (parameters[:-1] if encoded else parameters) if part.partition("=")[0].lower() != "name"]
    names = [part.partition("=")[2] for part in parameters if part.partition("=")[0].lower() == "name"]
    content_type = ";".join([media_type, *kept]) if media_type else ""
    return Binary(
        decode_base64(unquote(data)) if encoded else unquote_to_bytes(data),
        unquote(names[0]) if names else "",
        media_type_text(content_type) if content_type else "",
    )


def is_media_type(value: str) -> bool:
    """Whether a text names one media type, parameters allowed."""
    return _MEDIA_TYPE.fullmatch(value) is not None and "*" not in essence(value)


def media_type_text(value: str) -> str:
    """A media type that can stand in a header; raises `Unwritable`."""
    value = value.strip()
    if not is_media_type(value):
        raise Unwritable("has a `contentType` that is not a media type such as `image/png`")
    return header_text(value)
