"""Keywords of texts, numbers and truth values, and what of them has to be said in words instead."""

import msgspec

from apifold.core.diagnostics import Severity
from apifold.core.tools import vocabulary as words
from apifold.core.tools.composition import Finding
from apifold.core.tools.patterns import portable_pattern
from apifold.core.tools.wording import Hints
from apifold.core.values import JSON, JSONObject

DEFAULT_LIMIT = 200
"""Bytes of a default that is not a single value."""
LONGEST_SAID_PATTERN = 80

_LENGTHS = frozenset(("minLength", "maxLength"))
_BOUNDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))


class Notes(msgspec.Struct):
    """Collects what one reading finds."""

    pointer: str
    findings: list[Finding] = msgspec.field(default_factory=list)
    rewrites: set[str] = msgspec.field(default_factory=set)

    def complain(self, code: str, message: str) -> None:
        self.findings.append(Finding(code, Severity.WARNING, self.pointer, message))

    def note(self, code: str, message: str) -> None:
        self.findings.append(Finding(code, Severity.NOTE, self.pointer, message))


class Scalars:
    """Reads the keywords of scalar types; remembers which patterns can be kept."""

    def __init__(self) -> None:
        self._patterns: dict[str, str | None] = {}

    def add(self, facts: JSONObject, kind: str, schema: JSONObject, hints: Hints, notes: Notes) -> None:
        """Add to `facts` what the schema says about a value of one type; an enum says it all."""
        if "enum" not in facts:
            if kind == "string":
                self._string(facts, schema, hints, notes)
            elif kind in ("number", "integer"):
                _number(facts, schema, hints, notes)
        if schema.get("default") is not None:
            _default(facts, kind, schema["default"], notes)

    def _string(self, facts: JSONObject, schema: JSONObject, hints: Hints, notes: Notes) -> None:
        if not _LENGTHS.isdisjoint(schema):
            facts |= words.counts(schema, "minLength", "maxLength", notes.complain)
        written = schema.get("format")
        if written is None and schema.get("type") != "string":
            written = words.misnamed_format(schema)
        if isinstance(written, str):
            if written in words.PORTABLE_FORMATS:
                facts["format"] = written
            else:
                hints.format = words.format_hint(written)
        pattern = schema.get("pattern")
        if not isinstance(pattern, str):
            return
        if pattern not in self._patterns:
            self._patterns[pattern] = portable_pattern(pattern)
        kept = self._patterns[pattern]
        if kept is not None:
            facts["pattern"] = kept
        else:
            hints.pattern = pattern if len(pattern) <= LONGEST_SAID_PATTERN else ""
            notes.note(
                "schema.pattern", "a pattern that not every validator takes is left out, or words in the description"
            )


def _number(facts: JSONObject, schema: JSONObject, hints: Hints, notes: Notes) -> None:
    written = schema.get("format")
    if isinstance(written, str):
        hints.format = words.format_hint(written)
    if _BOUNDS.isdisjoint(schema):
        return
    facts |= words.bounds(schema, notes.complain)
    step = words.as_number(schema.get("multipleOf"))
    if isinstance(step, int) and step > 1:
        facts["multipleOf"] = step
    elif isinstance(step, float) and step > 0:
        hints.step = step  # binary fractions make validators disagree about 0.1


def _default(facts: JSONObject, kind: str, value: JSON, notes: Notes) -> None:
    allowed = facts.get("enum")
    fits = value in allowed if isinstance(allowed, list) else not kind or words.admits((kind,), value)
    if not fits or not words.encodable(value):
        notes.complain("schema.repaired", "a default that the schema itself refuses was dropped")
    elif words.is_scalar(value) or len(msgspec.json.encode(value)) <= DEFAULT_LIMIT:
        facts["default"] = value
