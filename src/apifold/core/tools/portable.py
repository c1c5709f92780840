"""Tool schemas that the strictest client accepts, within a budget of bytes.

A value's schema is opened level by level, so that what is near the top is there whatever lies below. Down to
`SHALLOW` properties everything is opened; deeper levels are opened as long as there is room, and beyond only what is
required. References are inlined, recursion is cut, and every cut is reported.
"""

from collections.abc import Iterable, Mapping

import msgspec

from apifold.core.diagnostics import Severity
from apifold.core.limits import SCHEMA, SchemaLimits
from apifold.core.tools.composition import Finding
from apifold.core.tools.model import Renames
from apifold.core.tools.naming import legal_key
from apifold.core.tools.outline import OVERHEAD, Outline
from apifold.core.tools.outliner import Outliner
from apifold.core.tools.pieces import Piece, assign_levels, find_renames, renamed_keys
from apifold.core.tools.rendering import render
from apifold.core.tools.schema import Form
from apifold.core.tools.text import shorten
from apifold.core.values import JSONObject

SHALLOW = 3
"""Property names are shown without regard to the budget down to this depth, counted from the argument."""

MAX_JOINS = 100
"""How often alternatives of one tool are joined; each time many schemas may have to be read."""

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


class Portable(msgspec.Struct, frozen=True):
    """The schemas of a tool's arguments."""

    schemas: Mapping[str, JSONObject]
    renames: Mapping[str, Renames]
    renamed: tuple[str, ...]
    """Wire names of properties that have another name here."""
    findings: tuple[Finding, ...]
    rewrites: frozenset[str]
    read_only: int
    """Properties that were left out because only the server sets them."""


class _Expansion(msgspec.Struct):
    """The pieces of one tool, parents before children."""

    pieces: list[Piece] = msgspec.field(default_factory=list)
    spent: int = 0
    joins: int = 0
    read_only: int = 0
    findings: dict[tuple[str, str], Finding] = msgspec.field(default_factory=dict)
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
        for name, form in forms.items():
            roots[name].omits_null = form.omits_null
        self._expand(expansion, list(roots.values()))
        if expansion.renames:
            assign_levels(expansion.pieces)
        lengths = self._lengths(expansion)
        schemas: dict[str, JSONObject] = {}
        for piece in reversed(expansion.pieces):
            schema = render(piece, lengths[min(piece.depth, SHALLOW)])
            if piece.parent is None:
                schemas[piece.name] = schema
            else:
                piece.parent.below.append((piece.role, piece.name, schema))
        for piece in expansion.pieces:
            for finding in piece.outline.findings:
                expansion.findings.setdefault((finding.code, finding.pointer), finding)
        return Portable(
            schemas,
            find_renames(roots) if expansion.renames else {},
            renamed_keys(expansion.pieces) if expansion.renames else (),
            tuple(expansion.findings.values()),
            frozenset().union(*(piece.outline.rewrites for piece in expansion.pieces)),
            expansion.read_only,
        )

    def _outline(self, form: Form) -> Outline:
        if len(form.alternatives) == 1:
            return self._outliner.outline(form.alternatives[0])
        return self._outliner.alternatives(form.alternatives, form.pointer, form.description)

    # --- opening ---

    def _add(self, into: _Expansion, outline: Outline, parent: Piece | None, role: str, name: str, depth: int) -> Piece:
        piece = Piece(outline, parent, role, name, depth)
        into.pieces.append(piece)
        into.spent += outline.costs[min(depth, SHALLOW)] + len(name)
        into.renames = into.renames or outline.renames
        return piece

    def _expand(self, into: _Expansion, level: list[Piece]) -> None:
        """Open pieces level by level: properties lead to the next, items and alternatives stay on theirs."""
        while level:
            below: list[Piece] = []
            at = 0
            while at < len(level):
                piece = level[at]
                at += 1
                if not piece.outline.is_leaf and not self._is_stopped(into, piece):
                    self._open(into, piece, level, below)
            level = below

    def _is_stopped(self, into: _Expansion, piece: Piece) -> bool:
        outline = piece.outline
        if outline.marks:
            again = self._recurs(into, piece)
            if again is not None:
                piece.cut = f"(recursive: same shape as {legal_key(again.name)})"
                message = "a recursive schema is shown a few levels deep"
                into.report("schema.recursive", Severity.NOTE, outline.pointer, message)
                return True
        deep = piece.nest >= self._limits.depth or len(into.pieces) >= self._limits.nodes
        large = into.spent > (self._limits.bytes if piece.depth > SHALLOW else self._hard) and not outline.required
        if deep or large:
            piece.cut = _CUT
            why = "nested too deeply" if deep else "the schema is large"
            message = f"{why}: what is below {piece.name!r} is left out"
            into.report("schema.cut", Severity.WARNING, outline.pointer, message)
        return deep or large

    def _recurs(self, into: _Expansion, piece: Piece) -> Piece | None:
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

    def _open(self, into: _Expansion, piece: Piece, level: list[Piece], below: list[Piece]) -> None:
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

    def _branches(self, into: _Expansion, piece: Piece) -> Iterable[Outline]:
        """The alternatives one by one, or joined where that would cost too much."""
        outline = piece.outline
        branches = [self._outliner.outline(source) for source in outline.branches]
        at, below = min(piece.depth, SHALLOW), min(piece.depth + 1, SHALLOW)
        cost = sum(branch.costs[at] + self._outliner.open(branch).costs[below] for branch in branches)
        if into.spent + cost <= (self._soft if piece.depth >= SHALLOW else self._limits.bytes // 2):
            return branches
        if into.joins >= MAX_JOINS:
            return branches
        into.joins += 1
        joined, others = self._outliner.joined(outline.branches, outline.pointer)
        return branches if joined is None else [joined, *map(self._outliner.outline, others)]

    def _open_properties(self, into: _Expansion, piece: Piece, below: list[Piece]) -> None:
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
        longest = zip(stage, described, strict=True)
        if any(length > limit for limit, found in longest for length in found):
            message = "the schema is large: descriptions inside it are shortened"
            expansion.report("schema.shortened", Severity.NOTE, expansion.pieces[0].outline.pointer, message)
        return stage
