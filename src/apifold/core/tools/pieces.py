"""The pieces that a tool's schema is built from, and the names that their properties get.

Pieces mirror the schema, levels the value that the schema describes: alternatives are several pieces on one level,
because a value does not say which of them it follows.
"""

from collections.abc import Iterable, Mapping

from apifold.core.tools.model import Renames
from apifold.core.tools.naming import key_names
from apifold.core.tools.outline import Outline
from apifold.core.values import JSONObject


class Piece:
    """A place in the schema that is being built."""

    # It knows its parent but not its children, which hand their schemas up: without cycles, memory is free at once.
    __slots__ = ("below", "cut", "depth", "level", "name", "nest", "omits_null", "outline", "parent", "role")

    def __init__(self, outline: Outline, parent: "Piece | None", role: str, name: str, depth: int) -> None:
        self.outline = outline
        self.parent = parent
        self.role = role  # property, items, additional, branch, argument
        self.name = name
        self.depth = depth
        self.nest: int = 0 if parent is None else parent.nest + 1
        self.below: list[tuple[str, str, JSONObject]] = []
        """Finished schemas of the pieces below: role, name, schema; the last one first."""
        self.cut = ""
        self.level: Level | None = None
        self.omits_null = False
        """Null is not shown, although the document allows it."""


class Level:
    """One place in the *value*: alternatives share it, because a value does not say which of them it follows."""

    __slots__ = ("_keys", "additional", "items", "names", "properties")

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.properties: dict[str, Level] = {}
        self.items: Level | None = None
        self.additional: Level | None = None
        self._keys: dict[str, str] | None = None

    def keys(self) -> dict[str, str]:
        """Wire name to legal name."""
        if self._keys is None:
            self._keys = key_names(self.names)
        return self._keys


def assign_levels(pieces: Iterable[Piece]) -> None:
    for piece in pieces:
        above = piece.parent.level if piece.parent is not None else None
        if above is None:
            piece.level = Level()
        elif piece.role == "branch":
            piece.level = above
        elif piece.role == "items":
            piece.level = above.items = above.items or Level()
        elif piece.role == "additional":
            piece.level = above.additional = above.additional or Level()
        else:
            above.names[piece.name] = None
            piece.level = above.properties.setdefault(piece.name, Level())


def find_renames(roots: Mapping[str, Piece]) -> dict[str, Renames]:
    found = {}
    for name, piece in roots.items():
        tree = _tree(piece.level) if piece.level is not None else None
        if tree is not None:
            found[name] = tree
    return found


def renamed_keys(pieces: Iterable[Piece]) -> tuple[str, ...]:
    levels = {id(piece.level): piece.level for piece in pieces if piece.level is not None}
    found = {wire for level in levels.values() for wire, legal in level.keys().items() if wire != legal}
    return tuple(sorted(found))


def _tree(root: Level) -> Renames | None:
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
