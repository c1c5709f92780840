"""The path of a request: a template cut once into literals and the arguments between them.

An argument never leaves its segment. What a value turns into is checked where it is written, and the finished path
is checked again as a whole: as many segments as server and template have, and none that means "here" or "up".
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from apifold.core.openapi.paths import read_path
from apifold.core.requests.serialize import Unwritable, Write
from apifold.core.values import JSON

_EXPRESSION: Final = re.compile(r"\{([^{}]*)\}")
_LITERAL: Final = "/:@!$&'()*+,;=-._~%"
_LITERAL_QUERY: Final = _LITERAL + "?"
_UP: Final = re.compile(r"(?:^|[/\\])\.\.(?:$|[/\\])")
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2[eE]){1,2}(?:/|$)")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Template(msgspec.Struct, frozen=True):
    """A path template in pieces: `literals[0] arguments[0] literals[1] ...`."""

    literals: tuple[str, ...]
    """Percent-encoded; one more than there are names."""
    names: tuple[str, ...]
    """Wire names of the path parameters, in order; a name may stand twice."""
    query: tuple[str, ...]
    """The pairs after `?` in the template, as in `/messages?beta=true`; percent-encoded."""

    @property
    def slashes(self) -> int:
        return sum(literal.count("/") for literal in self.literals)


def parse_template(template: str) -> Template:
    """Cut a path template. Of its query only what holds no placeholder stays: the rest are parameters."""
    parts = read_path(template)
    path = parts.path if parts.path.startswith("/") else "/" + parts.path
    pieces = _EXPRESSION.split(path)
    literals = tuple(_encoded(text, _LITERAL) for text in pieces[::2])
    return Template(literals, tuple(pieces[1::2]), tuple(_encoded(pair, _LITERAL_QUERY) for pair in parts.query))


def _encoded(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=safe)


def path_writer(write: Write) -> Callable[[JSON], str]:
    """Writes a value into a path, and refuses one that would be no segment or another one.

    Servers and proxies resolve dot segments, many also after decoding `%2F` and `%5C` (RFC 3986 5.2.4, 7.3): a value
    that climbs is refused even though its slashes would be encoded.
    """

    def checked(value: JSON) -> str:
        text = write(value)
        if not text:
            raise Unwritable("must not be empty: it is part of the URL's path")
        if "." in text or "%2e" in text or "%2E" in text:  # without a dot in any spelling there is no dot segment
            plain = unquote(text)
            if plain in (".", "..") or (".." in plain and _UP.search(plain)):
                raise Unwritable("must not be or contain the path segment `.` or `..`")
        return text

    return checked


def check_path(path: str, slashes: int) -> None:
    """The last line: the finished path still lies under server and template. Raises `Unwritable`."""
    if path.count("/") != slashes:
        raise Unwritable("The arguments would change which resource is addressed.")
    if ("/." in path or "/%2" in path) and _DOT_SEGMENT.search(path):
        raise Unwritable("The arguments would form a path segment `.` or `..`.")
