"""From a value to characters: every `style` and `explode` of every location, by one table (RFC 6570 Appendix A).

The styles of OpenAPI are the operators of RFC 6570 with other names, so there is one algorithm and a row of
separators per style. What the specification leaves undefined is decided here, once; the reasons are in
`docs/decisions/0004-serialisation-choices.md`. Nothing here knows documents, tools or HTTP.
"""

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from apifold.core.openapi.model import Location, Style
from apifold.core.values import JSON, JSONObject

Encode = Callable[[str], str]
"""Characters to the characters that may stand in one place: percent-encoding, or a check that refuses."""

Write = Callable[[JSON], str | None]
"""A value to its text, or `None` when nothing is to be sent (the value counts as undefined, RFC 6570 2.3)."""

_MAX_NESTING: Final = 64
_COMPOSITE: Final = (dict, list)


class Unwritable(ValueError):
    """A value that cannot stand where it should go; the text says why, and never repeats the value."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path
        """Which part of the value, from outside in; empty for the value itself."""


# --- Scalars ---------------------------------------------------------------------------------------------------------

_json = msgspec.json.Encoder()


def json_bytes(value: JSON) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return _json.encode(value)
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unwritable("cannot be written as JSON: text that is not valid Unicode, or nesting too deep") from error


def json_text(value: JSON) -> str:
    """Compact JSON, the form of a value that a style has no rule for (an object inside an array, say)."""
    return json_bytes(value).decode()


def text_of(value: JSON) -> str:
    """A scalar as text: JSON's own spelling without quotes. Composite values become compact JSON."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number_text(value)
    return "" if value is None else json_text(value)


def _number_text(value: float) -> str:
    """Plain decimal digits, never an exponent.

    JSON Schema does not tell 1.0 from 1 (2020-12 core 4.2.2), but servers that parse an integer do: whole numbers
    are written without a fraction. Exponents are legal JSON that many query parsers refuse.
    """
    if not math.isfinite(value):
        raise Unwritable("is not a finite number")
    if value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


# --- Characters ------------------------------------------------------------------------------------------------------

_is_unreserved: Final = re.compile(r"[A-Za-z0-9\-._~]*").fullmatch
_ENCODED: Final = [chr(byte) if _is_unreserved(chr(byte)) else f"%{byte:02X}" for byte in range(256)]
_TRIPLE: Final = re.compile(r"(%[0-9A-Fa-f]{2})")
_NOT_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e]")
_NOT_IN_COOKIE: Final = re.compile(r"[^\x20-\x7e]|;")
_RESERVED: Final = frozenset(":/?#[]@!$&'()*+,;=")
_NEVER_LITERAL: Final = {
    # RFC 3986 3.4 has no `#[]` in a query; `&` and `+` mean something there (WHATWG URL, form-urlencoded parsing).
    Location.QUERY: frozenset("#[]&+"),
    # Path Templating: "MUST NOT contain any unescaped generic syntax characters ... /, ?, #"; RFC 3986 3.3 has no `[]`.
    Location.PATH: frozenset("/?#[]"),
    Location.COOKIE: frozenset(";,+"),
}


def percent(text: str) -> str:
    """Percent-encode all but RFC 3986 unreserved characters, from UTF-8."""
    if _is_unreserved(text):
        return text
    try:
        return percent_bytes(text.encode())
    except UnicodeEncodeError as error:
        raise Unwritable("holds characters that are not valid Unicode") from error


def percent_bytes(content: bytes) -> str:
    """Percent-encode bytes that need not be text."""
    return "".join([_ENCODED[byte] for byte in content])


def percent_reserved(location: Location, delimiters: str) -> Encode:
    """`allowReserved`: RFC 6570 reserved expansion (3.2.3), so triples that are there stay, but never the structure.

    Reserved characters that would end the component, or that separate members here (`delimiters`), stay encoded:
    the specification calls the result of inserting them undefined.
    """
    forbidden = _NEVER_LITERAL.get(location, frozenset("#[]&+"))
    safe = "".join(sorted(_RESERVED - forbidden - set(delimiters)))

    def encode(text: str) -> str:
        try:
            return "".join(
                part if position % 2 else quote(part, safe=safe) for position, part in enumerate(_TRIPLE.split(text))
            )
        except UnicodeEncodeError as error:
            raise Unwritable("holds characters that are not valid Unicode") from error

    return encode


def header_text(text: str) -> str:
    """A header value as it is: RFC 9110 5.5 visible ASCII, space and tab; white space around it is not part of it.

    Parameters in headers are not percent-encoded (3.2, Appendix D). Outside ASCII a header has no agreed meaning.
    """
    if _NOT_IN_HEADER.search(text):
        raise Unwritable("goes into an HTTP header, which takes printable ASCII only (no line breaks, no accents)")
    return text.strip(" \t")


def cookie_text(text: str) -> str:
    """A cookie value as it is (3.2 `style: cookie` does no escaping): whatever would end it is refused."""
    if _NOT_IN_COOKIE.search(text):
        raise Unwritable("goes into a cookie, which takes printable ASCII without `;` only")
    return text


# --- Styles ----------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """One style in one location, in the terms of RFC 6570 Appendix A."""

    first: str
    separator: str
    """Between members when exploded."""
    joiner: str
    """Within the one member when not exploded, as it stands in its location."""
    named: bool
    """Members carry the parameter's name."""
    if_empty: str = ""
    """What follows the name of an empty member."""


_FORM = Row("", "&", ",", named=True, if_empty="=")
_SIMPLE = Row("", ",", ",", named=False)
_COOKIES = Row("", "; ", ",", named=True, if_empty="=")

TABLE: Final = {
    (Location.PATH, Style.MATRIX): Row(";", ";", ",", named=True),
    (Location.PATH, Style.LABEL): Row(".", ".", ",", named=False),
    (Location.PATH, Style.SIMPLE): _SIMPLE,
    (Location.HEADER, Style.SIMPLE): _SIMPLE,
    # The collection formats of 2.0 exist in every location (Parameter Object, `collectionFormat`).
    (Location.PATH, Style.SPACE_DELIMITED): Row("", ",", "%20", named=False),
    (Location.PATH, Style.PIPE_DELIMITED): Row("", ",", "%7C", named=False),
    (Location.PATH, Style.TAB_DELIMITED): Row("", ",", "%09", named=False),
    (Location.HEADER, Style.SPACE_DELIMITED): Row("", ",", " ", named=False),
    (Location.HEADER, Style.PIPE_DELIMITED): Row("", ",", "|", named=False),
    (Location.HEADER, Style.TAB_DELIMITED): Row("", ",", "\t", named=False),
    (Location.QUERY, Style.FORM): _FORM,
    (Location.QUERY, Style.SPACE_DELIMITED): Row("", "&", "%20", named=True, if_empty="="),
    (Location.QUERY, Style.PIPE_DELIMITED): Row("", "&", "%7C", named=True, if_empty="="),
    (Location.QUERY, Style.TAB_DELIMITED): Row("", "&", "%09", named=True, if_empty="="),
    (Location.QUERY, Style.DEEP_OBJECT): _FORM,
    # The `&` that older tables print for cookies is never right in a Cookie header (3.2, Appendix D).
    (Location.COOKIE, Style.FORM): _COOKIES,
    (Location.COOKIE, Style.COOKIE): _COOKIES,
}

_DEFAULT: Final = {
    Location.PATH: Style.SIMPLE,
    Location.HEADER: Style.SIMPLE,
    Location.COOKIE: Style.FORM,
    Location.QUERY: Style.FORM,
}


class Rule(msgspec.Struct, frozen=True):
    """How one named value is written."""

    name: str
    location: Location
    style: Style
    explode: bool
    allow_reserved: bool = False
    allow_empty: bool = False
    """`allowEmptyValue`: an empty array or object is sent as the bare name instead of left out."""

    def known(self) -> "Rule":
        """The same rule, with the location's default style where the combination has no row in the table."""
        if (self.location, self.style) in TABLE:
            return self
        style = _DEFAULT.get(self.location, Style.FORM)
        return Rule(self.name, self.location, style, self.explode, self.allow_reserved, self.allow_empty)


def compile_rule(rule: Rule) -> Write:
    """A function that writes one parameter: the whole text for its place, name, separators and all."""
    rule = rule.known()
    row = TABLE[rule.location, rule.style]
    encode, encode_member = _encoders(rule, row)
    if not row.named:
        return _unnamed_writer(row, rule, encode, encode_member)
    names = cookie_text if rule.location is Location.COOKIE and rule.style is Style.COOKIE else percent
    name = names(rule.name)
    start = row.first + name
    between = row.separator

    def write(value: JSON) -> str | None:
        if not isinstance(value, _COMPOSITE):
            text = encode(text_of(value))
            return f"{start}={text}" if text else start + row.if_empty
        pairs = _pairs(rule, row.joiner, value, names, encode_member)
        if not pairs:
            return start + row.if_empty if rule.allow_empty else None
        return row.first + between.join(f"{key}={text}" if text else key + row.if_empty for key, text in pairs)

    return write


def raw_pairs(rule: Rule, value: JSON) -> list[tuple[str, str]]:
    """The members of a named style as plain names and texts, nothing escaped: what `multipart/form-data` takes."""
    rule = rule.known()
    if not isinstance(value, _COMPOSITE):
        return [] if value is None else [(rule.name, text_of(value))]
    return _pairs(rule, unquote(TABLE[rule.location, rule.style].joiner), value, str, str)


def _encoders(rule: Rule, row: Row) -> tuple[Encode, Encode]:
    """How a lone value is encoded, and how a member of an array or object is."""
    if rule.location is Location.HEADER:
        return header_text, header_text
    if rule.location is Location.COOKIE and rule.style is Style.COOKIE:
        return cookie_text, cookie_text
    if not rule.allow_reserved:
        return percent, percent
    own = unquote(row.joiner) + row.separator + row.first + "="
    return percent_reserved(rule.location, row.first), percent_reserved(rule.location, own)


def _unnamed_writer(row: Row, rule: Rule, encode: Encode, encode_member: Encode) -> Write:
    def write(value: JSON) -> str | None:
        if isinstance(value, list):
            members = [encode_member(text_of(item)) for item in value if item is not None]
        elif isinstance(value, dict):
            members = _flat_members(value, encode_member, explode=rule.explode)
        else:
            return row.first + encode(text_of(value))
        return row.first + (row.separator if rule.explode else row.joiner).join(members) if members else None

    return write


def _flat_members(value: JSONObject, encode: Encode, *, explode: bool) -> list[str]:
    present = [(encode(key), encode(text_of(item))) for key, item in value.items() if item is not None]
    if explode:
        return [f"{key}={text}" for key, text in present]
    return [part for pair in present for part in pair]


def _pairs(
    rule: Rule, joiner: str, value: list[JSON] | JSONObject, names: Encode, encode: Encode
) -> list[tuple[str, str]]:
    """Encoded name and text of each member of a composite value."""
    if rule.style is Style.DEEP_OBJECT:
        return [(names(key), encode(text)) for key, text in deep_pairs(rule.name, value)]
    name = names(rule.name)
    if isinstance(value, list):
        texts = [encode(text_of(item)) for item in value if item is not None]
        if rule.explode:
            return [(name, text) for text in texts]
        return [(name, joiner.join(texts))] if texts else []
    if rule.explode:
        return list(_exploded(value, names, encode))
    flat = _flat_members(value, encode, explode=False)
    return [(name, joiner.join(flat))] if flat else []


def _exploded(value: JSONObject, names: Encode, encode: Encode) -> Iterator[tuple[str, str]]:
    """Each property as if it were a parameter of its own; an array inside repeats its name, as it would there."""
    for key, item in value.items():
        for one in item if isinstance(item, list) else (item,):
            if one is not None:
                yield names(key), encode(text_of(one))


def deep_pairs(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    """`deepObject`, continued to any depth as Stripe, Rack and qs read it: `a[b][0][c]`; names are not yet encoded.

    The specification defines one level of properties. Array members get their index: with empty brackets a reader
    cannot tell where one object in an array ends and the next begins.
    """
    stack: list[tuple[str, JSON, int]] = [(name, value, 0)]
    while stack:
        key, item, depth = stack.pop()
        if depth > _MAX_NESTING:
            raise Unwritable(f"is nested more than {_MAX_NESTING} levels deep")
        if isinstance(item, dict):
            stack.extend((f"{key}[{part}]", inner, depth + 1) for part, inner in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend((f"{key}[{at}]", item[at], depth + 1) for at in range(len(item) - 1, -1, -1))
        elif item is not None:
            yield key, text_of(item)
