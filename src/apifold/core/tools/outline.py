"""One schema, merged and repaired, with its parts still unopened: the unit that tool schemas are built from.

An outline says what stands at one place in the words of JSON Schema 2020-12; properties, items and alternatives are
sources to be outlined in turn by whoever has room for them. Outlines are remembered, so a schema that a hundred
operations share is read once.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from apifold.core.diagnostics import Severity
from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import is_binary_schema
from apifold.core.tools import vocabulary as words
from apifold.core.tools.composition import Composer, Composition, Finding, Source, where
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
from apifold.core.tools.patterns import portable_pattern
from apifold.core.tools.text import clean_line
from apifold.core.tools.wording import DESCRIPTION_LIMIT, Hints, describe_schema
from apifold.core.values import JSON, JSONObject

DEFAULT_LIMIT = 200
JOIN_ABOVE = 60
"""Alternatives repeat what they share. Above this many repeated properties they are joined into one object instead."""
MAX_PRODUCT = 12
"""Several groups of alternatives are multiplied out up to this many combinations."""
MAX_LAID_OUT = 300
"""Alternatives, and alternatives of alternatives, that are joined into one object at most."""

_DROPPED = frozenset(
    ["if", "then", "else", "not", "dependentRequired", "dependentSchemas", "dependencies", "contains", "minContains", "maxContains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "patternProperties", "prefixItems"]
)

_Key = tuple[int, ...]


@dataclass(slots=True)
class Outline:
    """What one schema says. Built once, then never changed."""

    pointer: str
    kind: str = ""
    """A JSON type other than null, `binary`, or empty: any value, or what the branches say."""
    nullable: bool = False
    facts: JSONObject = field(default_factory=dict)
    """Keywords that stand as they are, `type` first."""
    description: str = ""
    properties: dict[str, Source] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Source | None = None
    additional: Source | bool = True
    """What unnamed properties are: a schema, anything, or `False`: there are none."""
    branches: tuple[Source, ...] = ()
    marks: frozenset[int] = frozenset()
    """See `Composition.marks`; empty when no reference leads here."""
    read_only: bool = False
    findings: tuple[Finding, ...] = ()
    rewrites: frozenset[str] = frozenset()
    """Keywords that the portable profile reads differently or leaves out."""
    size: int = 0
    """Bytes of `facts` as JSON."""
    renames: bool = False
    """Some property has a name that is not a legal key."""
    shared: dict[int, JSONObject] = field(default_factory=dict)
    """Finished schemas of leaves by description length; tools share them."""

    @property
    def is_leaf(self) -> bool:
        return not (self.properties or self.branches) and self.items is None and not isinstance(self.additional, tuple)


class Outliner:
    """Outlines the schemas of one document and remembers them."""

    def __init__(self, resolver: Resolver, dialect: Dialect) -> None:
        self._composer = Composer(resolver, dialect)
        self._known: dict[_Key, Outline] = {}
        self._patterns: dict[str, str | None] = {}
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

    def alternatives(self, sources: tuple[Source, ...], pointer: str, description: str) -> Outline:
        """An outline over several sources, one of which applies."""
        return Outline(pointer, branches=sources, description=clean_line(description, DESCRIPTION_LIMIT))

    def _read(self, source: Source) -> Outline:
        parts = self._composer.compose(source)
        outline = Outline(where(source[-1]))
        notes = _Notes(parts, outline.pointer)
        schema = merge_keywords(parts.members, notes.complain)
        if parts.has_reference:
            outline.marks = frozenset(parts.marks)
        outline.read_only = any(
            node.value.get("readOnly") is True for node, _ in parts.members if isinstance(node.value, dict)
        )
        types, null = words.declared_types(schema, notes.complain)
        values, null_value = words.enum_values(schema, types, notes.complain)
        outline.nullable = null or null_value or parts.null or _nullable(parts, schema)
        if not types:
            types = _types_of(values) or [kind for kind in (words.inferred_type(schema),) if kind]
        hints = Hints(either_required=parts.either_required)
        if parts.groups:
            self._branch(outline, parts, schema, notes)
        elif len(types) > 1:
            outline.branches = tuple(_of_type(parts, kind) for kind in types)
        elif is_binary_schema(schema):
            outline.kind, outline.nullable, outline.facts = "binary", False, BINARY
        elif not types and outline.nullable and not (values or _flags_null(Node(schema))):
            outline.kind, outline.nullable, outline.facts = "null", False, {"type": "null"}
        else:
            outline.kind = types[0] if types else ""
            outline.facts = self._settle(outline, parts, schema, values, hints, notes)
        if outline.nullable:
            notes.rewrites.add("nullable")
        notes.rewrites |= _DROPPED & schema.keys()
        outline.description = describe_schema(schema, outline.facts, outline.kind, hints)
        outline.size = len(msgspec.json.encode(outline.facts))
        outline.findings = tuple(notes.findings)
        outline.rewrites = frozenset(notes.rewrites)
        return outline

    # --- a schema of one type ---

    def _settle(
        self,
        outline: Outline,
        parts: Composition,
        schema: JSONObject,
        values: list[JSON],
        hints: Hints,
        notes: "_Notes",
    ) -> JSONObject:
        kind = outline.kind
        facts: JSONObject = {"type": kind} if kind else {}
        if values and kind not in ("object", "array"):
            facts["enum"] = values
        if kind == "object":
            facts |= words.counts(schema, "minProperties", "maxProperties", notes.complain)
            self._object(outline, parts, schema, notes)
        elif kind == "array":
            facts |= words.counts(schema, "minItems", "maxItems", notes.complain)
            if schema.get("uniqueItems") is True:
                facts["uniqueItems"] = True
            self._array(outline, parts, values)
        elif kind == "string":
            self._string(facts, schema, hints, notes)
        elif kind in ("number", "integer"):
            self._number(facts, schema, hints, notes)
        self._default(facts, kind, schema, notes)
        return facts

    def _string(self, facts: JSONObject, schema: JSONObject, hints: Hints, notes: "_Notes") -> None:
        if "enum" in facts:
            return
        facts |= words.counts(schema, "minLength", "maxLength", notes.complain)
        written = schema.get("format") or words.misnamed_format(schema)
        if isinstance(written, str) and written in words.PORTABLE_FORMATS:
            facts["format"] = written
        else:
            hints.format = words.format_hint(schema)
        pattern = schema.get("pattern")
        if not isinstance(pattern, str):
            return
        if pattern not in self._patterns:
            self._patterns[pattern] = portable_pattern(pattern)
        kept = self._patterns[pattern]
        if kept is not None:
            facts["pattern"] = kept
        else:
            hints.pattern = pattern if len(pattern) <= 80 else ""
            notes.note("schema.pattern", "a pattern that not every validator takes is words in the description instead")

    def _number(self, facts: JSONObject, schema: JSONObject, hints: Hints, notes: "_Notes") -> None:
        if "enum" in facts:
            return
        facts |= words.bounds(schema, notes.complain)
        step = words.as_number(schema.get("multipleOf"))
        if isinstance(step, int) and step > 1:
            facts["multipleOf"] = step
        elif isinstance(step, float) and step > 0:
            hints.step = step  # binary fractions make validators disagree about 0.1
        hints.format = words.format_hint(schema)

    def _default(self, facts: JSONObject, kind: str, schema: JSONObject, notes: "_Notes") -> None:
        if "default" not in schema or schema["default"] is None:
            return
        value = schema["default"]
        allowed = facts.get("enum")
        fits = not kind or words.admits((kind,), value)
        if isinstance(allowed, list):
            fits = fits and value in allowed
        if not fits or not words.encodable(value):
            notes.complain("schema.repaired", "a default that the schema itself refuses was dropped")
        elif words.is_scalar(value) or len(msgspec.json.encode(value)) <= DEFAULT_LIMIT:
            facts["default"] = value

    # --- objects and arrays ---

    def _object(self, outline: Outline, parts: Composition, schema: JSONObject, notes: "_Notes") -> None:
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
        if values and all(map(words.is_scalar, values)):
            # `enum` beside `type: array` is nearly always meant for the items
            items.append(Node({"enum": values}, "", outline.pointer))
        outline.items = tuple(items) or (_anything(outline),)

    # --- alternatives ---

    def _branch(self, outline: Outline, parts: Composition, schema: JSONObject, notes: "_Notes") -> None:
        groups = parts.groups
        if len(groups) > 1 and math.prod(map(len, groups)) > MAX_PRODUCT:
            groups = [max(groups, key=len)]
            notes.rewrites.add("several groups of alternatives")
        options = [tuple(node for option in choice for node in option) for choice in itertools.product(*groups)]
        base = shared_part(parts)
        names = {name for node in base for name, _ in children(node)}
        if len(names) * len(options) > JOIN_ABOVE:
            laid_out = self._laid_out(options)
            if laid_out is not None:
                outline.kind, outline.facts = "object", {"type": "object"}
                self._object(outline, parts, schema, notes)
                self._add_optional(outline, laid_out)
                notes.rewrites.add("alternatives of an object")
                return
        only_type = all(node.value.keys() <= {"type"} for node in base if isinstance(node.value, dict))
        outline.branches = tuple(
            option if not base or (only_type and _says_type(option)) else (*base, *option) for option in options
        )

    def _laid_out(self, options: Iterable[Source]) -> list[tuple[str, Node]] | None:
        """The properties of alternatives and of theirs in turn; `None` when one of them is not an object."""
        pending = list(options)
        found: list[tuple[str, Node]] = []
        seen: set[_Key] = set()
        while pending and len(seen) < MAX_LAID_OUT:
            source = pending.pop(0)
            key = _key(source)
            if key in seen:
                continue
            seen.add(key)
            parts = self._composer.compose(source)
            for node, _ in parts.members:
                if isinstance(node.value, dict) and node.value.get("type", "object") != "object":
                    return None
                found.extend(children(node))
            pending.extend(option for group in parts.groups for option in group)
        return found

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


class _Notes:
    """Collects what one reading finds."""

    __slots__ = ("findings", "pointer", "rewrites")

    def __init__(self, parts: Composition, pointer: str) -> None:
        self.pointer = pointer
        self.findings = parts.findings
        self.rewrites = parts.rewrites

    def complain(self, code: str, message: str) -> None:
        self.findings.append(Finding(code, Severity.WARNING, self.pointer, message))

    def note(self, code: str, message: str) -> None:
        self.findings.append(Finding(code, Severity.NOTE, self.pointer, message))


def _key(source: Source) -> _Key:
    return (id(source[0].value),) if len(source) == 1 else tuple([id(node.value) for node in source])


def _anything(outline: Outline) -> Node:
    return Node({}, "", outline.pointer)


def _of_type(parts: Composition, kind: str) -> Source:
    return (*shared_part(parts), Node({"type": kind}))


def _says_type(source: Source) -> bool:
    return any(isinstance(node.value, dict) and ("type" in node.value or "$ref" in node.value) for node in source)


def _types_of(values: list[JSON]) -> list[str]:
    kinds = list(dict.fromkeys(map(words.type_of, values)))
    return ["number"] if set(kinds) == {"integer", "number"} else kinds


def _nullable(parts: Composition, schema: JSONObject) -> bool:
    """Whether null is allowed: said by the schema itself, or by every part of its `allOf` that says a type."""
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        own = [node for node, own in parts.members if own and _flags_null(node)]
        typed = [node for node, _ in parts.members if isinstance(node.value, dict) and "type" in node.value]
        return bool(own) or all(map(_flags_null, typed))
    return False


def _flags_null(node: Node) -> bool:
    value = node.value
    return isinstance(value, dict) and (value.get("nullable") is True or value.get("x-nullable") is True)
