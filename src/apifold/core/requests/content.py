"""Bodies and `content` parameters by media type. The media type itself is chosen in `core.openapi.media`, once."""

import json
from collections.abc import Callable
from typing import Final

import msgspec

from apifold.core.openapi.media import MediaKind, essence, is_wildcard, media_kind
from apifold.core.openapi.model import Location, MediaType, Parameter
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import ANYTHING, Shape, shape_of
from apifold.core.requests.binary import looks_binary, read_binary
from apifold.core.requests.files import Places, find_places, with_texts, with_texts_inside
from apifold.core.requests.forms import compile_form, takes_file
from apifold.core.requests.model import BodyKind
from apifold.core.requests.multipart import compile_multipart
from apifold.core.requests.serialize import Unwritable, Write, header_text, json_bytes, json_text, percent, text_of
from apifold.core.values import JSON

_JSON: Final = "application/json"
_OCTETS: Final = "application/octet-stream"
_RECORD_SEPARATOR: Final = b"\x1e"


class Payload(msgspec.Struct, frozen=True):
    """A body ready to send."""

    body: bytes
    kind: BodyKind
    content_type: str
    """Empty: no `Content-Type` is sent, because there is no content."""


NO_BODY: Final = Payload(b"", BodyKind.NONE, "")

WriteBody = Callable[[JSON], Payload]
"""Raises `Unwritable`."""


def compile_body(
    media: MediaType, resolver: Resolver, *, content_type: str = "", byte_type: str = "", shows_files: bool = False
) -> WriteBody:
    """A function that writes a body of this media type.

    `content_type` is what the caller asked for where the document has a range (`*/*`). `byte_type` stands in for
    an unspecific `application/octet-stream` when the caller does not name the type of a file. `shows_files`: the
    caller was told of files that may stand in the value. Raises `Unwritable` when the media type itself cannot stand in
    a header.
    """
    kind = media_kind(media)
    name = header_text(content_type or media.content_type)
    places = find_places(resolver, media.schema) if shows_files else None
    if kind is MediaKind.JSON:
        return _json_writer(_concrete(name, _JSON), places)
    if kind is MediaKind.JSON_LINES:
        return _lines_writer(_concrete(name, "application/x-ndjson"))
    if kind is MediaKind.FORM:
        return _members_first(_form_writer(name, compile_form(media, resolver)), places)
    if kind is MediaKind.MULTIPART:
        return _members_first(_multipart_writer(compile_multipart(media, resolver)), places)
    if kind is MediaKind.BYTES:
        return lambda value: _bytes_payload(value, name, byte_type)
    if kind is MediaKind.XML:
        return _xml_writer(_text_writer(name, "application/xml", byte_type, ANYTHING))
    return _text_writer(name, "text/plain", byte_type, shape_of(resolver, media.schema))


def _concrete(content_type: str, fallback: str) -> str:
    """The type to send: a range such as `*/*` names none, `text/*` none but by its fallback."""
    return fallback if is_wildcard(content_type) else content_type


def _json_writer(content_type: str, places: Places | None) -> WriteBody:
    if places is not None:
        return lambda value: Payload(json_bytes(with_texts(value, places)), BodyKind.JSON, content_type)
    return lambda value: Payload(json_bytes(value), BodyKind.JSON, content_type)


def _lines_writer(content_type: str) -> WriteBody:
    # RFC 7464 2.2: each text of a sequence stands after a record separator.
    start = _RECORD_SEPARATOR if essence(content_type) == "application/json-seq" else b""

    def write(value: JSON) -> Payload:
        if isinstance(value, str):
            return Payload(_utf8(value), BodyKind.TEXT, content_type)
        items = value if isinstance(value, list) else [value]
        lines = b"".join(start + json_bytes(item) + b"\n" for item in items)
        return Payload(lines, BodyKind.TEXT, content_type)

    return write


def _form_writer(content_type: str, form: Callable[[JSON], str]) -> WriteBody:
    return lambda value: Payload(form(value).encode(), BodyKind.FORM, content_type)


def _members_first(write: WriteBody, places: Places | None) -> WriteBody:
    """Files inside members that become JSON are text there."""
    return write if places is None else lambda value: write(with_texts_inside(value, places))


def _multipart_writer(multipart: Callable[[JSON], tuple[bytes, str]]) -> WriteBody:
    def write(value: JSON) -> Payload:
        body, content_type = multipart(value)
        return Payload(body, BodyKind.MULTIPART, content_type)

    return write


def _text_writer(declared: str, fallback: str, byte_type: str, shape: Shape) -> WriteBody:
    content_type = _concrete(declared, fallback)
    charset = _charset(content_type)

    def write(value: JSON) -> Payload:
        if (
            isinstance(value, dict) and takes_file(shape, value) and looks_binary(value)
        ):  # bytes, though the document only says "string"
            return _bytes_payload(value, declared, byte_type)
        text = text_of(value)
        try:
            return Payload(text.encode(charset), BodyKind.TEXT, content_type)
        except UnicodeEncodeError as error:
            raise Unwritable(f"holds characters that cannot be written in {charset}") from error

    return write


def _xml_writer(text: WriteBody) -> WriteBody:
    def write(value: JSON) -> Payload:
        if isinstance(value, dict | list) and not looks_binary(value):
            raise Unwritable("has to be a string that holds the XML: it goes into an XML body as it is")
        return text(value)

    return write


def _charset(content_type: str) -> str:
    """The `charset` parameter where Python knows it, else UTF-8."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"')
            try:
                "".encode(charset)
            except (LookupError, ValueError):
                return "utf-8"
            return charset
    return "utf-8"


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Unwritable("holds characters that are not valid Unicode") from error


def _bytes_payload(value: JSON, declared: str, byte_type: str) -> Payload:
    file = read_binary(value)
    return Payload(file.content, BodyKind.BYTES, _byte_content_type(declared, file.content_type, byte_type))


def _byte_content_type(declared: str, given: str, byte_type: str) -> str:
    """The type of a body of bytes: the document's unless it is unspecific, then the caller's."""
    name = essence(declared)
    if name in ("*/*", "application/*", _OCTETS):
        return given or byte_type or _OCTETS
    if is_wildcard(name):
        if not essence(given).startswith(name.partition("*")[0]):
            raise Unwritable(f"needs a `contentType` that matches {declared}, next to `content`")
        return given
    return declared


# --- Parameters that have `content` instead of a style ---------------------------------------------------------------


def compile_content_parameter(parameter: Parameter, media: MediaType, resolver: Resolver) -> Write:
    """A function that writes a parameter by its media type, then escapes the text for its place."""
    kind = media_kind(media)
    place = parameter.location
    if kind is MediaKind.FORM:
        form = compile_form(media, resolver)
        to_text: Callable[[JSON], str] = form if place is Location.QUERYSTRING else lambda value: percent(form(value))
    elif kind in (MediaKind.JSON, MediaKind.JSON_LINES):
        to_text = _header_json if place is Location.HEADER else lambda value: percent(json_text(value))
    else:
        to_text = (lambda value: header_text(text_of(value))) if place is Location.HEADER else _percent_text
    named = place in (Location.QUERY, Location.COOKIE)
    start = percent(parameter.name) + "=" if named else ""
    return lambda value: start + to_text(value)


def _percent_text(value: JSON) -> str:
    return percent(text_of(value))


def _header_json(value: JSON) -> str:
    """JSON for a header: ASCII only, which JSON can always be (RFC 8259 7)."""
    return json.dumps(json.loads(json_bytes(value)), separators=(",", ":"))
