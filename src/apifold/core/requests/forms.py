"""`application/x-www-form-urlencoded` bodies: each property by its `encoding`, else by the defaults of its type.

With `style`, `explode` or `allowReserved` a property is written like a query parameter. Without, by content type:
an object is JSON text, each member of an array is a field of its own, a scalar is its text (3.0.3 Media Type Object,
"Support for x-www-form-urlencoded Request Bodies"; Encoding Object, `contentType`).
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from apifold.core.openapi.media import MediaKind, media_kind
from apifold.core.openapi.model import Encoding, Location, MediaType, Style
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import Shape, property_shape, shape_of
from apifold.core.requests.binary import looks_binary, read_binary
from apifold.core.requests.serialize import Rule, Unwritable, compile_rule, json_text, percent, percent_bytes
from apifold.core.values import JSON

_PLAIN: Final = Encoding()
_ALREADY_ENCODED: Final = "%&=+;:@/?!$'()*,[]"


def style_rule(name: str, encoding: Encoding) -> Rule | None:
    """The rule a property is written by when its encoding asks for a style; `None` when it goes by content type.

    Defaults as for query parameters (Encoding Object, `style`): `form`, and `explode` exactly for `form`.
    """
    if encoding.style is None and encoding.explode is None and not encoding.allow_reserved:
        return None
    style = encoding.style or Style.FORM
    explode = encoding.explode if encoding.explode is not None else style is Style.FORM
    return Rule(name, Location.QUERY, style, explode, encoding.allow_reserved)


def is_json_type(content_type: str | None) -> bool:
    """Whether a property's content type asks for JSON."""
    return content_type is not None and media_kind(MediaType(content_type, None)) is MediaKind.JSON


def compile_form(media: MediaType, resolver: Resolver) -> Callable[[JSON], str]:
    """A function that writes a whole body; the result is ASCII. Properties that are `null` are left out."""
    shape = shape_of(resolver, media.schema)
    names = dict.fromkeys((*shape.properties, *media.encoding))
    fields = {
        name: _compile_field(name, media.encoding.get(name, _PLAIN), property_shape(shape, name, resolver), resolver)
        for name in names
    }

    other = shape_of(resolver, shape.additional)

    def write(value: JSON) -> str:
        if isinstance(value, str):
            return quote(value, safe=_ALREADY_ENCODED)
        if not isinstance(value, dict):
            raise Unwritable("expects an object: each property becomes a form field")
        written: list[str] = []
        for name, item in value.items():
            field = fields.get(name) or _compile_field(name, _PLAIN, other, resolver)
            try:
                text = None if item is None else field(item)
            except Unwritable as error:
                raise Unwritable(str(error), name, *error.path) from error
            if text is not None:
                written.append(text)
        return "&".join(written)

    return write


def takes_file(shape: Shape, value: JSON) -> bool:
    """Whether an object spelled as a file is one here. Where the schema wants an object, `content` is just a name;
    where it says nothing, a file name or a type beside the content tells.
    """
    if shape.binary or not shape.may_be("object"):
        return True
    return not shape.is_typed and isinstance(value, dict) and len(value) > 1


def _compile_field(name: str, encoding: Encoding, shape: Shape, resolver: Resolver) -> Callable[[JSON], str | None]:
    rule = style_rule(name, encoding)
    if rule is not None:
        return compile_rule(rule)
    start = percent(name) + "="
    if is_json_type(encoding.content_type):
        return lambda value: start + percent(json_text(value))
    repeat = compile_rule(Rule(name, Location.QUERY, Style.FORM, explode=True))
    has_files = bool(shape.items) and shape_of(resolver, *shape.items).binary

    def write(value: JSON) -> str | None:
        if has_files and isinstance(value, list):
            return "&".join(start + percent_bytes(read_binary(item).content) for item in value if item is not None)
        if (shape.binary and isinstance(value, str)) or (takes_file(shape, value) and looks_binary(value)):
            return start + percent_bytes(read_binary(value).content)
        return start + percent(json_text(value)) if isinstance(value, dict) else repeat(value)

    return write
