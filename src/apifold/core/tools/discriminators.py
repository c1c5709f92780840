"""Discriminators: which alternative goes with which value of a property, and the subtypes that a base only names.

Plain JSON Schema has no such word. An alternative gets a tag instead: a schema that ties the property to its value.
"""

from collections.abc import Iterable, Mapping

from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.tools.places import end_of, escape
from apifold.core.values import JSON, JSONObject

GROUPS = ("oneOf", "anyOf")


class Discriminators:
    """Reads the discriminators of one document."""

    def __init__(self, resolver: Resolver, dialect: Dialect) -> None:
        self._resolver = resolver
        self._schemas = "/definitions" if dialect is Dialect.SWAGGER_2_0 else "/components/schemas"
        self._heirs: Mapping[int, list[tuple[str, Node]]] | None = None

    def tags(self, node: Node) -> dict[int, Node]:
        """The tag of each alternative of a schema, by the identity of the value that the alternative leads to."""
        named = _read(node.value)
        if named is None or not isinstance(node.value, dict):
            return {}
        name, mapping = named
        values: dict[int, list[str]] = {}
        for value, target in self._mapped(mapping, node.base):
            values.setdefault(id(target.value), []).append(value)
        for keyword in GROUPS:
            written = node.value.get(keyword)
            for alternative in written if isinstance(written, list) else ():
                reference = alternative.get("$ref") if isinstance(alternative, dict) else None
                if isinstance(reference, str):
                    end = end_of(Node(alternative, node.base), self._resolver)
                    if not _is_tied(end, name):
                        values.setdefault(id(end), [_implicit_name(reference)])
        return {identity: _tag(name, names, node) for identity, names in values.items()}

    def subtypes(self, node: Node) -> dict[int, tuple[Node, Node]]:
        """Subtype and tag, by the subtype's identity, of a base that names them in a mapping or that they inherit from."""
        named = _read(node.value)
        if named is None:
            return {}
        name, mapping = named
        heirs = self._mapped(mapping, node.base) if mapping else self._inheriting(node.value)
        found: dict[int, tuple[Node, list[str]]] = {}
        for text, target in heirs:
            found.setdefault(id(target.value), (target, []))[1].append(text)
        return {identity: (target, _tag(name, names, node)) for identity, (target, names) in found.items()}

    def _mapped(self, mapping: Mapping[str, JSON], base: str) -> Iterable[tuple[str, Node]]:
        """Mapping values are references, or bare schema names (OpenAPI 3.1.1, 4.8.25.3)."""
        for value, target in mapping.items():
            if not isinstance(target, str):
                continue
            names = (target,) if "#" in target or "/" in target else (f"#/components/schemas/{target}", target)
            for reference in names:
                try:
                    yield value, self._resolver.follow(self._resolver.resolve(reference, base))
                except Unresolved:
                    continue
                break

    def _inheriting(self, base: JSON) -> Iterable[tuple[str, Node]]:
        if self._heirs is None:
            self._heirs = self._index()
        return self._heirs.get(id(base), ())

    def _index(self) -> Mapping[int, list[tuple[str, Node]]]:
        """Every named schema, under the bases that its `allOf` refers to."""
        try:
            schemas = self._resolver.resolve(f"#{self._schemas}", "").value
        except Unresolved:
            return {}
        heirs: dict[int, list[tuple[str, Node]]] = {}
        for name, schema in schemas.items() if isinstance(schemas, dict) else ():
            parts = schema.get("allOf") if isinstance(schema, dict) else None
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict) and isinstance(part.get("$ref"), str):
                    base = end_of(Node(part), self._resolver)
                    heirs.setdefault(id(base), []).append((name, Node(schema, "", f"{self._schemas}/{escape(name)}")))
        return heirs


def _read(value: JSON) -> tuple[str, Mapping[str, JSON]] | None:
    """Property name and mapping. Swagger 2.0 has the name only."""
    written = value.get("discriminator") if isinstance(value, dict) else None
    if isinstance(written, str) and written:
        return written, {}
    if not isinstance(written, dict):
        return None
    name, mapping = written.get("propertyName"), written.get("mapping")
    if not isinstance(name, str) or not name:
        return None
    return name, mapping if isinstance(mapping, dict) else {}


def _is_tied(schema: JSON, name: str) -> bool:
    """Whether a schema itself lists the values of its discriminator property, which then says more than its own name."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    said = properties.get(name) if isinstance(properties, dict) else None
    return isinstance(said, dict) and ("enum" in said or "const" in said)


def _implicit_name(reference: str) -> str:
    return reference.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _tag(name: str, values: list[str], node: Node) -> Node:
    known: list[JSON] = [*dict.fromkeys(values)]
    schema: JSONObject = {"properties": {name: {"type": "string", "enum": known}}, "required": [name]}
    return Node(schema, node.base, f"{node.pointer}/discriminator")
