"""Pieces to the schemas that a client sees."""

from collections.abc import Sequence

from apifold.core.tools.outline import Outline
from apifold.core.tools.pieces import Piece
from apifold.core.tools.text import shorten
from apifold.core.values import JSON, JSONObject


def render(piece: Piece, limit: int) -> JSONObject:
    """The finished schema of a piece whose children are finished."""
    outline = piece.outline
    null = outline.nullable and not piece.omits_null
    if outline.is_leaf and not piece.cut:
        known = outline.shared.get((limit, null))
        if known is None:
            known = _finished(_leaf(outline), _words(outline, limit, ""), null=null)
            outline.shared[limit, null] = known
        return known
    if outline.branches:
        schema = _alternatives([below for _, _, below in reversed(piece.below)])
    elif outline.kind == "array":
        schema = {**outline.facts, "items": piece.below[0][2] if piece.below else {}}
    else:
        schema = _object(piece)
    return _finished(schema, _words(outline, limit, piece.cut), null=null)


def _leaf(outline: Outline) -> JSONObject:
    if outline.kind == "object":
        # An object that lists nothing takes anything, unless the document says that it is empty.
        return {**outline.facts, "properties": {}, "additionalProperties": outline.additional is True}
    return outline.facts


def _object(piece: Piece) -> JSONObject:
    outline = piece.outline
    keys = piece.level.keys() if piece.level is not None else {}
    properties: JSONObject = {}
    required: list[JSON] = []
    additional: JSON = None
    for role, name, below in reversed(piece.below):
        if role == "property":
            key = keys.get(name, name)
            properties[key] = below
            if name in outline.required:
                required.append(key)
        else:
            additional = below
    schema: JSONObject = {**outline.facts, "properties": properties}
    if required:
        schema["required"] = required
    if piece.cut:  # what was left out has to be allowed
        for keyword in ("minProperties", "maxProperties"):
            schema.pop(keyword, None)
    elif additional is not None:
        schema["additionalProperties"] = additional
    elif outline.additional is False or not properties:
        schema["additionalProperties"] = outline.additional is not False
    return schema


def _alternatives(schemas: Sequence[JSONObject]) -> JSONObject:
    """`anyOf` without doubles; alternatives that only list values of one type become one list."""
    kept: list[JSON] = []
    enums: dict[JSON, JSONObject] = {}
    for schema in schemas:
        inner = schema.get("anyOf")
        for option in inner if isinstance(inner, list) and len(schema) == 1 else [schema]:
            if isinstance(option, dict) and option.keys() == {"type", "enum"} and isinstance(option["type"], str):
                known = enums.get(option["type"])
                if known is not None:
                    known["enum"] = _union(known["enum"], option["enum"])
                    continue
                option = enums[option["type"]] = dict(option)  # noqa: PLW2901 -- extended later, and others share the original
            if option not in kept:
                kept.append(option)
    if len(kept) == 1 and isinstance(kept[0], dict):
        return kept[0]
    return {"anyOf": kept} if kept else {}


def _union(one: JSON, other: JSON) -> JSON:
    mine = one if isinstance(one, list) else []
    return [*mine, *(value for value in other if value not in mine)] if isinstance(other, list) else mine


def _finished(schema: JSONObject, words: str, *, null: bool) -> JSONObject:
    """The schema with null where it is allowed, and its description."""
    if null and schema:
        inner = schema.get("anyOf")
        options: list[JSON] = [*inner] if isinstance(inner, list) and len(schema) == 1 else [schema]
        schema = {"anyOf": [*options, {"type": "null"}]}
    return {**schema, "description": words} if words else schema


def _words(outline: Outline, limit: int, cut: str) -> str:
    said = shorten(outline.description, limit) if len(outline.description) > limit else outline.description
    return f"{said} {cut}".strip() if cut else said
