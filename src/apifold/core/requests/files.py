"""Files where only text may stand: inside JSON, in a URL, in a header. There the bytes are base64, whichever of the three
spellings the caller used (see `binary`).

Where files may stand is read from the schema once; only tools that show one to callers are looked through.
"""

import base64
from collections.abc import Mapping
from typing import Final

import msgspec

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import shape_of
from apifold.core.requests.binary import looks_binary, read_binary
from apifold.core.tools.members import BINARY
from apifold.core.values import JSON

_MAX_SHAPES: Final = 500
_MAX_DEPTH: Final = 8
_ALTERNATIVES: Final = BINARY["anyOf"]
_FILE: Final = _ALTERNATIVES[0] if isinstance(_ALTERNATIVES, list) else None
"""How the schema of a tool shows a file."""


class Places(msgspec.Struct, frozen=True):
    """Where in a value files may stand."""

    is_file: bool = False
    properties: "Mapping[str, Places]" = msgspec.field(default_factory=dict)
    items: "Places | None" = None
    additional: "Places | None" = None


def shows_files(schema: JSON) -> bool:
    """Whether a tool's schema shows a file anywhere."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            if value == _FILE:
                return True
            waiting += value.values()
    return False


def find_places(resolver: Resolver, node: Node | None) -> Places | None:
    """Where files may stand in the values of a schema; `None` when nowhere."""
    return None if node is None else _Finder(resolver).find((node,), _MAX_DEPTH)


class _Finder:
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._left = _MAX_SHAPES

    def find(self, nodes: tuple[Node, ...], depth: int) -> Places | None:
        if depth == 0 or self._left == 0:
            return None
        self._left -= 1
        shape = shape_of(self._resolver, *nodes)
        properties: dict[str, Places] = {}
        for name, below in shape.properties.items():
            found = self.find(below, depth - 1)
            if found is not None:
                properties[name] = found
        items = self.find(shape.items, depth - 1) if shape.items else None
        additional = self.find((shape.additional,), depth - 1) if shape.additional is not None else None
        if shape.binary or properties or items is not None or additional is not None:
            return Places(shape.binary, properties, items, additional)
        return None


def with_texts(value: JSON, places: Places) -> JSON:
    """The value with base64 for every file. Raises `Unwritable`."""
    if places.is_file and looks_binary(value):
        return base64.b64encode(read_binary(value).content).decode()
    if isinstance(value, list) and (items := places.items) is not None:
        return [with_texts(item, items) for item in value]
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for name, item in value.items():
        below = places.properties.get(name, places.additional)
        if below is not None:
            result[name] = with_texts(item, below)
    return result


def with_texts_inside(value: JSON, places: Places) -> JSON:
    """The value of a form or multipart body with base64 for the files inside its members, which are written as JSON.

    A member that is a file itself, or a list of files, stays: it is a field or part of bytes. Raises `Unwritable`.
    """
    if isinstance(value, list):
        return value if places.items is None else [_inside(item, places.items) for item in value]
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for name, item in value.items():
        below = places.properties.get(name, places.additional)
        if below is not None:
            result[name] = _member(item, below)
    return result


def _member(value: JSON, places: Places) -> JSON:
    if isinstance(value, list) and (items := places.items) is not None:
        return [_inside(item, items) for item in value]
    return _inside(value, places)


def _inside(value: JSON, places: Places) -> JSON:
    return value if places.is_file and looks_binary(value) else with_texts(value, places)
