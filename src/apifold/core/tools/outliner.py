"""Schemas of a document to outlines. They are remembered, so a schema that a hundred operations share is read once."""

import itertools
import math
from collections.abc import Iterable

from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import is_binary_schema
from apifold.core.tools import vocabulary as words
from apifold.core.tools.composition import Composer, Composition, Source
from apifold.core.tools.members import (
    BINARY,
    additional_of,
    children,
    conditional_children,
    either,
    items_of,
    shared_part,
)
from apifold.core.tools.merging import merge_keywords
from apifold.core.tools.naming import is_legal_key
from apifold.core.tools.outline import EXPECTED, Opened, Outline
from apifold.core.tools.places import where
from apifold.core.tools.scalars import Notes, Scalars
from apifold.core.tools.text import clean_line
from apifold.core.tools.wording import DESCRIPTION_LIMIT, Hints, describe_schema
from apifold.core.values import JSON, JSONObject

MAX_PRODUCT = 12
"""Several groups of alternatives are multiplied out up to this many combinations."""
MAX_JOINED = 150
"""Alternatives, and alternatives of alternatives, that are joined into one object at most."""

_DROPPED = frozenset(
    {"if", "then", "else", "not", "contains", "minContains", "maxContains", "propertyNames", "prefixItems"}
)
_DROPPED |= {"dependentRequired", "dependentSchemas", "dependencies", "patternProperties"}
_DROPPED |= {"unevaluatedItems", "unevaluatedProperties"}
_COMPOSED = frozenset(("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "discriminator"))
_SCALARS = frozenset(("string", "integer", "number", "boolean"))

_Key = tuple[int, ...]


class Outliner:
    """Outlines the schemas of one document and remembers them."""

    def __init__(self, resolver: Resolver, dialect: Dialect) -> None:
        self._composer = Composer(resolver, dialect)
        self._known: dict[_Key, Outline] = {}
        self._joined: dict[tuple[_Key, ...], tuple[Outline | None, tuple[Source, ...]]] = {}
        self._scalars = Scalars()
        # Identities are keys, so whatever has been outlined has to stay alive.
        self._alive: list[Source] = []

    def outline(self, source: Source) -> Outline:
        """The outline of schemas that all apply to one value."""
        key = _key(source)
        found = self._known.get(key)
        if found is None:
            self._alive.append(source)
            found = self._known[key] = self._read(source)
        return found

    def open(self, outline: Outline) -> Opened:
        """The properties of an outline, outlined in turn."""
        if outline.opened is None:
            found = [(name, self.outline(source)) for name, source in outline.properties.items()]
            shown = tuple((name, child) for name, child in found if not child.read_only)
            names = sum(len(name) for name, _ in shown)
            costs = tuple(names + sum(child.costs[at] for _, child in shown) for at in range(len(EXPECTED)))
            outline.opened = Opened(shown, len(found) - len(shown), costs)
        return outline.opened

    def alternatives(self, sources: tuple[Source, ...], pointer: str, description: str) -> Outline:
        """An outline over several sources, one of which applies."""
        outline = Outline(pointer, branches=sources, description=clean_line(description, DESCRIPTION_LIMIT))
        outline.measure()
        return outline

    def _read(self, source: Source) -> Outline:
        value = source[0].value
        if len(source) == 1 and isinstance(value, dict) and _COMPOSED.isdisjoint(value) and not is_binary_schema(value):
            kind = value.get("type")
            if isinstance(kind, str) and kind in _SCALARS:
                return self._scalar(source[0], value, kind)
        return self._composite(source)

    def _scalar(self, node: Node, schema: JSONObject, kind: str) -> Outline:
        """The most frequent case by far, without the detours of the others."""
        outline = Outline(where(node), kind, nullable=_flags_null(schema))
        notes = Notes(outline.pointer)
        facts: JSONObject = {"type": kind}
        if "enum" in schema or "const" in schema:
            values, null = words.enum_values(schema, [kind], notes.complain)
            outline.nullable = outline.nullable or null
            if values:
                facts["enum"] = values
        outline.read_only = schema.get("readOnly") is True
        outline.facts = facts
        hints = Hints()
        self._scalars.add(facts, kind, schema, hints, notes)
        return _complete(outline, schema, hints, notes)

    def _composite(self, source: Source) -> Outline:
        parts = self._composer.compose(source)
        outline = Outline(where(source[-1]))
        notes = Notes(outline.pointer, parts.findings, parts.rewrites)
        schema = merge_keywords(parts.members, notes.complain)
        if parts.has_reference:
            outline.marks = frozenset(parts.marks)
        outline.read_only = self._is_read_only(source, parts)
        types, null = words.declared_types(schema, notes.complain)
        # `enum` beside `type: array` is nearly always meant for the items, so its values may be of any type
        values, null_value = words.enum_values(schema, [] if types == ["array"] else types, notes.complain)
        outline.nullable = null or null_value or parts.null or _nullable(parts, schema)
        if not types:
            types = _types_of(values) or [kind for kind in (words.inferred_type(schema),) if kind]
        hints = Hints(either_required=parts.either_required)
        if parts.groups:
            self._branch(outline, parts, notes)
        elif len(types) > 1:
            outline.branches = _by_type(parts, types, values)
        elif is_binary_schema(schema):
            outline.kind, outline.nullable, outline.facts = "binary", False, BINARY
        elif not types and outline.nullable and not (values or _flags_null(schema)):
            outline.kind, outline.nullable, outline.facts = "null", False, {"type": "null"}
        else:
            outline.kind = types[0] if types else ""
            self._settle(outline, parts, schema, values, hints, notes)
        return _complete(outline, schema, hints, notes)

    def _is_read_only(self, source: Source, parts: Composition) -> bool:
        """Whether only the server sets the value: every declaration says so, in itself or by what it refers to."""
        said = any(isinstance(node.value, dict) and node.value.get("readOnly") is True for node, _ in parts.members)
        return said and (len(source) == 1 or all(self.outline((part,)).read_only for part in source))

    def _settle(
        self,
        outline: Outline,
        parts: Composition,
        schema: JSONObject,
        values: list[JSON],
        hints: Hints,
        notes: Notes,
    ) -> None:
        """Read the keywords of a schema of one type."""
        kind = outline.kind
        facts: JSONObject = {"type": kind} if kind else {}
        outline.facts = facts
        if kind == "object":
            facts |= words.counts(schema, "minProperties", "maxProperties", notes.complain)
            self._object(outline, parts, schema, notes)
        elif kind == "array":
            facts |= words.counts(schema, "minItems", "maxItems", notes.complain)
            if schema.get("uniqueItems") is True:
                facts["uniqueItems"] = True
            self._array(outline, parts, values)
        elif values:
            facts["enum"] = values
        self._scalars.add(facts, kind, schema, hints, notes)

    # --- objects and arrays ---

    def _object(self, outline: Outline, parts: Composition, schema: JSONObject, notes: Notes) -> None:
        required = dict.fromkeys(words.required_names(schema, notes.complain))
        outline.additional = additional_of(parts)
        properties = outline.properties
        for node, _ in parts.members:
            for name, child in children(node, notes.complain):
                known = properties.get(name)
                properties[name] = (child,) if known is None else (*known, child)
                if isinstance(child.value, dict) and child.value.get("required") is True:
                    required[name] = None
                    notes.complain("schema.repaired", f"`required: true` on {name!r} was read as the object's")
        self._add_optional(outline, conditional_children(parts))
        for name in required:
            if name not in properties:  # strict clients refuse a required name without a property
                properties[name] = (
                    outline.additional if isinstance(outline.additional, tuple) else (_anything(outline),)
                )
        outline.required = frozenset(required)
        outline.renames = not all(map(is_legal_key, properties))

    def _array(self, outline: Outline, parts: Composition, values: list[JSON]) -> None:
        items: list[Node] = []
        for node, _ in parts.members:
            item = items_of(node)
            if item is not None:
                items.append(item)
        if values:
            items.append(Node({"enum": values}, "", outline.pointer))
        outline.items = tuple(items) or (_anything(outline),)

    # --- alternatives ---

    def _branch(self, outline: Outline, parts: Composition, notes: Notes) -> None:
        groups = parts.groups
        left_out: tuple[str, ...] = ()
        if len(groups) > 1 and math.prod(map(len, groups)) > MAX_PRODUCT:
            groups = [max(groups, key=len)]
            left_out = ("additionalProperties",)  # the other groups may bring properties that are not shown now
            notes.rewrites.add("several groups of alternatives")
        options = [tuple(node for option in choice for node in option) for choice in itertools.product(*groups)]
        base = shared_part(parts, *left_out)
        only_type = all(node.value.keys() <= {"type"} for node in base if isinstance(node.value, dict))
        outline.branches = tuple(
            option if not base or (only_type and _says_type(option)) else (*base, *option) for option in options
        )

    def joined(self, sources: tuple[Source, ...], pointer: str) -> tuple[Outline | None, tuple[Source, ...]]:
        """Alternatives in less room: one object with the properties of all that are objects, and those that are not.

        What only some alternatives require is optional then, and which properties go together is lost.
        """
        key = tuple(map(_key, sources))
        known = self._joined.get(key)
        if known is None:
            known = self._joined[key] = self._join(sources, pointer)
        return known

    def _join(self, sources: tuple[Source, ...], pointer: str) -> tuple[Outline | None, tuple[Source, ...]]:
        objects: list[Composition] = []
        others: list[Source] = []
        seen: set[_Key] = set()
        alive: list[Composition] = []  # identities mean something only as long as their values live
        pending = list(sources)
        while pending and len(seen) < MAX_JOINED:
            source = pending.pop(0)
            if _key(source) in seen:
                continue
            seen.add(_key(source))
            parts = self._composer.compose(source)
            alive.append(parts)
            pending.extend(option for group in parts.groups for option in group)
            if _describes_object(parts):
                objects.append(parts)
            elif not parts.groups:
                others.append(source)
        if len(objects) < 2:
            return None, sources
        if pending:
            others.append((Node({}, "", pointer),))
        outline = Outline(pointer, "object", facts={"type": "object"})
        outline.measure()
        self._add_optional(
            outline, (child for parts in objects for node, _ in parts.members for child in children(node))
        )
        required = [frozenset(name for node, _ in parts.members for name in _required(node)) for parts in objects]
        outline.required = frozenset.intersection(*required) & outline.properties.keys()
        outline.marks = frozenset().union(*(parts.marks for parts in objects if parts.has_reference))
        outline.rewrites = frozenset(("alternatives of an object",))
        maps = [found for parts in objects if isinstance(found := additional_of(parts), tuple)]
        outline.additional = maps[0] if maps else True
        outline.bound()
        return outline, tuple(others)

    def _add_optional(self, outline: Outline, children: Iterable[tuple[str, Node]]) -> None:
        """Add the properties of alternatives as optional ones; where two differ, either is taken."""
        added: dict[str, list[Node]] = {}
        for name, node in children:
            if name not in outline.properties:
                added.setdefault(name, []).append(node)
        for name, nodes in added.items():
            outline.properties[name] = (either(nodes),)
        if added:
            outline.additional = True
            outline.renames = not all(map(is_legal_key, outline.properties))


def _complete(outline: Outline, schema: JSONObject, hints: Hints, notes: Notes) -> Outline:
    if outline.nullable:
        notes.rewrites.add("nullable")
    if not _DROPPED.isdisjoint(schema):
        notes.rewrites |= _DROPPED & schema.keys()
    outline.description = describe_schema(schema, outline.facts, outline.kind, hints)
    outline.measure()
    for words_left_out in outline.bound():
        notes.complain("schema.cut", f"the schema is beyond any reason: {words_left_out} are left out")
    outline.findings = tuple(notes.findings)
    outline.rewrites = frozenset(notes.rewrites)
    return outline


def _key(source: Source) -> _Key:
    return (id(source[0].value),) if len(source) == 1 else tuple([id(node.value) for node in source])


def _describes_object(parts: Composition) -> bool:
    values = [node.value for node, _ in parts.members if isinstance(node.value, dict)]
    types = [value["type"] for value in values if "type" in value]
    if types:
        return all(kind == "object" for kind in types)
    return any("properties" in value or "additionalProperties" in value for value in values)


def _required(node: Node) -> list[str]:
    return words.required_names(node.value, _silently) if isinstance(node.value, dict) else []


def _silently(_code: str, _message: str) -> None:
    """What is wrong is said where the schema is read for itself."""


def _anything(outline: Outline) -> Node:
    return Node({}, "", outline.pointer)


def _by_type(parts: Composition, types: list[str], values: list[JSON]) -> tuple[Source, ...]:
    """A schema of several types as one alternative for each, with those of the listed values that have the type."""
    shared = shared_part(parts, "type", "enum", "const")
    found: list[Source] = []
    for kind in types:
        narrowed: JSONObject = {"type": kind}
        if values:
            narrowed["enum"] = [value for value in values if words.admits((kind,), value)]
        if narrowed.get("enum") != []:
            found.append((*shared, Node(narrowed, "", parts.members[0][0].pointer)))
    return tuple(found)


def _says_type(source: Source) -> bool:
    return any(isinstance(node.value, dict) and ("type" in node.value or "$ref" in node.value) for node in source)


def _types_of(values: list[JSON]) -> list[str]:
    kinds = list(dict.fromkeys(map(words.type_of, values)))
    return ["number"] if set(kinds) == {"integer", "number"} else kinds


def _nullable(parts: Composition, schema: JSONObject) -> bool:
    """Whether null is allowed: said by the schema itself, or by every part of its `allOf` that says a type."""
    if not _flags_null(schema):
        return False
    typed = [node.value for node, _ in parts.members if isinstance(node.value, dict) and "type" in node.value]
    return any(own and _flags_null(node.value) for node, own in parts.members) or all(map(_flags_null, typed))


def _flags_null(value: JSON) -> bool:
    return isinstance(value, dict) and (value.get("nullable") is True or value.get("x-nullable") is True)
