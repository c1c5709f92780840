"""What one schema says, merged and repaired, with its parts still unopened: the unit that tool schemas are built from.

An outline says what stands at one place in the words of JSON Schema 2020-12; properties, items and alternatives are
sources to be outlined in turn by whoever has room for them.
"""

import msgspec

from apifold.core.tools.composition import Finding, Source
from apifold.core.values import JSONObject

EXPECTED = (160, 120, 80, 40)
"""Bytes that a description is counted with, by depth, while it is not yet known how much room there is."""
OVERHEAD = 30
"""Bytes of punctuation, `properties`, `required` and the like around a schema."""


MAX_FACTS = 256_000
"""Bytes of the keywords of one schema; only a list of values can come near. No list of values that anybody wrote does."""
MAX_PROPERTIES = 10_000
"""Properties of one object, whatever is required."""


class Opened(msgspec.Struct, frozen=True):
    """The properties of an object, each outlined."""

    properties: "tuple[tuple[str, Outline], ...]"
    """Without those that only the server sets."""
    read_only: int
    """How many only the server sets."""
    costs: tuple[int, ...]
    """Bytes of all of them together, by their depth."""


class Outline(msgspec.Struct):
    """What one schema says. Built once, then never changed."""

    pointer: str
    kind: str = ""
    """A JSON type other than null, `binary`, or empty: any value, or what the branches say."""
    nullable: bool = False
    facts: JSONObject = msgspec.field(default_factory=dict)
    """Keywords that stand as they are, `type` first."""
    description: str = ""
    properties: dict[str, Source] = msgspec.field(default_factory=dict)
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
    costs: tuple[int, ...] = (OVERHEAD,) * len(EXPECTED)
    """Bytes that the schema itself is likely to take, nothing below it, by depth (see `EXPECTED`)."""
    opened: "Opened | None" = None
    """The properties, once somebody has looked at them."""
    renames: bool = False
    """Some property has a name that is not a legal key."""
    shared: dict[tuple[int, bool], JSONObject] = msgspec.field(default_factory=dict)
    """Finished schemas of leaves by description length, with and without null; tools share them."""

    @property
    def is_leaf(self) -> bool:
        return not (self.properties or self.branches) and self.items is None and not isinstance(self.additional, tuple)

    def bound(self) -> list[str]:
        """Leave out what goes beyond any reason; what that was, in words."""
        left_out: list[str] = []
        if self.size > MAX_FACTS:
            left_out.append(f"a list of values of {self.size:,} bytes")
            self.facts = {"type": self.facts["type"]} if "type" in self.facts else {}
            self.measure()
        if len(self.properties) > MAX_PROPERTIES:
            first = sorted(self.properties, key=lambda name: name not in self.required)[:MAX_PROPERTIES]
            left_out.append(f"{len(self.properties) - len(first):,} properties")
            self.properties = {name: self.properties[name] for name in first}
            self.required = self.required.intersection(first)
            self.additional = True
        return left_out

    def measure(self) -> None:
        """Work out `size` and `costs`, once the facts and the description stand."""
        self.size = len(msgspec.json.encode(self.facts))
        words = len(self.description)
        self.costs = tuple([self.size + OVERHEAD + min(words, expected) for expected in EXPECTED])
