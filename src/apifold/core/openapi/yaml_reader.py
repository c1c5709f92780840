"""YAML 1.2 (core schema) to a JSON value, built from libyaml's events.

Events are read one by one and nothing recurses, so neither nesting nor aliases can exhaust the stack; an anchored
value is shared, not copied, and what it would be when written out counts against the bounds. Tags construct nothing.
Object keys are kept as the text they are written as: `200:` is the key "200" and `on:` is the key "on".
"""

import math
import re
from collections.abc import Callable

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from apifold.core.limits import DocumentLimits
from apifold.core.openapi.survey import Links
from apifold.core.values import JSON

_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS: dict[str, JSON] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))
_PLAIN_TAGS = frozenset(
    ["!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq", "timestamp", "binary", "value", "merge"))]
)
_NOTES = 50
"""Remarks kept per file; a document that repeats one slip thousands of times needs to hear of it only so often."""


class YAMLRefused(Exception):
    """The text is not YAML, or goes over a bound. `code` is the last part of a diagnostic code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Remark(msgspec.Struct, frozen=True):
    code: str
    message: str
    line: int


class YAMLText(msgspec.Struct):
    """What was read."""

    value: JSON = None
    links: Links = msgspec.field(default_factory=Links)
    remarks: list[Remark] = msgspec.field(default_factory=list)

    def remark(self, code: str, message: str, line: int) -> None:
        if len(self.remarks) < _NOTES:
            self.remarks.append(Remark(code, message, line))


class _Special:
    """Stands in place of a key that is not an object key."""


_DROPPED = _Special()
"""A collection as a key: the member is left out."""
_MERGE = _Special()
"""`<<`: the members of the value are added to the object."""


class _Frame(msgspec.Struct):
    """A collection that is being built: an object has `members`, a list has `elements`."""

    members: dict[str, JSON] | None
    elements: list[JSON]
    anchor: str | None = None
    is_key: bool = False
    """The collection stands where a key should."""
    key: str | _Special | None = None
    """In an object: the key whose value comes next; `None` when a key comes next."""
    merges: list[JSON] = msgspec.field(default_factory=list)
    size: int = 1
    """Values in the collection, aliases written out. Scalars are counted when the collection ends."""
    height: int = 0

    @property
    def wants_key(self) -> bool:
        return self.members is not None and self.key is None

    @property
    def value(self) -> JSON:
        return self.elements if self.members is None else self.members


class _Anchored(msgspec.Struct, frozen=True):
    value: JSON
    size: int
    height: int


def read_yaml(utf8: bytes, *, limits: DocumentLimits) -> YAMLText:
    """The first document of the text that is not empty. Raises `YAMLRefused`."""
    try:
        return _Builder(limits).build(_LOADER(utf8))
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, utf8) from None
    except yaml.YAMLError as error:
        raise YAMLRefused("syntax", " ".join(str(error).split())) from None


def _syntax(error: yaml.MarkedYAMLError, utf8: bytes) -> YAMLRefused:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return YAMLRefused("syntax", str(error.problem))
    place = f"(line {mark.line + 1}, column {mark.column + 1})"
    lines = utf8.split(b"\n", mark.line + 1)
    line = lines[mark.line] if mark.line < len(lines) else b""
    if b"\t" in line[: len(line) - len(line.lstrip())]:
        return YAMLRefused("syntax", f"a tab indents the line; YAML allows only spaces there {place}")
    code = "escape" if "Unicode character escape" in str(error.problem) else "syntax"
    reason = " ".join(part for part in (error.context, error.problem) if part)
    return YAMLRefused(code, f"{reason} {place}")


def plain(text: str) -> JSON:
    """What an unquoted scalar means in the core schema (YAML 1.2.2, 10.3.2). Infinity and NaN stay text: JSON has neither."""
    if text[:1] in _NUMBER_START:
        return _number(text)
    return _CONSTANTS.get(text, text)


def _number(text: str) -> JSON:
    try:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _PREFIXED.fullmatch(text):
            return int(text, 0)
    except ValueError:  # longer than Python converts (4,300 digits): no API means a number by that
        return text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


class _Builder:
    """Reads events into values. One use only."""

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._root = _Frame(None, [])
        self._stack = [self._root]
        self._anchors: dict[str, _Anchored] = {}
        self._keys: dict[str, str] = {}
        """Keys repeat ("type", "description"); one string object serves all."""
        self._total = 0
        self._text = YAMLText()

    def build(self, parser: "yaml.SafeLoader | yaml.CSafeLoader") -> YAMLText:
        read: Callable[[], Event | None] = parser.get_event
        try:
            while (event := read()) is not None:
                if isinstance(event, ScalarEvent):
                    self._scalar(event)
                elif isinstance(event, MappingStartEvent):
                    self._open(_Frame({}, [], event.anchor), event)
                elif isinstance(event, SequenceStartEvent):
                    self._open(_Frame(None, [], event.anchor), event)
                elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                    self._close(event)
                elif isinstance(event, AliasEvent):
                    self._alias(event)
                elif isinstance(event, DocumentStartEvent) and self._is_complete(event):
                    break
        finally:
            parser.dispose()
        if self._root.elements:
            self._text.value = self._root.elements[0]
        return self._text

    def _is_complete(self, event: Event) -> bool:
        """Whether a document with content was read, so that the one that starts here is left alone."""
        self._anchors.clear()
        if self._root.elements in ([], [None]):
            self._root.elements.clear()
            return False
        self._remark("more_documents", "the file has several YAML documents; only the first is read", event)
        return True

    def _scalar(self, event: ScalarEvent) -> None:
        text = event.value
        frame = self._stack[-1]
        value: JSON = text
        if frame.members is not None and frame.key is None:
            is_merge = text == "<<" and event.implicit[0]
            frame.key = _MERGE if is_merge else self._keys.setdefault(text, text)
        else:
            if event.tag is not None:
                value = self._tagged(event.tag, text, event)
            elif event.implicit[0]:
                value = plain(text)
            self._put(frame, value, event)
            self._count(1)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1 + len(text) // 64, 0)

    def _tagged(self, tag: str, text: str, event: Event) -> JSON:
        if tag in _CORE_TAGS:
            return plain(text)
        self._check_tag(tag, event)
        return text

    def _check_tag(self, tag: str, event: Event) -> None:
        if tag not in _PLAIN_TAGS:
            self._remark("tag_ignored", f"the tag {tag[:80]!r} is ignored; the value is read without it", event)

    def _open(self, frame: _Frame, event: MappingStartEvent | SequenceStartEvent) -> None:
        frame.is_key = self._stack[-1].wants_key
        if event.tag is not None:
            self._check_tag(event.tag, event)
        self._check_depth(len(self._stack), event)
        self._stack.append(frame)
        self._count(1)

    def _close(self, event: Event) -> None:
        frame = self._stack.pop()
        parent = self._stack[-1]
        if frame.members is not None:
            if frame.merges:
                self._merge(frame, frame.members)
            self._text.links.note(frame.members)
            frame.size += 2 * len(frame.members)
        else:
            frame.size += len(frame.elements)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(frame.value, frame.size, frame.height)
        parent.size += frame.size
        parent.height = max(parent.height, frame.height + 1)
        if frame.is_key:
            self._remark("complex_key", "a list or an object stands as a key; the member is left out", event)
            parent.key = _DROPPED
        else:
            self._put(parent, frame.value, event)

    def _alias(self, event: AliasEvent) -> None:
        name = event.anchor or ""
        known = self._anchors.get(name)
        if known is None:
            reason = f"the alias *{name[:80]} stands inside what it names, or names nothing"
            raise YAMLRefused("alias", f"{reason} (line {_line(event)})")
        frame = self._stack[-1]
        frame.size += known.size
        self._count(known.size)
        self._check_depth(len(self._stack) + known.height, event)
        frame.height = max(frame.height, known.height + 1)
        if frame.wants_key:
            frame.key = known.value if isinstance(known.value, str) else _DROPPED
        else:
            self._put(frame, known.value, event)

    def _put(self, frame: _Frame, value: JSON, event: Event) -> None:
        """Place a finished value in the collection it stands in."""
        if frame.members is None:
            frame.elements.append(value)
            return
        key, frame.key = frame.key, None
        if isinstance(key, str):
            if key in frame.members:
                self._remark(
                    "duplicate_key", f"the key {key[:80]!r} stands twice in one object; the last one counts", event
                )
            frame.members[key] = value
        elif key is _MERGE:
            frame.merges.append(value)

    def _merge(self, frame: _Frame, members: dict[str, JSON]) -> None:
        """Add what `<<` brings: the object's own keys win, then earlier ones (the merge key of YAML 1.1)."""
        for brought in frame.merges:
            for source in brought if isinstance(brought, list) else (brought,):
                if isinstance(source, dict):
                    self._count(len(source))
                    for key, value in source.items():
                        members.setdefault(key, value)

    def _remark(self, code: str, message: str, event: Event) -> None:
        self._text.remark(code, message, _line(event))

    def _count(self, nodes: int) -> None:
        self._total += nodes
        if self._total > self._limits.yaml_nodes:
            reason = f"more than {self._limits.yaml_nodes:,} values, aliases written out; JSON may have more"
            raise YAMLRefused("too_many_values", reason)

    def _check_depth(self, depth: int, event: Event) -> None:
        if depth > self._limits.depth:
            reason = f"nested more than {self._limits.depth} levels deep (line {_line(event)})"
            raise YAMLRefused("too_deep", reason)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0
