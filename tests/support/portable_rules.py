"""The rules of the portable profile (what the strictest client accepts), checked by a walk of its own."""

import re
import unicodedata
from collections.abc import Iterator

from apifold.core.values import JSON, JSONObject

KEY = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KEYWORDS = frozenset(
    [
        "type",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "anyOf",
        "enum",
        "default",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    ]
)
TYPES = frozenset(["object", "array", "string", "integer", "number", "boolean", "null"])
FORMATS = frozenset(("date-time", "date", "email", "uri", "uuid"))


def violations(schema: JSONObject) -> list[str]:
    """What strict clients would refuse, as `place: what`."""
    found = [] if schema.get("type") == "object" and "anyOf" not in schema else ["/: the root is no plain object"]
    if schema.get("additionalProperties") is not False:
        found.append("/: the root is open")
    pending: list[tuple[str, JSON]] = [("", schema)]
    while pending:
        place, here = pending.pop()
        if not isinstance(here, dict):
            found.append(f"{place}: not an object but {type(here).__name__}")
            continue
        found.extend(f"{place}: {problem}" for problem in _problems(here))
        pending.extend(_below(place, here))
    return found


def _problems(here: JSONObject) -> Iterator[str]:
    unknown = here.keys() - KEYWORDS
    if unknown:
        yield f"keywords {sorted(unknown)}"
    kind = here.get("type")
    if kind is not None and kind not in TYPES:
        yield f"type {kind!r}"
    if kind == "array" and not isinstance(here.get("items"), dict):
        yield "an array without items"
    properties = here.get("properties")
    if kind == "object" and not isinstance(properties, dict):
        yield "an object without properties"
    if isinstance(properties, dict):
        yield from (f"key {key!r}" for key in properties if not KEY.fullmatch(key))
        required = here.get("required", [])
        assert isinstance(required, list)
        yield from (f"required {name!r} is no property" for name in required if name not in properties)
    enum = here.get("enum")
    if enum is not None and (not enum or kind is None):
        yield "an enum that is empty or has no type"
    if "anyOf" in here and not here["anyOf"]:
        yield "no alternatives"
    if here.get("format", "date") not in FORMATS:
        yield f"format {here['format']!r}"
    if hidden(str(here.get("description", ""))):
        yield "hidden characters"


def hidden(text: str) -> list[str]:
    """Characters that nobody sees, but that a model reads."""
    return [
        char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    ]


def _below(place: str, here: JSONObject) -> Iterator[tuple[str, JSON]]:
    properties = here.get("properties")
    for name, below in properties.items() if isinstance(properties, dict) else ():
        yield f"{place}/{name}", below
    if "items" in here:
        yield f"{place}/items", here["items"]
    if not isinstance(here.get("additionalProperties", False), bool):
        yield f"{place}/*", here["additionalProperties"]
    branches = here.get("anyOf")
    for at, below in enumerate(branches if isinstance(branches, list) else ()):
        yield f"{place}/{at}", below
