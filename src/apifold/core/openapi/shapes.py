"""What a schema says about the outer shape of its values: types, properties, items, and whether a value is bytes.

A shape is a hint for writing values on the wire, not a validator: `allOf` is merged, `anyOf` and `oneOf` are joined,
everything else is ignored. Reading never raises, never loops and visits a bounded number of schemas; what lies
beyond the bound counts as unsaid. Whoever asks often keeps the answer.
"""

from collections.abc import Mapping

import msgspec

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.values import JSON, JSONObject

JSON_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
"""What a schema without any constraint on the type allows."""

_MAX_SCHEMAS = 400
_MAX_DEPTH = 32

_TEXT_MEDIA = ("text/", "application/json", "application/xml", "application/yaml", "application/javascript")


class Shape(msgspec.Struct, frozen=True):
    """The outer shape of the values of one schema."""

    types: frozenset[str] = JSON_TYPES
    """JSON types a value may have; `number` always comes with `integer`. All seven: nothing is said."""
    properties: Mapping[str, tuple[Node, ...]] = msgspec.field(default_factory=dict)
    """Every schema given for a property, from all compositions, in document order."""
    items: tuple[Node, ...] = ()
    additional: Node | None = None
    """The schema of unnamed properties; `None` when none is given or it is only `true` or `false`."""
    binary: bool = False
    """A string that stands for bytes: `format: binary`, Swagger's `file`, or raw `contentMediaType` of 3.1."""
    media_type: str = ""
    """`contentMediaType` of a string that stands for itself, not for an encoding of it."""

    @property
    def is_typed(self) -> bool:
        return self.types != JSON_TYPES

    def may_be(self, name: str) -> bool:
        """Whether a value of this JSON type is allowed."""
        return name in self.types

    def is_only(self, *names: str) -> bool:
        """Whether a type is said and every value that is not null has one of these types."""
        return self.is_typed and self.types - {"null"} <= frozenset(names)


ANYTHING = Shape()


def shape_of(resolver: Resolver, *nodes: Node | None) -> Shape:
    """The joint shape of schemas that describe one value; several are alternatives. Without any: `ANYTHING`."""
    present = [node for node in nodes if node is not None]
    if not present:
        return ANYTHING
    reader = _Reader(resolver)
    types: frozenset[str] = frozenset()
    for node in present:
        types |= reader.read(node, _MAX_DEPTH)
    return Shape(
        types=types or JSON_TYPES,
        properties={name: tuple(found) for name, found in reader.properties.items()},
        items=tuple(reader.items),
        additional=reader.additional,
        binary=reader.binary,
        media_type=reader.media_type,
    )


def property_shape(shape: Shape, name: str, resolver: Resolver) -> Shape:
    """The shape of one property of an object, named or not."""
    named = shape.properties.get(name)
    return shape_of(resolver, *named) if named else shape_of(resolver, shape.additional)


class _Reader:
    """Collects what a schema and its compositions say; one use."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._read: dict[tuple[str, str, int], frozenset[str]] = {}
        """What was found so far; a schema that is met inside itself says nothing new."""
        self.properties: dict[str, list[Node]] = {}
        self.items: list[Node] = []
        self.additional: Node | None = None
        self.binary = False
        self.media_type = ""

    def read(self, node: Node, depth: int) -> frozenset[str]:
        """Note what the schema says and give the types it allows."""
        value = node.value
        key = (node.base, node.pointer, id(value))
        if key in self._read:
            return self._read[key]
        if not isinstance(value, dict) or depth == 0 or len(self._read) >= _MAX_SCHEMAS:
            return JSON_TYPES
        self._read[key] = JSON_TYPES
        types = self._own(node, value)
        types &= self._reference(node, value, depth)
        for position, part in enumerate(_list(value.get("allOf"))):
            types &= self.read(_child(node, part, "allOf", position), depth - 1)
        for keyword in ("anyOf", "oneOf"):
            types &= self._alternatives(node, keyword, _list(value.get(keyword)), depth)
        if value.get("nullable") is True and types != JSON_TYPES:
            types |= {"null"}
        self._read[key] = types
        return types

    def _reference(self, node: Node, value: JSONObject, depth: int) -> frozenset[str]:
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return JSON_TYPES
        try:
            return self.read(self._resolver.resolve(reference, node.base), depth - 1)
        except Unresolved:
            return JSON_TYPES

    def _alternatives(self, node: Node, keyword: str, parts: list[JSON], depth: int) -> frozenset[str]:
        types: frozenset[str] = frozenset()
        for position, part in enumerate(parts):
            types |= self.read(_child(node, part, keyword, position), depth - 1)
        return types or JSON_TYPES

    def _own(self, node: Node, value: JSONObject) -> frozenset[str]:
        for name, schema in _dict(value.get("properties")).items():
            self.properties.setdefault(name, []).append(_child(node, schema, "properties", name))
        if "items" in value:
            self.items.append(_child(node, value["items"], "items"))
        additional = value.get("additionalProperties")
        if isinstance(additional, dict) and self.additional is None:
            self.additional = _child(node, additional, "additionalProperties")
        self.binary = self.binary or is_binary_schema(value)
        media_type = value.get("contentMediaType")
        if isinstance(media_type, str) and "contentEncoding" not in value:
            self.media_type = self.media_type or media_type
        return _declared_types(value)


def is_binary_schema(value: JSONObject) -> bool:
    """Whether a schema itself (compositions aside) says that its value is raw bytes.

    `format: binary` (3.0.3 Data Types) and `type: file` (2.0) are. So is `contentMediaType` without
    `contentEncoding` (3.1, Working With Binary Data), unless the media type is text: such a string is the text.
    `format: byte` and `contentEncoding` are text that the other side decodes, and stay as they are.
    """
    if value.get("type") == "file":
        return True
    types = value.get("type")
    is_string = types is None or types == "string" or (isinstance(types, list) and "string" in types)
    if not is_string or "contentEncoding" in value:
        return False
    if value.get("format") == "binary":
        return True
    media_type = value.get("contentMediaType")
    return isinstance(media_type, str) and not is_text_media(media_type)


def is_text_media(media_type: str) -> bool:
    """Whether content of this media type is characters rather than bytes."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence.startswith(_TEXT_MEDIA) or essence.endswith(("+json", "+xml", "+yaml"))


def _declared_types(value: JSONObject) -> frozenset[str]:
    declared = value.get("type")
    names = [declared] if isinstance(declared, str) else _list(declared)
    types = {name for name in names if isinstance(name, str)}
    if "file" in types:
        types.add("string")
    types &= JSON_TYPES
    if not types:
        types = _implied_types(value)
    if "number" in types:
        types.add("integer")
    return frozenset(types) or JSON_TYPES


def _implied_types(value: JSONObject) -> set[str]:
    """The type of a schema that names none but leaves no doubt: real documents often omit `type: object`."""
    if "const" in value:
        return {json_type(value["const"])}
    if "enum" in value:
        return {json_type(item) for item in _list(value["enum"])}
    if "properties" in value or isinstance(value.get("additionalProperties"), dict):
        return {"object"}
    if "items" in value:
        return {"array"}
    if value.get("format") == "binary" or "contentMediaType" in value:
        return {"string"}
    return set()


def json_type(value: object) -> str:
    """The JSON type of a value."""
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _child(node: Node, value: JSON, *steps: str | int) -> Node:
    path = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return Node(value, node.base, node.pointer + path)


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _dict(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}
