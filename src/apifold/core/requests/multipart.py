"""`multipart/*` bodies: one part per property, or per member of an array property (RFC 7578, RFC 2046 5.1).

A part is JSON for an object, a file where the schema or the encoding says bytes, text otherwise. The boundary is
derived from the parts, so equal arguments give equal bytes, and is proven not to occur in them.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
import msgspec.structs

from apifold.core.openapi.media import asks_for_bytes, essence, is_wildcard
from apifold.core.openapi.model import Encoding, MediaType, Node
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import Shape, property_shape, shape_of
from apifold.core.requests.binary import Binary, looks_binary, read_binary
from apifold.core.requests.forms import is_json_type, style_rule, takes_file
from apifold.core.requests.serialize import Unwritable, header_text, json_text, raw_pairs, text_of
from apifold.core.values import JSON

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS: Final = frozenset({"content-disposition", "content-type", "content-transfer-encoding", "content-length"})
_PLAIN: Final = Encoding()
_OCTETS: Final = "application/octet-stream"


class Part(msgspec.Struct, frozen=True):
    head: bytes
    """Header lines, each ended by CRLF."""
    content: bytes


class _Property(msgspec.Struct, frozen=True):
    """How the values of one property become parts."""

    name: str
    encoding: Encoding
    shape: Shape
    item: Shape
    headers: Mapping[str, str]
    """Part headers that the document declares and gives a value for."""
    takes_data_uri: bool = False
    """A plain string in a form that declares no file, though it is multipart: a data URI there is the file."""


def compile_multipart(media: MediaType, resolver: Resolver) -> Callable[[JSON], tuple[bytes, str]]:
    """A function from a value to the body and its `Content-Type`. An array gives parts without names (3.2)."""
    subtype = essence(media.content_type)
    if is_wildcard(subtype):
        subtype = "multipart/form-data"
    form_data = subtype == "multipart/form-data"
    shape = shape_of(resolver, media.schema)
    known = {
        name: _property(name, media.encoding.get(name, _PLAIN), property_shape(shape, name, resolver), resolver)
        for name in dict.fromkeys((*shape.properties, *media.encoding))
    }
    if form_data and not any(_is_file(plan) for plan in known.values()):
        known = {
            name: msgspec.structs.replace(plan, takes_data_uri=plan.shape.is_only("string"))
            for name, plan in known.items()
        }
    other = _property("", _PLAIN, shape_of(resolver, shape.additional), resolver)
    unnamed = _property("", _PLAIN, shape_of(resolver, *shape.items), resolver)

    def write(value: JSON) -> tuple[bytes, str]:
        parts: list[Part] = []
        for plan, item in _members(value, known, other, unnamed):
            try:
                parts += _write_property(plan, item, form_data=form_data)
            except Unwritable as error:
                raise Unwritable(str(error), *filter(None, (plan.name,)), *error.path) from error
            except UnicodeEncodeError as error:
                raise Unwritable("holds characters that are not valid Unicode") from error
        boundary = _boundary(parts)
        return _join(parts, boundary), _content_type(subtype, boundary, parts)

    return write


def _members(
    value: JSON, known: Mapping[str, _Property], other: _Property, unnamed: _Property
) -> Iterator[tuple[_Property, JSON]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if item is not None:
                yield known.get(name) or msgspec.structs.replace(other, name=name), item
    elif isinstance(value, list):
        for item in value:
            yield unnamed, item
    else:
        raise Unwritable("expects an object: each property becomes a part")


def _property(name: str, encoding: Encoding, shape: Shape, resolver: Resolver) -> _Property:
    headers = {
        header: text
        for header, node in encoding.headers.items()
        if _TOKEN.fullmatch(header) and header.lower() not in _OURS and (text := _declared_value(node)) is not None
    }
    return _Property(name, encoding, shape, shape_of(resolver, *shape.items), headers)


def _declared_value(node: Node) -> str | None:
    """The value a Header Object leaves no choice about, an empty string where only the caller can know it."""
    schema = node.value.get("schema") if isinstance(node.value, dict) else None
    if not isinstance(schema, dict):
        return None
    for keyword in ("const", "default"):
        if isinstance(value := schema.get(keyword), str | int | float | bool):
            return header_text(text_of(value))
    return ""


def _write_property(plan: _Property, value: JSON, *, form_data: bool) -> Iterator[Part]:
    # `style` is for form-data only: "SHALL be ignored if the media type is not ... multipart/form-data" (3.1).
    rule = style_rule(plan.name, plan.encoding) if form_data else None
    if rule is not None and not (takes_file(plan.shape, value) and looks_binary(value)):
        for name, text in raw_pairs(rule, value):
            yield _part(name, text.encode(), form_data=form_data)
    elif isinstance(value, list) and (plan.name or plan.item.is_typed):
        for item in value:
            if item is not None:
                yield _single(plan, item, plan.item, form_data=form_data)
    else:
        yield _single(plan, value, plan.shape, form_data=form_data)


def _single(plan: _Property, value: JSON, shape: Shape, *, form_data: bool) -> Part:
    declared = plan.encoding.content_type
    if isinstance(value, dict) and takes_file(shape, value) and looks_binary(value):
        return _file(plan, read_binary(value), shape, form_data=form_data)
    if isinstance(value, str) and (
        shape.binary
        or asks_for_bytes(declared, shape)
        or (plan.takes_data_uri and ";base64," in value and looks_binary(value))
    ):
        return _file(plan, read_binary(value), shape, form_data=form_data)
    if isinstance(value, dict | list) or is_json_type(declared):
        content_type = declared if declared is not None and is_json_type(declared) else "application/json"
        content = _json_part(value, shape)
    else:
        named = declared or shape.media_type
        content_type = "" if is_wildcard(named) or "," in named else named
        content = text_of(value).encode()
    return _part(plan.name, content, form_data=form_data, content_type=content_type, headers=plan.headers)


def _json_part(value: JSON, shape: Shape) -> bytes:
    """JSON of a value. A string that holds an object or array, where the schema says string, is JSON already."""
    if isinstance(value, str) and shape.is_only("string") and value.lstrip()[:1] in ("{", "["):
        return value.encode()
    return json_text(value).encode()


def _is_file(plan: _Property) -> bool:
    """Whether the document says that a part, or each of its items, is a file."""
    return any(shape.binary or asks_for_bytes(plan.encoding.content_type, shape) for shape in (plan.shape, plan.item))


def _file(plan: _Property, file: Binary, shape: Shape, *, form_data: bool) -> Part:
    # `contentMediaType` counts where no encoding says otherwise (3.1.1, Working With Binary Data).
    content_type = _file_type(plan.encoding.content_type or shape.media_type, file.content_type)
    given = {name: text for name, text in file.headers.items() if _TOKEN.fullmatch(name)}
    lower = {name.lower(): text for name, text in given.items() if name.lower() not in _OURS}
    headers = {name: lower.pop(name.lower(), default) for name, default in plan.headers.items()}
    headers |= {name: text for name, text in given.items() if name.lower() in lower}
    # Servers tell a file from a text field by its `filename` (RFC 7578 4.2), so a file always has one.
    filename = file.filename or (plan.name if form_data else "")
    return _part(
        plan.name, file.content, form_data=form_data, content_type=content_type, filename=filename, headers=headers
    )


def _file_type(declared: str, given: str) -> str:
    """The type of a file part: the caller's where the document admits it, else the document's, else octets."""
    admitted = [name.strip() for name in declared.split(",") if name.strip()]
    if given and (not admitted or any(_admits(name, given) for name in admitted)):
        return given
    return next((name for name in admitted if not is_wildcard(name)), given or _OCTETS)


def _admits(pattern: str, content_type: str) -> bool:
    name, wanted = essence(pattern), essence(content_type)
    return name in ("*/*", wanted, _OCTETS) or (name.endswith("/*") and wanted.startswith(name[:-1]))


def _part(
    name: str,
    content: bytes,
    *,
    form_data: bool,
    content_type: str = "",
    filename: str = "",
    headers: Mapping[str, str] = {},
) -> Part:
    lines: list[str] = []
    if name:
        # Only named parts can be described (3.1, Special Considerations for multipart): the name stands here.
        disposition = f'Content-Disposition: form-data; name="{_quoted(name)}"'
        lines.append(disposition + (f'; filename="{_quoted(filename)}"' if filename else ""))
    if content_type:
        lines.append(f"Content-Type: {header_text(content_type)}")
    for header, text in headers.items():
        value = text or (name if header.lower() == "content-id" else "")
        if value:
            lines.append(f"{header}: {header_text(value)}")
    if not form_data and name and not any(header.lower() == "content-id" for header in headers):
        lines.append(f"Content-ID: {header_text(_quoted(name))}")
    return Part("".join(f"{line}\r\n" for line in lines).encode(), content)


def _quoted(text: str) -> str:
    """A name or file name between quotes: UTF-8 with three escapes (RFC 7578 5.1, WHATWG HTML form-data encoding)."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22").replace("\0", "%00")


def _boundary(parts: list[Part]) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part.head)
        digest.update(part.content)
    return free_boundary(f"apifold-{digest.hexdigest()}", parts)


def free_boundary(name: str, parts: list[Part]) -> str:
    """The name, or the name and the first number with which it does not occur in any part (RFC 2046 5.1.1)."""
    boundary, attempt = name, 0
    while any(b"--" + boundary.encode() in part.content for part in parts):
        attempt += 1
        boundary = f"{name}{attempt}"
    return boundary


def _join(parts: list[Part], boundary: str) -> bytes:
    line = b"--" + boundary.encode()
    pieces: list[bytes] = []
    for part in parts:
        pieces += (line, b"\r\n", part.head, b"\r\n", part.content, b"\r\n")
    return b"".join([*pieces, line, b"--\r\n"])


def _content_type(subtype: str, boundary: str, parts: list[Part]) -> str:
    if subtype != "multipart/related" or not parts:
        return f"{subtype}; boundary={boundary}"
    # RFC 2387 3.1: `type` is the media type of the root, which is the first part.
    root = next((line[14:] for line in parts[0].head.decode().split("\r\n") if line.startswith("Content-Type: ")), "")
    return f'{subtype}; boundary={boundary}; type="{essence(root) or "text/plain"}"'
