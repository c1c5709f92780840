"""Several schema objects that all apply to one value, as one: `allOf` without `allOf`.

Only keywords about the value itself are merged here. Properties, items and alternatives stay with their members,
because each is read relative to where it stands.
"""

from collections.abc import Callable

from apifold.core.openapi.model import Node
from apifold.core.tools import vocabulary as words
from apifold.core.values import JSON, JSONObject

_BOUNDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))


def merge_keywords(members: list[tuple[Node, bool]], complain: words.Complaint) -> JSONObject:
    """The keywords of all members. The first one wins where only one can stand (description, default, pattern)."""
    if len(members) == 1:
        value = members[0][0].value
        return value if isinstance(value, dict) else {}
    merged: JSONObject = {}
    for node, _ in members:
        if not isinstance(node.value, dict):
            continue
        for keyword, value in node.value.items():
            if keyword in _BOUNDS:
                continue
            known = merged.get(keyword)
            if keyword not in merged:
                merged[keyword] = value
            elif keyword in _MERGERS and known != value:
                merged[keyword] = _MERGERS[keyword](known, value, complain)
        if not _BOUNDS.isdisjoint(node.value):
            _tighten(merged, words.bounds(node.value, complain))
    return merged


def _tighten(merged: JSONObject, found: JSONObject) -> None:
    for keyword, value in found.items():
        known = merged.get(keyword)
        if isinstance(known, int | float) and isinstance(value, int | float):
            merged[keyword] = max(known, value) if keyword in ("minimum", "exclusiveMinimum") else min(known, value)
        else:
            merged[keyword] = value


def _types(one: JSON, other: JSON, complain: words.Complaint) -> JSON:
    mine = one if isinstance(one, list) else [one]
    theirs = other if isinstance(other, list) else [other]
    both: list[JSON] = [name for name in mine if name in theirs]
    if not both and "integer" in [*mine, *theirs] and "number" in [*mine, *theirs]:
        both = ["integer"]
    if not both:
        complain("schema.conflict", f"parts of an allOf want different types, {mine} and {theirs}; the first was taken")
        return one
    return both[0] if len(both) == 1 else both


def _common(one: JSON, other: JSON, complain: words.Complaint) -> JSON:
    if not isinstance(one, list) or not isinstance(other, list):
        return one
    both = [value for value in one if value in other]
    if not both and one and other:
        complain("schema.conflict", "parts of an allOf have enums without a common value; the first was taken")
        return one
    return both or one


def _union(one: JSON, other: JSON, _: words.Complaint) -> JSON:
    if not isinstance(one, list) or not isinstance(other, list):
        return one if isinstance(one, list) else other
    return [*one, *(name for name in other if name not in one)]


def _larger(one: JSON, other: JSON, _: words.Complaint) -> JSON:
    mine, theirs = words.as_number(one), words.as_number(other)
    return other if mine is None or (theirs is not None and theirs > mine) else one


def _smaller(one: JSON, other: JSON, _: words.Complaint) -> JSON:
    mine, theirs = words.as_number(one), words.as_number(other)
    return other if mine is None or (theirs is not None and theirs < mine) else one


def _either(one: JSON, other: JSON, _: words.Complaint) -> JSON:
    return one is True or other is True


_MERGERS: dict[str, Callable[[JSON, JSON, words.Complaint], JSON]] = {
    "type": _types,
    "enum": _common,
    "required": _union,
    "minLength": _larger,
    "minItems": _larger,
    "minProperties": _larger,
    "maxLength": _smaller,
    "maxItems": _smaller,
    "maxProperties": _smaller,
    "uniqueItems": _either,
    "nullable": _either,
    "x-nullable": _either,
}
