"""Tool schemas as the document wrote them, in JSON Schema 2020-12: references kept as `$defs`, names unaltered.

Only what 2020-12 cannot read is changed: OpenAPI's own words, and slips of the pen. Definitions are those a tool needs.
"""

from collections.abc import Callable, Iterator

import jsonschema_rs
import msgspec

from apifold.core.diagnostics import Severity
from apifold.core.limits import SCHEMA, SchemaLimits
from apifold.core.openapi.model import Dialect, Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.openapi.shapes import is_binary_schema
from apifold.core.tools import vocabulary as words
from apifold.core.tools.composition import ANNOTATIONS, Finding
from apifold.core.tools.members import BINARY
from apifold.core.tools.model import Tool, ToolInput
from apifold.core.tools.naming import hashed_key, legal_key
from apifold.core.tools.places import escape, where
from apifold.core.tools.schema import Form, argument_forms, as_diagnostics, assemble
from apifold.core.tools.text import shorten, visible
from apifold.core.values import JSON, JSONObject

MAX_BYTES = 1_500_000
"""Serialised size of one tool's schema; whoever asks for the faithful form wants it whole, but not without end."""
MAX_NESTING = 60
"""Schemas within schemas, references apart; validators give up soon after 100."""
_DESCRIPTION = 1_000

_ONE = frozenset(
    [
        "additionalProperties",
        "not",
        "contains",
        "propertyNames",
        "if",
        "then",
        "else",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
_SEVERAL = frozenset(("allOf", "anyOf", "oneOf"))
_NAMED = frozenset(("properties", "patternProperties", "dependentSchemas"))
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_FLAGS = frozenset(("deprecated", "readOnly", "writeOnly", "uniqueItems"))
_TEXTS = frozenset(("title", "description", "format", "contentEncoding", "contentMediaType"))
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")


class FaithfulBuilder:
    def __init__(self, resolver: Resolver, dialect: Dialect, limits: SchemaLimits = SCHEMA) -> None:
        self._resolver = resolver
        self._siblings_count = dialect not in (Dialect.SWAGGER_2_0, Dialect.OPENAPI_3_0)
        self._limits = limits

    def build(self, tool: Tool) -> ToolInput:
        writer = _Writer(self._resolver, self._limits, siblings_count=self._siblings_count)
        schemas = {name: writer.form(form) for name, form in argument_forms(tool, self._resolver).items()}
        definitions = writer.finish()
        diagnostics = as_diagnostics(tool, tuple(writer.findings.values()), frozenset(), (), 0)
        return assemble(tool, schemas, renames={}, diagnostics=diagnostics, definitions=definitions)


class _Writer:
    """Writes the schemas of one tool. Every output object is made first and filled later, so nothing recurses."""

    def __init__(self, resolver: Resolver, limits: SchemaLimits, *, siblings_count: bool) -> None:
        self._resolver = resolver
        self._limits = limits
        self._siblings_count = siblings_count
        self._pending: list[tuple[Node, JSONObject, int]] = []
        self._names: dict[tuple[str, str], str] = {}
        self._definitions: JSONObject = {}
        self._written = 0
        self._bytes = 0
        self.findings: dict[tuple[str, str], Finding] = {}

    def form(self, form: Form) -> JSONObject:
        options = [self._together(source) for source in form.alternatives]
        if len(options) == 1:
            return options[0]
        written: JSONObject = {"anyOf": [*options]}
        if form.description:
            written["description"] = shorten(visible(form.description), _DESCRIPTION)
        return written

    def _together(self, source: tuple[Node, ...]) -> JSONObject:
        schema = self._queue(source[-1], 0)
        if len(source) == 1:
            return schema
        self._drain()
        said = [self._queue(node, 0) for node in source[:-1]]
        self._drain()
        for one in reversed(said):
            if one.keys() <= ANNOTATIONS:
                schema |= one  # since 2019-09 keywords may stand beside a reference
            else:
                schema = {"allOf": [schema, one]}
        return schema

    def finish(self) -> JSONObject:
        """Write all that is pending: the schemas given out before are then complete. Gives the definitions."""
        self._drain()
        for name in _endless(self._definitions):
            self._definitions[name] = {}
            message = f"the schema {name!r} is defined by itself; any value is taken"
            self._report("schema.recursive", Severity.WARNING, f"#/$defs/{name}", message)
        return self._definitions

    # --- one schema ---

    def _queue(self, node: Node, depth: int) -> JSONObject:
        written: JSONObject = {}
        self._pending.append((node, written, depth))
        return written

    def _drain(self) -> None:
        while self._pending:
            node, written, depth = self._pending.pop()
            if depth > MAX_NESTING or self._written >= self._limits.nodes or self._bytes > MAX_BYTES:
                self._report(
                    "schema.cut", Severity.WARNING, where(node), "the schema is too large; any value is taken here"
                )
                continue
            self._written += 1
            self._write(node, written, depth)

    def _write(self, node: Node, written: JSONObject, depth: int) -> None:
        value = node.value
        if not isinstance(value, dict):
            if value is False:
                written["not"] = {}
            elif value is not True and value is not None:
                self._complain(node)("schema.repaired", "a schema that is not an object was read as any value")
            return
        if is_binary_schema(value):
            written |= BINARY
            self._texts(value, written)
            return
        reference = next((word for word in _REFERENCES if isinstance(value.get(word), str)), None)
        if reference is not None:
            self._refer(node, value[reference], written)
            kept = {
                k: v for k, v in value.items() if k not in _REFERENCES and (self._siblings_count or k in ANNOTATIONS)
            }
            value, node = kept, Node(kept, node.base, node.pointer)
        self._keywords(node, value, written)
        self._below(node, value, written, depth)
        _allow_null(value, written)
        flat = {
            key: item
            for key, item in written.items()
            if words.is_scalar(item) or key in ("enum", "required", "default")
        }
        self._bytes += len(msgspec.json.encode(flat)) + 20

    def _refer(self, node: Node, reference: JSON, written: JSONObject) -> None:
        try:
            target = self._resolver.resolve(str(reference), node.base)
        except Unresolved as problem:
            self._report(
                "schema.unresolved",
                Severity.WARNING,
                where(node),
                f"the reference {problem.message}; any value is taken",
            )
            return
        key = (target.base, target.pointer)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self._new_name(target)
            self._definitions[name] = self._queue(target, 0)
        written["$ref"] = f"#/$defs/{name}"

    def _new_name(self, target: Node) -> str:
        """The end of the pointer as a legal name; with a hash when another definition has it."""
        end = legal_key(target.pointer.rpartition("/")[2] or "root")
        return end if end not in self._definitions else hashed_key(end, where(target))

    def _keywords(self, node: Node, value: JSONObject, written: JSONObject) -> None:
        complain = self._complain(node)
        types, null = words.declared_types(value, complain)
        values, null_value = words.enum_values(value, types, complain)
        if types or null:
            named: list[JSON] = [*types, *(["null"] if null else [])]
            written["type"] = named[0] if len(named) == 1 else named
        if values or null_value:
            written["enum"] = [*values, None] if null_value else values
        self._texts(value, written)
        written |= words.bounds(value, complain)
        for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")):
            written |= words.counts(value, low, high, complain)
        # What only the server sets is required "on the response only" (3.0.3 Schema Object, readOnly).
        required = [name for name in words.required_names(value, complain) if not _is_read_only(value, name)]
        if required:
            written["required"] = [*required]
        self._rest(value, written, complain)

    def _texts(self, value: JSONObject, written: JSONObject) -> None:
        for keyword in _TEXTS & value.keys():
            text = value[keyword]
            if isinstance(text, str) and text:
                written[keyword] = shorten(visible(text), _DESCRIPTION)

    def _rest(self, value: JSONObject, written: JSONObject, complain: words.Complaint) -> None:
        pattern = value.get("pattern")
        if isinstance(pattern, str):
            if _compiles(pattern):
                written["pattern"] = pattern
            else:
                complain("schema.pattern", "a pattern that cannot be compiled was dropped")
        step = words.as_number(value.get("multipleOf"))
        if step is not None and step > 0:
            written["multipleOf"] = step
        for keyword in _FLAGS & value.keys():
            if value[keyword] is True:
                written[keyword] = True
        if "default" in value and words.encodable(value["default"]):
            written["default"] = value["default"]
        example = words.example_of(value)
        if example is not None and words.encodable(example):
            written["examples"] = [example]
        dependent = value.get("dependentRequired")
        if isinstance(dependent, dict):
            written["dependentRequired"] = {
                name: [*dict.fromkeys(one for one in names if isinstance(one, str) and words.encodable(one))]
                for name, names in dependent.items()
                if isinstance(names, list) and words.encodable(name)
            }

    def _below(self, node: Node, value: JSONObject, written: JSONObject, depth: int) -> None:
        for keyword, item in value.items():
            start = f"{node.pointer}/{keyword}"
            if keyword in _ONE:
                if isinstance(item, dict | bool):
                    written[keyword] = self._child(item, node, start, depth)
            elif keyword in _SEVERAL:
                if isinstance(item, list) and item:
                    written[keyword] = [self._child(one, node, f"{start}/{at}", depth) for at, one in enumerate(item)]
            elif keyword in _NAMED and isinstance(item, dict):
                written[keyword] = {
                    name: self._child(one, node, f"{start}/{escape(name)}", depth)
                    for name, one in item.items()
                    if words.encodable(name) and (keyword != "patternProperties" or _compiles(name))
                }
        self._positions(node, value, written, depth)

    def _positions(self, node: Node, value: JSONObject, written: JSONObject, depth: int) -> None:
        """`items` as a list is `prefixItems` since 2020-12, and `additionalItems` is `items`."""
        items, prefix = value.get("items"), value.get("prefixItems")
        if isinstance(items, list):
            items, prefix = value.get("additionalItems"), items
        if isinstance(prefix, list) and prefix:
            place = f"{node.pointer}/prefixItems"
            written["prefixItems"] = [self._child(one, node, f"{place}/{at}", depth) for at, one in enumerate(prefix)]
        if isinstance(items, dict | bool):
            written["items"] = self._child(items, node, f"{node.pointer}/items", depth)

    def _child(self, value: JSON, node: Node, pointer: str, depth: int) -> JSON:
        return value if isinstance(value, bool) else self._queue(Node(value, node.base, pointer), depth + 1)

    # --- findings ---

    def _complain(self, node: Node) -> Callable[[str, str], None]:
        def complain(code: str, message: str) -> None:
            self._report(code, Severity.WARNING, where(node), message)

        return complain

    def _report(self, code: str, severity: Severity, pointer: str, message: str) -> None:
        self.findings.setdefault((code, pointer), Finding(code, severity, pointer, message))


def _is_read_only(schema: JSONObject, name: str) -> bool:
    properties = schema.get("properties")
    found = properties.get(name) if isinstance(properties, dict) else None
    return isinstance(found, dict) and found.get("readOnly") is True


def _allow_null(value: JSONObject, written: JSONObject) -> None:
    """OpenAPI 3.0 `nullable`: null joins the types and the enum, or stands beside what has neither."""
    if value.get("nullable") is not True and value.get("x-nullable") is not True:
        return
    enum = written.get("enum")
    if isinstance(enum, list) and None not in enum:
        enum.append(None)
    types = written.get("type")
    if isinstance(types, str) and types != "null":
        written["type"] = [types, "null"]
    elif isinstance(types, list) and "null" not in types:
        types.append("null")
    elif types is None and any(keyword in written for keyword in ("$ref", *_IN_PLACE)):
        inner = dict(written)
        written.clear()
        written["anyOf"] = [inner, {"type": "null"}]


def _compiles(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, offline=True, pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=10_000)
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _endless(definitions: JSONObject) -> Iterator[str]:
    """Definitions that lead back to themselves without a step into the value: a validator would never end."""
    links = {name: _in_place(schema) for name, schema in definitions.items()}
    state: dict[str, int] = {}
    for start, first in links.items():
        stack = [(start, iter(first))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            name, rest = stack[-1]
            below = next(rest, None)
            if below is None:
                state[name] = 2
                stack.pop()
            elif state.get(below) == 1:
                yield below
                state[below] = 2
            elif below not in state:
                state[below] = 1
                stack.append((below, iter(links[below])))


def _in_place(schema: JSON) -> list[str]:
    """The definitions that apply to the same value as a schema."""
    found: list[str] = []
    pending = [schema]
    while pending:
        one = pending.pop()
        if not isinstance(one, dict):
            continue
        reference = one.get("$ref")
        if isinstance(reference, str):
            found.append(reference.removeprefix("#/$defs/"))
        for keyword in _IN_PLACE:
            below = one.get(keyword)
            pending.extend(below if isinstance(below, list) else [below])
    return found
