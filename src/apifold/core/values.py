"""The shape of JSON as it is passed around: plain Python values, never framework objects."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
"""A decoded JSON value. Whoever holds one treats it as immutable: documents share nodes."""

JSONObject: TypeAlias = dict[str, JSON]

ReadableJSON: TypeAlias = "bool | int | float | str | Sequence[ReadableJSON] | Mapping[str, ReadableJSON] | None"
"""What a function may ask for when it only reads."""
