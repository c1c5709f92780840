"""What models get slightly wrong and can be set right without guessing: names, nulls, JSON inside a string.

Runs only when the arguments do not fit the schema as they are, or when the tool has renamed properties; the usual
call never comes here. Every repair is reported, so that it can be counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from apifold.core.requests.arguments import pointer
from apifold.core.requests.serialize import text_of
from apifold.core.tools.model import Renames, Tool
from apifold.core.values import JSON, JSONObject

_MAX_SCHEMAS: Final = 200
_MAX_DEPTH: Final = 100
_NO_KEYS: Final[Mapping[str, str]] = {}


def legal_names(tool: Tool) -> Mapping[str, str]:
    """Wire names of top-level arguments that lead to exactly one argument, and are not themselves a legal name."""
    legal = {argument.name for argument in tool.arguments}
    found: dict[str, list[str]] = {}
    for argument in tool.arguments:
        found.setdefault(argument.wire_name, []).append(argument.name)
    return {wire: names[0] for wire, names in found.items() if len(names) == 1 and wire not in legal}


def with_legal_names(arguments: JSONObject, names: Mapping[str, str], renames: Mapping[str, Renames]) -> JSONObject:
    """Arguments under the names of the schema, wherever the caller used the names of the wire."""
    result: JSONObject = {}
    for name, value in arguments.items():
        legal = names.get(name, name)
        legal = name if legal in arguments else legal
        branch = renames.get(legal)
        result[legal] = _renamed(value, branch, to_wire=False) if branch is not None else value
    return result


def to_wire_names(value: JSON, renames: Renames) -> JSON:
    """A value under the property names of the wire."""
    return _renamed(value, renames, to_wire=True)


def _renamed(value: JSON, renames: Renames, *, to_wire: bool) -> JSON:
    """A copy with the names of one side. Depth is bounded by the tree of renames, not by the value."""
    if isinstance(value, list):
        items = renames.items
        return value if items is None else [_renamed(item, items, to_wire=to_wire) for item in value]
    if not isinstance(value, dict):
        return value
    to_legal = _NO_KEYS if to_wire else {wire: legal for legal, wire in renames.keys.items()}
    result: JSONObject = {}
    for name, item in value.items():
        wire = renames.keys.get(name, name)
        target = wire if to_wire else to_legal.get(name, name)
        branch = renames.properties.get(wire, renames.additional)
        result[target] = item if branch is None else _renamed(item, branch, to_wire=to_wire)
    return result


class Repairs(msgspec.Struct):
    """Sets values right against a schema and notes each change as `pointer: what was done`."""

    root: JSONObject
    done: list[str] = msgspec.field(default_factory=list)

    def repaired(self, value: JSON, schemas: Sequence[JSON], path: tuple[str | int, ...] = ()) -> JSON:
        """The value with what its schemas (alternatives) leave no doubt about set right."""
        if len(path) > _MAX_DEPTH:
            return value
        if isinstance(value, str):
            return self._parsed(value, schemas, path)
        if type(value) is int:
            return self._as_text(value, schemas, path)
        known = _expanded(schemas, self.root)
        if isinstance(value, dict):
            return self._object(value, known, path)
        if isinstance(value, list):
            items = [schema["items"] for schema in known if "items" in schema]
            return [self.repaired(item, items, (*path, at)) for at, item in enumerate(value)] if items else value
        return value

    def _object(self, value: JSONObject, known: list[JSONObject], path: tuple[str | int, ...]) -> JSONObject:
        required = {name for schema in known for name in _strings(schema.get("required"))}
        result: JSONObject = {}
        for name, item in value.items():
            schemas = _property_schemas(known, name)
            # "Clear this field" is a null that the schema allows; any other null means "not given".
            if item in (None, "") and schemas and name not in required and not self._admits(schemas, item):
                self.done.append(f"{pointer(*path, name)}: {'null' if item is None else 'an empty string'} left out")
                continue
            result[name] = self.repaired(item, schemas, (*path, name)) if schemas else item
        return result

    def _parsed(self, text: str, schemas: Sequence[JSON], path: tuple[str | int, ...]) -> JSON:
        """JSON that was put into a string where no string may stand."""
        if not schemas or self._admits(schemas, text):
            return text
        try:
            value: JSON = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(value, str) or not self._admits(schemas, value):
            return text
        self.done.append(f"{pointer(*path)}: read as JSON")
        return self.repaired(value, schemas, path)

    def _as_text(self, number: int, schemas: Sequence[JSON], path: tuple[str | int, ...]) -> JSON:
        """An id that looks like a number, where only text may stand."""
        text = text_of(number)
        if not schemas or self._admits(schemas, number) or not self._admits(schemas, text):
            return number
        self.done.append(f"{pointer(*path)}: a number read as text")
        return text

    def _admits(self, schemas: Iterable[JSON], value: JSON) -> bool:
        return any(_admits(schema, value, self.root, _MAX_SCHEMAS) for schema in schemas)


def _property_schemas(known: Iterable[JSONObject], name: str) -> list[JSON]:
    named = [
        properties[name]
        for schema in known
        if isinstance(properties := schema.get("properties"), dict) and name in properties
    ]
    if named:
        return named
    return [schema["additionalProperties"] for schema in known if isinstance(schema.get("additionalProperties"), dict)]


def _expanded(schemas: Sequence[JSON], root: JSONObject) -> list[JSONObject]:
    """The schemas and everything they are composed of, references followed."""
    found: list[JSONObject] = []
    waiting: list[JSON] = list(schemas)
    seen: set[int] = set()
    while waiting and len(found) < _MAX_SCHEMAS:
        schema = waiting.pop(0)
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        found.append(schema)
        waiting.append(_local(schema.get("$ref"), root))
        for keyword in ("allOf", "anyOf", "oneOf"):
            if isinstance(parts := schema.get(keyword), list):
                waiting.extend(parts)
    return found


def _local(reference: JSON, root: JSONObject) -> JSON:
    """What a reference inside a tool's schema means: `#/$defs/Name`."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    node: JSON = root
    for step in reference[1:].split("/")[1:]:
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node


def _admits(schema: JSON, value: JSON, root: JSONObject, budget: int) -> bool:
    """Whether a schema lets a value pass, as far as type, `enum`, `const` and length tell; the inside is not checked."""
    if not isinstance(schema, dict) or budget == 0:
        return schema is not False
    if not _fits_type(schema.get("type"), value) or ("const" in schema and schema["const"] != value):
        return False
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        return False
    if value == "" and isinstance(length := schema.get("minLength"), int) and length > 0:
        return False
    if "$ref" in schema and not _admits(_local(schema["$ref"], root), value, root, budget - 1):
        return False
    if not all(_admits(part, value, root, budget - 1) for part in _parts(schema, "allOf")):
        return False
    choices = [_parts(schema, keyword) for keyword in ("anyOf", "oneOf") if keyword in schema]
    return all(any(_admits(part, value, root, budget - 1) for part in choice) for choice in choices)


def _fits_type(declared: JSON, value: JSON) -> bool:
    names = [declared] if isinstance(declared, str) else declared if isinstance(declared, list) else None
    if names is None:
        return True
    return any(_is_a(value, name) for name in names)


def _is_a(value: JSON, name: JSON) -> bool:
    if name == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    kinds = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}
    return isinstance(value, kinds[name]) if isinstance(name, str) and name in kinds else False


def _parts(schema: JSONObject, keyword: str) -> list[JSON]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, list) else []


def _strings(value: JSON) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
