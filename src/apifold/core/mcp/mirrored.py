"""Body fields that 2026-07-28 mirrors into HTTP headers, so that intermediaries need not parse the body: `Mcp-Method`,
`Mcp-Name`, `Mcp-Param-*` (Streamable HTTP, Request Metadata). Decides whether header and body agree.

Headers are a mapping from lower-case names to trimmed values. What an intermediary routes on must be what is executed:
every disagreement is an error, and so is a required header that is not there.
"""

import base64
import binascii
import re
from collections.abc import Mapping

import msgspec

from apifold.core.values import JSON, JSONObject

NAMED_BY: Mapping[str, str] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods that need `Mcp-Name`, and the parameter it repeats."""

_PREFIX, _SUFFIX = "=?base64?", "?="
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DECIMAL = re.compile(r"-?[0-9]+(\.0*)?")
_TYPES = frozenset({"string", "integer", "boolean"})
_LONGEST_INTEGER = 4_000
"""Digits; Python refuses to convert more than 4,300."""


class Mirrored(msgspec.Struct, frozen=True):
    """One argument that goes into a header too."""

    path: tuple[str, ...]
    """Property names from the root of the arguments."""
    header: str
    """Lower case, with the `mcp-param-` prefix."""
    integer: bool


def decode_value(value: str) -> str | None:
    """A header value as the client meant it; `None` for a sentinel that holds no canonical base64 of UTF-8."""
    if not (value.startswith(_PREFIX) and value.endswith(_SUFFIX) and len(value) >= len(_PREFIX) + len(_SUFFIX)):
        return value
    payload = value[len(_PREFIX) : -len(_SUFFIX)]
    try:
        decoded = base64.b64decode(payload, validate=True)
        meant = decoded.decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    # The decoder tolerates stray bits in the last character.
    return meant if base64.b64encode(decoded).decode("ascii") == payload else None


def name_mismatch(method: str, params: JSONObject, headers: Mapping[str, str]) -> str:
    """What is wrong with `Mcp-Method` and `Mcp-Name`; empty when nothing is."""
    sent = headers.get("mcp-method")
    if sent != method:
        return _differs("Mcp-Method", sent, method)
    key = NAMED_BY.get(method)
    if key is None:
        return ""
    value, sent = params.get(key), headers.get("mcp-name")
    if sent is None:
        return "Header mismatch: Mcp-Name is missing"
    if decode_value(sent) != value:
        return _differs("Mcp-Name", sent, value if isinstance(value, str) else None)
    return ""


def mirrored_arguments(schema: JSON) -> tuple[Mirrored, ...]:
    """The annotated arguments of an input schema. One invalid annotation makes clients drop the tool and send no headers,
    so then nothing is mirrored. Only chains of `properties` are followed (Schema Extension, last constraint).
    """
    found: dict[str, Mirrored] = {}
    pending: list[tuple[tuple[str, ...], JSON]] = [((), schema)]
    while pending:
        path, node = pending.pop()
        if not isinstance(node, dict):
            continue
        if "x-mcp-header" in node:
            one = _annotated(path, node)
            if one is None or one.header in found:
                return ()
            found[one.header] = one
        properties = node.get("properties")
        if isinstance(properties, dict):
            pending.extend(((*path, name), child) for name, child in properties.items())
    return tuple(found.values())


def _annotated(path: tuple[str, ...], node: JSONObject) -> Mirrored | None:
    name, kind = node["x-mcp-header"], node.get("type")
    if not path or not isinstance(name, str) or not _TOKEN.fullmatch(name) or kind not in _TYPES:
        return None
    return Mirrored(path, f"mcp-param-{name.lower()}", kind == "integer")


def argument_mismatch(mirrored: tuple[Mirrored, ...], arguments: JSONObject, headers: Mapping[str, str]) -> str:
    """What is wrong with the `Mcp-Param-*` headers; empty when nothing is."""
    for one in mirrored:
        sent, value = headers.get(one.header), _value_at(arguments, one.path)
        if value is None or isinstance(value, dict | list):
            if sent is not None:
                return f"Header mismatch: {one.header} is sent, but the argument {'.'.join(one.path)!r} is not"
        elif sent is None:
            return f"Header mismatch: {one.header} is missing"
        elif not _agrees(sent, value, integer=one.integer):
            return _differs(one.header, sent, _spoken(value))
    return ""


def _value_at(arguments: JSON, path: tuple[str, ...]) -> JSON:
    node = arguments
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def _agrees(sent: str, value: bool | float | str, *, integer: bool) -> bool:
    decoded = decode_value(sent)
    if decoded is None:
        return False
    number = not isinstance(value, bool | str)
    if integer and number and len(decoded) <= _LONGEST_INTEGER and _DECIMAL.fullmatch(decoded):
        return int(decoded.partition(".")[0]) == value  # 42.0 and 42 are equal (Server Validation, note)
    return decoded == _spoken(value)


def _spoken(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _differs(header: str, sent: str | None, value: str | None) -> str:
    if sent is None:
        return f"Header mismatch: {header} is missing"
    body = "is not in the body" if value is None else f"does not match body value '{value[:200]}'"
    return f"Header mismatch: {header} header value '{sent[:200]}' {body}"
