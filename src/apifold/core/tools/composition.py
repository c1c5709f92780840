"""What a schema is made of: its references followed, its `allOf` opened, its alternatives laid out.

The result is flat: members that all apply (an intersection) and groups of alternatives. Nothing is merged here.
Everything is iterative and bounded; what cannot be read becomes a finding and constrains nothing.
"""

from typing import TypeAlias

import msgspec

from apifold.core.diagnostics import Severity
from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.tools.discriminators import GROUPS, Discriminators
from apifold.core.tools.places import end_of, where
from apifold.core.values import JSON, JSONObject

Source: TypeAlias = tuple[Node, ...]
"""Schemas that all apply to one value. Mostly one; more where `allOf` members describe the same property."""

MAX_MEMBERS = 250
"""Schemas that one `allOf` tree may open to."""
MAX_SUBTYPES = 50
"""Subtypes of a discriminator that are laid out; beyond, the base alone stands for them."""

ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "summary",
        "default",
        "example",
        "examples",
        "x-example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "externalDocs",
        "xml",
        "$comment",
        "nullable",
        "x-nullable",
    ]
)
"""Keywords beside a `$ref` that are read in every dialect: strictly, OpenAPI 3.0 ignores all siblings."""
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_CONSTRAINTS = frozenset(
    [
        "required",
        "not",
        "minProperties",
        "maxProperties",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
    ]
)


class Finding(msgspec.Struct, frozen=True):
    """Something about one schema that the owner of the document may want to know."""

    code: str
    severity: Severity
    pointer: str
    message: str


class Composition(msgspec.Struct):
    members: list[tuple[Node, bool]] = msgspec.field(default_factory=list)
    """Schema objects without composition keywords being read in them; `True`: the schema itself, not an `allOf` part."""
    groups: list[list[Source]] = msgspec.field(default_factory=list)
    """Each group: one of its alternatives applies as well. At least two each."""
    marks: set[int] = msgspec.field(default_factory=set)
    """Identities of the schema and of what its references lead to; meeting one again below means recursion."""
    null: bool = False
    """A group offers null."""
    never: bool = False
    """`false` is among the members: no value is allowed."""
    has_reference: bool = False
    either_required: list[list[str]] = msgspec.field(default_factory=list)
    """Alternatives that only require names, as lists of names."""
    findings: list[Finding] = msgspec.field(default_factory=list)
    rewrites: set[str] = msgspec.field(default_factory=set)


class _Opening(msgspec.Struct):
    """One schema while it is being opened."""

    pending: list[tuple[Node, bool]]
    found: Composition = msgspec.field(default_factory=Composition)
    seen: set[int] = msgspec.field(default_factory=set)


class Composer:
    """Opens schemas of one document."""

    def __init__(self, resolver: Resolver, dialect: Dialect) -> None:
        self._resolver = resolver
        self._siblings_count = dialect not in (Dialect.SWAGGER_2_0, Dialect.OPENAPI_3_0)
        self._discriminators = Discriminators(resolver, dialect)

    def compose(self, source: Source) -> Composition:
        opening = _Opening([(node, True) for node in reversed(source)])
        found = opening.found
        while opening.pending:
            node, own = opening.pending.pop()
            value = node.value
            if not isinstance(value, dict):
                _note_other_value(node, found)
                continue
            if id(value) in opening.seen:
                continue
            opening.seen.add(id(value))
            if len(opening.seen) > MAX_MEMBERS:
                message = "more parts of an allOf than are read; the rest was left out"
                found.findings.append(_finding("schema.cut", node, message))
                break
            if own:
                found.marks.add(id(value))
            reference = _reference_of(value)
            if reference is not None:
                self._follow(opening, node, reference, own=own)
                value = self._siblings(value)
                if not value:
                    continue
                node = Node(value, node.base, node.pointer)
            self._open(opening, node, value, own=own)
        return found

    # --- one schema object ---

    def _follow(self, opening: "_Opening", node: Node, reference: str, *, own: bool) -> None:
        opening.found.has_reference = True
        try:
            opening.pending.append((self._resolver.resolve(reference, node.base), own))
        except Unresolved as problem:
            message = f"the reference {problem.message}; any value is taken"
            opening.found.findings.append(_finding("schema.unresolved", node, message))

    def _siblings(self, value: JSONObject) -> JSONObject:
        return {
            key: item
            for key, item in value.items()
            if key not in _REFERENCES and (self._siblings_count or key in ANNOTATIONS)
        }

    def _open(self, opening: "_Opening", node: Node, value: JSONObject, *, own: bool) -> None:
        opening.found.members.append((node, own))
        grouped = False
        for keyword in GROUPS:
            written = value.get(keyword)
            if isinstance(written, list) and written:
                grouped = True
                self._alternatives(opening, node, keyword, written, own=own)
        if own and not grouped and "discriminator" in value:
            self._subtypes(opening, node)
        parts = value.get("allOf")
        if isinstance(parts, list) and parts:
            # `allOf: [{$ref}]` beside a description is how 3.0 gives a reference siblings: still the schema itself.
            wraps = own and len(parts) == 1 and "properties" not in value
            opening.pending.extend(
                (Node(parts[index], node.base, f"{node.pointer}/allOf/{index}"), wraps)
                for index in reversed(range(len(parts)))
            )
            opening.found.rewrites.add("allOf")

    def _subtypes(self, opening: "_Opening", node: Node) -> None:
        """A base that only names its subtypes, or is only named by them: they are its alternatives."""
        found, subtypes = opening.found, self._discriminators.subtypes(node)
        if not opening.seen.isdisjoint(subtypes):
            return  # read on behalf of a subtype, which inherits the base as it is
        if len(subtypes) > MAX_SUBTYPES:
            message = f"{len(subtypes)} subtypes are more than are laid out; the base schema stands for them"
            found.findings.append(_finding("schema.cut", node, message))
        elif len(subtypes) > 1:
            found.rewrites.add("discriminator")
            found.has_reference = True
            found.groups.append(list(subtypes.values()))

    # --- alternatives ---

    def _alternatives(self, opening: "_Opening", node: Node, keyword: str, written: list[JSON], *, own: bool) -> None:
        found, tags = opening.found, self._discriminators.tags(node)
        options: list[Source] = []
        unchanged = False
        for index, alternative in enumerate(written):
            child = Node(alternative, node.base, f"{node.pointer}/{keyword}/{index}")
            end = end_of(child, self._resolver)
            if _is_null(end):
                found.null = True
            elif end is False or (own and id(end) in opening.seen):
                continue
            elif id(end) in opening.seen:
                return  # read on behalf of one of the alternatives, which only inherits what they share
            elif _only_constrains(end):
                unchanged = True
                found.either_required.append(_names(end))
            else:
                tag = tags.get(id(end))
                options.append((child, tag) if tag is not None else (child,))
        if unchanged:
            found.rewrites.add(keyword)
            if options:  # what only constrains allows the rest of the schema as it is
                options.append((Node({}, node.base, node.pointer),))
        if keyword == "oneOf" and len(options) > 1:
            found.rewrites.add("oneOf")
        if len(options) == 1:
            opening.pending.extend((part, len(found.members) == 1) for part in reversed(options[0]))
        elif options:
            found.groups.append(options)


def _reference_of(value: JSONObject) -> str | None:
    for keyword in _REFERENCES:
        reference = value.get(keyword)
        if isinstance(reference, str):
            return reference
    return None


def _finding(code: str, node: Node, message: str) -> Finding:
    return Finding(code, Severity.WARNING, where(node), message)


def _note_other_value(node: Node, found: Composition) -> None:
    """`true` allows everything, `false` nothing; anything else is no schema."""
    if node.value is False:
        found.never = True
    elif node.value is not True and node.value is not None:
        message = "a schema that is not an object was read as any value"
        found.findings.append(_finding("schema.repaired", node, message))


def _is_null(value: JSON) -> bool:
    if not isinstance(value, dict):
        return False
    if value.get("nullable") is True and value.keys() <= ANNOTATIONS:
        return True  # how some generators of 3.0 write `{type: "null"}`
    return value.get("type") in ("null", ["null"]) or value.get("enum") == [None] or value.get("const", 0) is None


def _only_constrains(value: JSON) -> bool:
    """An alternative such as `{required: [a]}`: it describes nothing, it only forbids combinations."""
    if not isinstance(value, dict):
        return False
    keys = value.keys() - ANNOTATIONS
    if value.get("type") == "object":
        keys.discard("type")
    return bool(keys) and keys <= _CONSTRAINTS


def _names(value: JSON) -> list[str]:
    required = value.get("required") if isinstance(value, dict) else None
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
