"""Tool schemas that the strictest client accepts, within a budget of bytes.

A value's schema is opened level by level, so that what is near the top is there whatever lies below. Down to
`SHALLOW` properties everything is opened; deeper levels are opened as long as there is room, and beyond only what is
required. References are inlined, recursion is cut, and every cut is reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apifold.core.diagnostics import Severity
from apifold.core.limits import SCHEMA, SchemaLimits
from apifold.core.tools.composition import Finding
from apifold.core.tools.model import Renames
from apifold.core.tools.naming import key_names
from apifold.core.tools.outline import OVERHEAD, Outline, Outliner
from apifold.core.tools.schema import Form
from apifold.core.tools.text import shorten
from apifold.core.values import JSON, JSONObject

SHALLOW = 3
"""Property names are shown without regard to the budget down to this depth, counted from the argument."""

_UNLIMITED = 10_000
# Description lengths by depth (arguments, their properties, …), from everything to the least that is still useful.
_STAGES: tuple[tuple[int, ...], ...] = (
    (_UNLIMITED, _UNLIMITED, _UNLIMITED, _UNLIMITED),
    (_UNLIMITED, _UNLIMITED, _UNLIMITED, 160),
    (_UNLIMITED, _UNLIMITED, 240, 80),
    (_UNLIMITED, 300, 160, 40),
    (400, 200, 80, 0),
    (300, 120, 40, 0),
    (200, 80, 0, 0),
    (120, 40, 0, 0),
)
_CUT = "(details left out)"


class _Piece:
    """A place in the schema that is being built."""

    # It knows its parent but not its children, which hand their schemas up: without cycles, memory is free at once.
    __slots__ = ("below", "cut", "depth", "level", "name", "nest", "outline", "parent", "role")

    def __init__(self, outline: Outline, parent: "_Piece | None", role: str, name: str, depth: int) -> None:
        self.outline = outline
        self.parent = parent
        self.role = role  # property, items, additional, branch, argument
        self.name = name
        self.depth = depth
        self.nest: int = 0 if parent is None else parent.nest + 1
        self.below: list[tuple[str, str, JSONObject]] = []
        """Finished schemas of the pieces below: role, name, schema; the last one first."""
        self.cut = ""
        self.level: _Level | None = None


class _Level:
    """One place in the *value*: alternatives share it, because a value does not say which of them it follows."""

    __slots__ = ("_keys", "additional", "items", "names", "properties")

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.properties: dict[str, _Level] = {}
        self.items: _Level | None = None
        self.additional: _Level | None = None
        self._keys: dict[str, str] | None = None

    def keys(self) -> dict[str, str]:
        """Wire name to legal name."""
        if self._keys is None:
            self._keys = key_names(self.names)
        return self._keys


@dataclass(frozen=True, slots=True)
class Portable:
    """The schemas of a tool's arguments."""

    schemas: Mapping[str, JSONObject]
    renames: Mapping[str, Renames]
    renamed: tuple[str, ...]
    """Wire names of properties that have another name here."""
    findings: tuple[Finding, ...]
    rewrites: frozenset[str]
    read_only: int
    """Properties that were left out because only the server sets them."""


@dataclass(slots=True)
class _Expansion:
    """The pieces of one tool, parents before children."""

    pieces: list[_Piece] = field(default_factory=list)
    spent: int = 0
    read_only: int = 0
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    renames: bool = False

    def report(self, code: str, severity: Severity, pointer: str, message: str) -> None:
        self.findings.setdefault((code, pointer), Finding(code, severity, pointer, message))


class PortableBuilder:
    """Builds the argument schemas of one tool after another; schemas of leaves are shared between them."""

    def __init__(self, outliner: Outliner, limits: SchemaLimits = SCHEMA) -> None:
        self._outliner = outliner
        self._limits = limits
        self._soft = limits.bytes // 2
        self._hard = limits.bytes * 4

    def build(self, forms: Mapping[str, Form]) -> Portable:
        """Schemas of arguments by name. They share one budget; none has precedence over another."""
        expansion = _Expansion()
        roots = {
            name: self._add(expansion, self._outline(form), None, "argument", name, 0) for name, form in forms.items()
        }
        self._expand(expansion, list(roots.values()))
        if expansion.renames:
            _assign_levels(expansion.pieces)
        lengths = self._lengths(expansion)
        schemas: dict[str, JSONObject] = {}
        for piece in reversed(expansion.pieces):
            schema = _render(piece, lengths[min(piece.depth, SHALLOW)])
            if piece.parent is None:
                schemas[piece.name] = schema
            else:
                piece.parent.below.append((piece.role, piece.name, schema))
        for piece in expansion.pieces:
            for finding in piece.outline.findings:
                expansion.findings.setdefault((finding.code, finding.pointer), finding)
        return Portable(
            schemas,
            _renames(roots) if expansion.renames else {},
            _renamed(expansion.pieces) if expansion.renames else (),
            tuple(expansion.findings.values()),
            frozenset().union(*(piece.outline.rewrites for piece in expansion.pieces)),
            expansion.read_only,
        )

    def _outline(self, form: Form) -> Outline:
        if len(form.alternatives) == 1:
            return self._outliner.outline(form.alternatives[0])
        return self._outliner.alternatives(form.alternatives, form.pointer, form.description)

    # --- opening ---

    def _add(
        self, into: _Expansion, outline: Outline, parent: _Piece | None, role: str, name: str, depth: int
    ) -> _Piece:
        piece = _Piece(outline, parent, role, name, depth)
        into.pieces.append(piece)
        into.spent += outline.costs[min(depth, SHALLOW)] + len(name)
        into.renames = into.renames or outline.renames
        return piece

    def _expand(self, into: _Expansion, level: list[_Piece]) -> None:
        """Open pieces level by level: properties lead to the next, items and alternatives stay on theirs."""
        while level:
            below: list[_Piece] = []
            at = 0
            while at < len(level):
                piece = level[at]
                at += 1
                if not piece.outline.is_leaf and not self._is_stopped(into, piece):
                    self._open(into, piece, level, below)
            level = below

    def _is_stopped(self, into: _Expansion, piece: _Piece) -> bool:
        outline = piece.outline
        if outline.marks:
            again = self._recurs(into, piece)
            if again is not None:
                piece.cut = f"(recursive: same shape as {again.name or 'above'})"
                message = "a recursive schema is shown a few levels deep"
                into.report("schema.recursive", Severity.NOTE, outline.pointer, message)
                return True
        deep = piece.nest >= self._limits.depth or len(into.pieces) >= self._limits.nodes
        if deep or (piece.depth > SHALLOW and into.spent > self._limits.bytes):
            piece.cut = _CUT
            why = "nested too deeply" if deep else "the schema is large"
            into.report(
                "schema.cut", Severity.WARNING, outline.pointer, f"{why}: what is below {piece.name!r} is left out"
            )
            return True
        return False

    def _recurs(self, into: _Expansion, piece: _Piece) -> _Piece | None:
        """The outermost piece that this one repeats, when it has been repeated often enough."""
        marks = piece.outline.marks
        times, outermost, nearest = 0, None, -1
        above = piece.parent
        while above is not None:
            if above.outline.marks and not marks.isdisjoint(above.outline.marks):
                times += 1
                nearest = above.depth if nearest < 0 else nearest
                outermost = above
            above = above.parent
        allowed = self._limits.recursion if into.spent <= self._soft else 0
        return outermost if times > allowed and (piece.depth >= SHALLOW or nearest == piece.depth) else None

    def _open(self, into: _Expansion, piece: _Piece, level: list[_Piece], below: list[_Piece]) -> None:
        outline, depth = piece.outline, piece.depth
        if outline.branches:
            level.extend(
                self._add(into, branch, piece, "branch", piece.name, depth) for branch in self._branches(into, piece)
            )
        if outline.items is not None:
            level.append(self._add(into, self._outliner.outline(outline.items), piece, "items", piece.name, depth))
        if isinstance(outline.additional, tuple):
            child = self._outliner.outline(outline.additional)
            below.append(self._add(into, child, piece, "additional", piece.name, depth + 1))
        if outline.properties:
            self._open_properties(into, piece, below)

    def _branches(self, into: _Expansion, piece: _Piece) -> Iterable[Outline]:
        """The alternatives one by one, or joined where that would cost too much."""
        outline = piece.outline
        branches = [self._outliner.outline(source) for source in outline.branches]
        at, below = min(piece.depth, SHALLOW), min(piece.depth + 1, SHALLOW)
        cost = sum(branch.costs[at] + self._outliner.open(branch).costs[below] for branch in branches)
        if into.spent + cost <= (self._soft if piece.depth >= SHALLOW else self._limits.bytes // 2):
            return branches
        joined, others = self._outliner.joined(outline.branches, outline.pointer)
        return branches if joined is None else [joined, *map(self._outliner.outline, others)]

    def _open_properties(self, into: _Expansion, piece: _Piece, below: list[_Piece]) -> None:
        outline, depth = piece.outline, piece.depth + 1
        opened = self._outliner.open(outline)
        into.read_only += opened.read_only
        children = opened.properties
        room = self._soft if piece.depth >= SHALLOW else self._hard
        if into.spent + opened.costs[min(depth, SHALLOW)] > room:
            children = tuple((name, child) for name, child in children if name in outline.required)
            if len(children) < len(opened.properties):
                piece.cut = _CUT
                left_out = ", ".join(name for name, _ in opened.properties if name not in outline.required)
                message = f"the schema is large: optional properties of {piece.name!r} are left out ({shorten(left_out, 200)})"
                into.report("schema.cut", Severity.WARNING, outline.pointer, message)
        below.extend(self._add(into, child, piece, "property", name, depth) for name, child in children)

    # --- descriptions ---

    def _lengths(self, expansion: _Expansion) -> tuple[int, ...]:
        """The longest descriptions, by depth, with which the whole stays within the budget."""
        bare = 0
        described: list[list[int]] = [[] for _ in range(SHALLOW + 1)]
        for piece in expansion.pieces:
            bare += piece.outline.size + len(piece.name) + OVERHEAD
            if piece.outline.description:
                described[min(piece.depth, SHALLOW)].append(len(piece.outline.description))
        for stage in _STAGES:
            words = sum(min(length, limit) for limit, found in zip(stage, described, strict=True) for length in found)
            if bare + words <= self._limits.bytes:
                break
        if stage is not _STAGES[0]:
            message = "the schema is large: descriptions inside it are shortened"
            expansion.report("schema.shortened", Severity.NOTE, expansion.pieces[0].outline.pointer, message)
        return stage


# --- names ------------------------------------------------------------------------------------------------------------


def _assign_levels(pieces: Iterable[_Piece]) -> None:
    for piece in pieces:
        above = piece.parent.level if piece.parent is not None else None
        if above is None:
            piece.level = _Level()
        elif piece.role == "branch":
            piece.level = above
        elif piece.role == "items":
            piece.level = above.items = above.items or _Level()
        elif piece.role == "additional":
            piece.level = above.additional = above.additional or _Level()
        else:
            above.names[piece.name] = None
            piece.level = above.properties.setdefault(piece.name, _Level())


def _renames(roots: Mapping[str, _Piece]) -> dict[str, Renames]:
    found = {}
    for name, piece in roots.items():
        tree = _tree(piece.level) if piece.level is not None else None
        if tree is not None:
            found[name] = tree
    return found


def _renamed(pieces: Iterable[_Piece]) -> tuple[str, ...]:
    levels = {id(piece.level): piece.level for piece in pieces if piece.level is not None}
    found = {wire for level in levels.values() for wire, legal in level.keys().items() if wire != legal}
    return tuple(sorted(found))


def _tree(root: _Level) -> Renames | None:
    order = [root]
    for level in order:
        order.extend(level.properties.values())
        order.extend(below for below in (level.items, level.additional) if below is not None)
    trees: dict[int, Renames | None] = {}
    for level in reversed(order):
        keys = {legal: wire for wire, legal in level.keys().items() if legal != wire}
        properties = {name: tree for name, below in level.properties.items() if (tree := trees[id(below)]) is not None}
        items = trees[id(level.items)] if level.items is not None else None
        additional = trees[id(level.additional)] if level.additional is not None else None
        said = keys or properties or items is not None or additional is not None
        trees[id(level)] = Renames(keys, properties, items, additional) if said else None
    return trees[id(root)]


# --- rendering --------------------------------------------------------------------------------------------------------


def _render(piece: _Piece, limit: int) -> JSONObject:
    """The finished schema of a piece whose children are finished."""
    outline = piece.outline
    if outline.is_leaf and not piece.cut:
        known = outline.shared.get(limit)
        if known is None:
            known = outline.shared[limit] = _finished(outline, _leaf(outline), _words(outline, limit, ""))
        return known
    if outline.branches:
        schema = _alternatives([below for _, _, below in reversed(piece.below)])
    elif outline.kind == "array":
        schema = {**outline.facts, "items": piece.below[0][2] if piece.below else {}}
    else:
        schema = _object(piece)
    return _finished(outline, schema, _words(outline, limit, piece.cut))


def _leaf(outline: Outline) -> JSONObject:
    if outline.kind == "object":
        # An object that lists nothing takes anything, unless the document says that it is empty.
        return {**outline.facts, "properties": {}, "additionalProperties": outline.additional is True}
    return outline.facts


def _object(piece: _Piece) -> JSONObject:
    outline = piece.outline
    keys = piece.level.keys() if piece.level is not None else {}
    properties: JSONObject = {}
    required: list[JSON] = []
    additional: JSON = None
    for role, name, below in reversed(piece.below):
        if role == "property":
            key = keys.get(name, name)
            properties[key] = below
            if name in outline.required:
                required.append(key)
        else:
            additional = below
    schema: JSONObject = {**outline.facts, "properties": properties}
    if required:
        schema["required"] = required
    if piece.cut:  # what was left out has to be allowed
        for keyword in ("minProperties", "maxProperties"):
            schema.pop(keyword, None)
    elif additional is not None:
        schema["additionalProperties"] = additional
    elif outline.additional is False or not properties:
        schema["additionalProperties"] = outline.additional is not False
    return schema


def _alternatives(schemas: Sequence[JSONObject]) -> JSONObject:
    """`anyOf` without doubles; alternatives that only list values of one type become one list."""
    kept: list[JSON] = []
    enums: dict[JSON, JSONObject] = {}
    for schema in schemas:
        inner = schema.get("anyOf")
        for option in inner if isinstance(inner, list) and len(schema) == 1 else [schema]:
            if isinstance(option, dict) and option.keys() == {"type", "enum"} and isinstance(option["type"], str):
                known = enums.get(option["type"])
                if known is not None:
                    known["enum"] = _union(known["enum"], option["enum"])
                    continue
                option = enums[option["type"]] = dict(option)  # noqa: PLW2901 -- extended later, and others share the original
            if option not in kept:
                kept.append(option)
    if len(kept) == 1 and isinstance(kept[0], dict):
        return kept[0]
    return {"anyOf": kept} if kept else {}


def _union(one: JSON, other: JSON) -> JSON:
    mine = one if isinstance(one, list) else []
    return [*mine, *(value for value in other if value not in mine)] if isinstance(other, list) else mine


def _finished(outline: Outline, schema: JSONObject, words: str) -> JSONObject:
    """The schema with null where it is allowed, and its description."""
    if outline.nullable and schema:
        inner = schema.get("anyOf")
        options: list[JSON] = [*inner] if isinstance(inner, list) and len(schema) == 1 else [schema]
        schema = {"anyOf": [*options, {"type": "null"}]}
    return {**schema, "description": words} if words else schema


def _words(outline: Outline, limit: int, cut: str) -> str:
    said = shorten(outline.description, limit) if len(outline.description) > limit else outline.description
    return f"{said} {cut}".strip() if cut else said
