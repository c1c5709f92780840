"""Property paths of schemas, found by walks that share nothing with the code under test.

A path is a tuple of property names; `*` stands for the names of a map. Items and alternatives add nothing to a path.
"""

from contextlib import suppress

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.tools.model import Renames
from apifold.core.values import JSON, JSONObject

Path = tuple[str, ...]

DEPTH = 3
MOST_VISITS = 150_000


def source_paths(node: Node, resolver: Resolver, *, depth: int = DEPTH) -> set[Path]:
    """Every property path that a schema of a document describes, down to `depth` names."""
    found: set[Path] = set()
    visited: set[tuple[Path, int]] = set()
    pending: list[tuple[Path, Node]] = [((), node)]
    while pending and len(visited) < MOST_VISITS:
        path, here = pending.pop()
        value = here.value
        if not isinstance(value, dict) or (path, id(value)) in visited:
            continue
        visited.add((path, id(value)))
        reference = value.get("$ref")
        if isinstance(reference, str):
            with suppress(Unresolved):
                pending.append((path, resolver.resolve(reference, here.base)))
            continue
        pending.extend((path, Node(below, here.base)) for below in _same_value(value))
        if len(path) < depth:
            for name, below in _one_deeper(value):
                if not _is_read_only(Node(below, here.base), resolver):
                    found.add((*path, name))
                    pending.append(((*path, name), Node(below, here.base)))
    return found


def tool_paths(schema: JSON, renames: Renames | None, *, depth: int = DEPTH) -> set[Path]:
    """The same of an argument's schema in a tool, names turned back into those on the wire."""
    found: set[Path] = set()
    visited: set[tuple[Path, int]] = set()
    pending: list[tuple[Path, JSON, Renames | None]] = [((), schema, renames)]
    while pending:
        path, value, names = pending.pop()
        if not isinstance(value, dict) or (path, id(value)) in visited:
            continue
        visited.add((path, id(value)))
        branches = value.get("anyOf")
        pending.extend((path, below, names) for below in (branches if isinstance(branches, list) else []))
        if "items" in value:
            pending.append((path, value["items"], names.items if names else None))
        if len(path) < depth:
            properties = value.get("properties")
            for name, below in properties.items() if isinstance(properties, dict) else ():
                wire = names.keys.get(name, name) if names else name
                found.add((*path, wire))
                pending.append(((*path, wire), below, names.properties.get(wire) if names else None))
            if isinstance(value.get("additionalProperties"), dict):
                found.add((*path, "*"))
                pending.append(((*path, "*"), value["additionalProperties"], names.additional if names else None))
    return found


def _same_value(value: JSONObject) -> list[JSON]:
    found: list[JSON] = []
    for keyword in ("allOf", "anyOf", "oneOf"):
        below = value.get(keyword)
        found.extend(below if isinstance(below, list) else [])
    items = value.get("items")
    if isinstance(items, dict):
        found.append(items)
    return found


def _one_deeper(value: JSONObject) -> list[tuple[str, JSON]]:
    properties = value.get("properties") if _may_be_object(value) else None
    found = list(properties.items()) if isinstance(properties, dict) else []
    additional = value.get("additionalProperties")
    if isinstance(additional, dict) and additional:
        found.append(("*", additional))
    return [(name, below) for name, below in found if below is not False]


def _may_be_object(value: JSONObject) -> bool:
    kind = value.get("type", "object")
    return kind not in ("string", "integer", "number", "boolean", "array")


def _is_read_only(node: Node, resolver: Resolver) -> bool:
    """`readOnly` on the property, on what it refers to, or on a part of its `allOf`."""
    pending, seen = [node], set[int]()
    while pending:
        here = pending.pop()
        value = here.value
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        if value.get("readOnly") is True:
            return True
        if isinstance(value.get("$ref"), str):
            try:
                pending.append(resolver.resolve(str(value["$ref"]), here.base))
            except Unresolved:
                continue
        parts = value.get("allOf")
        pending.extend(Node(part, here.base) for part in (parts if isinstance(parts, list) else []))
    return False


def required_enums(node: Node, resolver: Resolver, *, depth: int = DEPTH) -> dict[Path, set[str]]:
    """The listed values of required properties that only required ones lead to, alternatives left aside."""
    found: dict[Path, set[str]] = {}
    visited: set[tuple[Path, int]] = set()
    pending: list[tuple[Path, Node]] = [((), node)]
    while pending and len(visited) < MOST_VISITS:
        path, here = pending.pop()
        value = here.value
        if not isinstance(value, dict) or (path, id(value)) in visited:
            continue
        visited.add((path, id(value)))
        if isinstance(value.get("$ref"), str):
            with suppress(Unresolved):
                pending.append((path, resolver.resolve(str(value["$ref"]), here.base)))
            continue
        enum = value.get("enum")
        if path and isinstance(enum, list):
            found.setdefault(path, set()).update(_text(one) for one in enum if one is not None)
        parts = value.get("allOf")
        pending.extend((path, Node(part, here.base)) for part in (parts if isinstance(parts, list) else []))
        required = value.get("required")
        properties = value.get("properties") if _may_be_object(value) else None
        if len(path) < depth and isinstance(required, list) and isinstance(properties, dict):
            for name in required:
                if name in properties and not _is_read_only(Node(properties[name], here.base), resolver):
                    found.setdefault((*path, name), set())
                    pending.append(((*path, name), Node(properties[name], here.base)))
    return found


def tool_enums(schema: JSON, renames: Renames | None, *, depth: int = DEPTH) -> tuple[dict[Path, set[str]], set[Path]]:
    """The listed values at every property path of an argument's schema in a tool, and the paths that are required."""
    found: dict[Path, set[str]] = {}
    required: set[Path] = set()
    pending: list[tuple[Path, JSON, Renames | None]] = [((), schema, renames)]
    while pending:
        path, value, names = pending.pop()
        if not isinstance(value, dict):
            continue
        values = found.setdefault(path, set())
        enum = value.get("enum")
        values.update(_text(one) for one in (enum if isinstance(enum, list) else []))
        branches = value.get("anyOf")
        pending.extend((path, below, names) for below in (branches if isinstance(branches, list) else []))
        items = value.get("items")
        if isinstance(items, dict):
            pending.append((path, items, names.items if names else None))
        properties = value.get("properties")
        if len(path) < depth and isinstance(properties, dict):
            for name, below in properties.items():
                wire = names.keys.get(name, name) if names else name
                pending.append(((*path, wire), below, names.properties.get(wire) if names else None))
                listed = value.get("required")
                if isinstance(listed, list) and name in listed:
                    required.add((*path, wire))
    return found, required


def _text(value: JSON) -> str:
    """A value as the text it would be on the wire: documents write `1` and `"1"`, `true` and `"true"` alike."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
