"""What a schema is made of: its references followed, its `allOf` opened, its alternatives laid out.

The result is flat: members that all apply (an intersection) and groups of alternatives. Nothing is merged here.
Everything is iterative and bounded; what cannot be read becomes a finding and constrains nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from apifold.core.diagnostics import Severity
from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver, Unresolved
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
_GROUPS = ("oneOf", "anyOf")
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


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one schema that the owner of the document may want to know."""

    code: str
    severity: Severity
    pointer: str
    message: str


@dataclass(slots=True)
class Composition:
    members: list[tuple[Node, bool]] = field(default_factory=list)
    """Schema objects without composition keywords being read in them; `True`: the schema itself, not an `allOf` part."""
    groups: list[list[Source]] = field(default_factory=list)
    """Each group: one of its alternatives applies as well. At least two each."""
    marks: set[int] = field(default_factory=set)
    """Identities of the schema and of what its references lead to; meeting one again below means recursion."""
    null: bool = False
    """A group offers null."""
    never: bool = False
    """`false` is among the members: no value is allowed."""
    has_reference: bool = False
    either_required: list[list[str]] = field(default_factory=list)
    """Alternatives that only require names, as lists of names."""
    findings: list[Finding] = field(default_factory=list)
    rewrites: set[str] = field(default_factory=set)


class Composer:
    """Opens schemas of one document."""

    def __init__(self, resolver: Resolver, dialect: Dialect) -> None:
        self._resolver = resolver
        self._siblings_count = dialect not in (Dialect.SWAGGER_2_0, Dialect.OPENAPI_3_0)
        self._dialect = dialect
        self._heirs: Mapping[int, list[tuple[str, Node]]] | None = None

    def compose(self, source: Source) -> Composition:
        found = Composition()
        seen: set[int] = set()
        pending = [(node, True) for node in reversed(source)]
        while pending:
            node, own = pending.pop()
            value = node.value
            if not isinstance(value, dict):
                self._not_an_object(node, found)
                continue
            if id(value) in seen:
                continue
            seen.add(id(value))
            if len(seen) > MAX_MEMBERS:
                found.findings.append(
                    _finding("schema.cut", node, "more parts of an allOf than are read; the rest was left out")
                )
                break
            if own:
                found.marks.add(id(value))
            reference = _reference_of(value)
            if reference is not None:
                self._follow(node, reference, found, pending, own=own)
                value = self._siblings(value)
                if not value:
                    continue
                node = Node(value, node.base, node.pointer)
            self._open(node, value, found, pending, seen, own=own)
        return found

    # --- one schema object ---

    def _not_an_object(self, node: Node, found: Composition) -> None:
        if node.value is False:
            found.never = True
        elif node.value is not True and node.value is not None:
            found.findings.append(
                _finding("schema.repaired", node, "a schema that is not an object was read as any value")
            )

    def _follow(
        self, node: Node, reference: str, found: Composition, pending: list[tuple[Node, bool]], *, own: bool
    ) -> None:
        found.has_reference = True
        try:
            pending.append((self._resolver.resolve(reference, node.base), own))
        except Unresolved as problem:
            found.findings.append(
                _finding("schema.unresolved", node, f"the reference {problem.message}; any value is taken")
            )

    def _siblings(self, value: JSONObject) -> JSONObject:
        return {
            key: item
            for key, item in value.items()
            if key not in _REFERENCES and (self._siblings_count or key in ANNOTATIONS)
        }

    def _open(
        self,
        node: Node,
        value: JSONObject,
        found: Composition,
        pending: list[tuple[Node, bool]],
        seen: set[int],
        *,
        own: bool,
    ) -> None:
        found.members.append((node, own))
        grouped = False
        for keyword in _GROUPS:
            written = value.get(keyword)
            if isinstance(written, list) and written:
                grouped = True
                self._alternatives(node, keyword, written, found, pending, seen, own=own)
        if own and not grouped and "discriminator" in value:
            self._subtypes(node, value, found, seen)
        parts = value.get("allOf")
        if isinstance(parts, list) and parts:
            # `allOf: [{$ref}]` beside a description is how 3.0 gives a reference siblings: still the schema itself.
            wraps = own and len(parts) == 1 and "properties" not in value
            pending.extend(
                (Node(parts[index], node.base, f"{node.pointer}/allOf/{index}"), wraps)
                for index in reversed(range(len(parts)))
            )
            found.rewrites.add("allOf")

    # --- alternatives ---

    def _alternatives(
        self,
        node: Node,
        keyword: str,
        written: list[JSON],
        found: Composition,
        pending: list[tuple[Node, bool]],
        seen: set[int],
        *,
        own: bool,
    ) -> None:
        tags = self._tags(node)
        options: list[Source] = []
        for index, alternative in enumerate(written):
            child = Node(alternative, node.base, f"{node.pointer}/{keyword}/{index}")
            end = self._end(child)
            if _is_null(end):
                found.null = True
            elif end is False or (own and id(end) in seen):
                continue
            elif id(end) in seen:
                return  # read on behalf of one of the alternatives, which only inherits what they share
            elif _only_constrains(end):
                found.rewrites.add(keyword)
                found.either_required.append(_names(end))
            else:
                tag = tags.get(id(end))
                options.append((child, tag) if tag is not None else (child,))
        if keyword == "oneOf" and len(options) > 1:
            found.rewrites.add("oneOf")
        if len(options) == 1:
            pending.extend((part, len(found.members) == 1) for part in reversed(options[0]))
        elif options:
            found.groups.append(options)

    def _end(self, node: Node) -> JSON:
        """The value at the end of a chain of references; the node's own value when it leads nowhere."""
        try:
            return self._resolver.follow(node).value
        except Unresolved:
            return node.value

    # --- discriminators ---

    def _tags(self, node: Node) -> dict[int, Node]:
        """By identity of an alternative: a schema that ties the discriminator property to its value."""
        named = _discriminator(node.value)
        if named is None or not isinstance(node.value, dict):
            return {}
        name, mapping = named
        values: dict[int, list[str]] = {}
        for value, target in self._mapped(mapping, node.base):
            values.setdefault(id(target.value), []).append(value)
        for keyword in _GROUPS:
            written = node.value.get(keyword)
            for alternative in written if isinstance(written, list) else ():
                reference = alternative.get("$ref") if isinstance(alternative, dict) else None
                if isinstance(reference, str):
                    end = self._end(Node(alternative, node.base))
                    values.setdefault(id(end), [_implicit_name(reference)])
        return {identity: _tag(name, names, node) for identity, names in values.items()}

    def _subtypes(self, node: Node, value: JSONObject, found: Composition, seen: set[int]) -> None:
        """A base that only names its subtypes, or is only named by them: they are its alternatives."""
        named = _discriminator(value)
        if named is None:
            return
        name, mapping = named
        heirs = list(self._mapped(mapping, node.base)) if mapping else self._inheriting(value)
        by_target: dict[int, tuple[Node, list[str]]] = {}
        for text, target in heirs:
            by_target.setdefault(id(target.value), (target, []))[1].append(text)
        if not by_target or any(identity in seen for identity in by_target):
            return  # read on behalf of a subtype, which inherits the base as it is
        if len(by_target) > MAX_SUBTYPES:
            message = f"{len(by_target)} subtypes are more than are laid out; the base schema stands for them"
            found.findings.append(_finding("schema.cut", node, message))
            return
        options: list[Source] = [(target, _tag(name, names, node)) for target, names in by_target.values()]
        found.rewrites.add("discriminator")
        found.has_reference = True
        if len(options) > 1:
            found.groups.append(options)

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

    def _inheriting(self, base: JSONObject) -> list[tuple[str, Node]]:
        if self._heirs is None:
            self._heirs = self._index_heirs()
        return self._heirs.get(id(base), [])

    def _index_heirs(self) -> Mapping[int, list[tuple[str, Node]]]:
        """Every named schema under the base that its `allOf` refers to."""
        place = "/definitions" if self._dialect is Dialect.SWAGGER_2_0 else "/components/schemas"
        try:
            schemas = self._resolver.resolve(f"#{place}", "").value
        except Unresolved:
            return {}
        heirs: dict[int, list[tuple[str, Node]]] = {}
        for name, schema in schemas.items() if isinstance(schemas, dict) else ():
            parts = schema.get("allOf") if isinstance(schema, dict) else None
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict) and isinstance(part.get("$ref"), str):
                    pointer = f"{place}/{escape(name)}"
                    heirs.setdefault(id(self._end(Node(part))), []).append((name, Node(schema, "", pointer)))
        return heirs


def escape(token: str) -> str:
    """A name as a token of a JSON pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def where(node: Node) -> str:
    return f"{node.base}#{node.pointer}" if node.base else node.pointer


def _reference_of(value: JSONObject) -> str | None:
    for keyword in _REFERENCES:
        reference = value.get(keyword)
        if isinstance(reference, str):
            return reference
    return None


def _finding(code: str, node: Node, message: str) -> Finding:
    return Finding(code, Severity.WARNING, where(node), message)


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
    return bool(keys) and keys <= _CONSTRAINTS


def _names(value: JSON) -> list[str]:
    required = value.get("required") if isinstance(value, dict) else None
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _discriminator(value: JSON) -> tuple[str, Mapping[str, JSON]] | None:
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


def _implicit_name(reference: str) -> str:
    return reference.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _tag(name: str, values: list[str], node: Node) -> Node:
    known: list[JSON] = [*dict.fromkeys(values)]
    schema: JSONObject = {"properties": {name: {"type": "string", "enum": known}}, "required": [name]}
    return Node(schema, node.base, f"{node.pointer}/discriminator")
