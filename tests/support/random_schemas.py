"""Schemas at random, sound and unsound, the same for the same seed."""

import random
from collections.abc import Callable

from apifold.core.values import JSON, JSONObject

NAMES = ("a", "b", "$c", "d[e]", "f.g", "", "é", "a" * 70, "body", "type", "\u202e", "\ud800", "a_", "$ref")
TYPES = (
    *("object", "array", "string", "integer", "number", "boolean", "null", "object", "string"),
    *("int", "file", "any", "", "Strin\u200bg"),
)
NUMBERS: tuple[JSON, ...] = (0, 1, 3, -1, 2.5, 1e300, float("inf"), float("nan"), 2**70, "3", "x", True, None, 1e-320)
WORDS: tuple[JSON, ...] = (
    "",
    "plain",
    "<b>bold</b> \u202e**x**",
    "\ud800",
    "a" * 2000,
    "x\u0000y",
    "e.g. \U000e0041. B",
)
PATTERNS: tuple[JSON, ...] = (
    "^a$",
    "(",
    "(?=a)b",
    "\\Z",
    "[",
    "a{2,1}",
    "\\p{L}",
    "(?i)a",
    "a++",
    "[[:alpha:]]",
    "{",
    "\\_",
    3,
)
FORMATS: tuple[JSON, ...] = ("binary", "date-time", "byte", "int32", "ip\u200bv4", "\ud800", 1)

Make = Callable[["RandomSchemas"], JSON]


class RandomSchemas:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- tests want the same every time

    def pick(self, *values: JSON) -> JSON:
        return self._random.choice(values)

    def scalar(self) -> JSON:
        return self.pick(None, True, False, *NUMBERS, *WORDS)

    def name(self) -> str:
        return self._random.choice(NAMES)

    def reference(self) -> JSON:
        return f"#/components/schemas/{self.pick('A', 'B', 'C', 'nowhere')}"

    def several(self, make: Callable[[], JSON], most: int = 3) -> list[JSON]:
        return [make() for _ in range(self._random.randint(0, most))]

    def named(self, make: Callable[[], JSON]) -> JSONObject:
        return {self.name(): make() for _ in range(self._random.randint(0, 4))}

    def schema(self, depth: int = 3) -> JSON:
        if self._random.random() < 0.06:
            return self.scalar()
        found: JSONObject = {}
        if self._random.random() < 0.75:
            found["type"] = self._random.choice(TYPES)
        for keyword in self._random.sample(sorted(FLAT), self._random.randint(0, 4)):
            found[keyword] = FLAT[keyword](self) if self._random.random() < 0.9 else self.scalar()
        if depth:
            for keyword in self._random.sample(sorted(NESTED), self._random.randint(0, 3)):
                found[keyword] = self._nested(NESTED[keyword], depth - 1)
        return found

    def _nested(self, how: str, depth: int) -> JSON:
        if self._random.random() < 0.05:
            return self.scalar()
        if how == "one":
            return self.schema(depth)
        if how == "several":
            return self.several(lambda: self.schema(depth))
        return self.named(lambda: self.schema(depth))


FLAT: dict[str, Make] = {
    "type": lambda r: r.several(lambda: r.pick(*TYPES)),
    "enum": lambda r: r.several(r.scalar, 4),
    "const": lambda r: r.scalar(),
    "default": lambda r: r.scalar(),
    "example": lambda r: r.scalar(),
    "examples": lambda r: r.several(r.scalar),
    "description": lambda r: r.pick(*WORDS),
    "title": lambda r: r.pick(*WORDS),
    "format": lambda r: r.pick(*FORMATS),
    "pattern": lambda r: r.pick(*PATTERNS),
    "nullable": lambda _: True,
    "readOnly": lambda _: True,
    "deprecated": lambda _: True,
    "required": lambda r: r.several(r.name),
    "minimum": lambda r: r.pick(*NUMBERS),
    "maximum": lambda r: r.pick(*NUMBERS),
    "exclusiveMinimum": lambda r: r.pick(*NUMBERS),
    "exclusiveMaximum": lambda r: r.pick(*NUMBERS),
    "multipleOf": lambda r: r.pick(*NUMBERS),
    "minLength": lambda r: r.pick(*NUMBERS),
    "maxLength": lambda r: r.pick(*NUMBERS),
    "minItems": lambda r: r.pick(*NUMBERS),
    "maxItems": lambda r: r.pick(*NUMBERS),
    "uniqueItems": lambda _: True,
    "minProperties": lambda r: r.pick(*NUMBERS),
    "dependentRequired": lambda r: r.named(lambda: r.several(r.name)),
    "discriminator": lambda r: {"propertyName": r.name(), "mapping": r.named(r.reference)},
    "$ref": lambda r: r.reference(),
    "$dynamicRef": lambda r: r.reference(),
    "$schema": lambda r: r.scalar(),
    "$id": lambda r: r.scalar(),
    "x-mcp-header": lambda r: r.scalar(),
}
NESTED = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems", "items"), "several"),
    **dict.fromkeys(("items", "additionalProperties", "not", "if", "then", "propertyNames", "contains"), "one"),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), "named"),
}
