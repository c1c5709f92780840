"""A value for a schema of the portable profile: what a careful caller would send, never at random."""

from typing import Final

from apifold.core.values import JSON, JSONObject

_FORMATS: Final = {
    "date": "2024-01-02",
    "date-time": "2024-01-02T03:04:05Z",
    "uuid": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64",
    "uri": "https://a.example/b?c=d&e",
    "email": "ann@example.com",
}
_TEXT: Final = "a b&c/d#e?.x"
_DEEPEST: Final = 6


def sample(schema: JSON, *, full: bool = False, depth: int = 0) -> JSON:
    """A value that the schema allows as far as that is easy; with `full` optional properties too, a few levels deep."""
    if not isinstance(schema, dict):
        return _TEXT
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if isinstance(options := schema.get("enum"), list) and options:
        return options[0]
    if isinstance(branches := schema.get("anyOf"), list) and branches:
        return sample(branches[0], full=full, depth=depth + 1)
    kind = schema.get("type", "string")
    if kind == "object":
        return _object(schema, full=full, depth=depth)
    if kind == "array":
        return [sample(schema.get("items"), full=full, depth=depth + 1)] if depth < _DEEPEST else []
    return _scalar(schema, kind)


def _object(schema: JSONObject, *, full: bool, depth: int) -> JSONObject:
    properties, required = schema.get("properties"), schema.get("required")
    wanted = required if isinstance(required, list) else []
    if not isinstance(properties, dict) or depth > _DEEPEST:
        return {}
    return {
        name: sample(inner, full=full, depth=depth + 1)
        for name, inner in properties.items()
        if name in wanted or (full and depth < 3)
    }


def _scalar(schema: JSONObject, kind: JSON) -> JSON:
    if kind in ("integer", "number"):
        least, most = schema.get("minimum", 1), schema.get("maximum", 1)
        return least if isinstance(least, int | float) and least > 1 else min(1, most) if isinstance(most, int) else 1
    if kind == "boolean":
        return True
    text = _FORMATS.get(str(schema.get("format")), _TEXT)
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1000)
    if isinstance(least, int) and isinstance(most, int):
        return text.ljust(least, "x")[:most]
    return text
