"""Names that every client accepts: of tools, of their arguments and of properties inside them.

A name depends only on what it names and on what it would clash with, never on the order of things: an operation
that moves, or an unrelated one that is added, changes nobody's name.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from apifold.core.openapi.model import Location, Operation, Parameter

DEFAULT_NAME_LIMIT = 48
"""Leaves room under 64 for the prefix that clients add (`mcp__<server>__`)."""
MAX_NAME_LIMIT = 64
KEY_LIMIT = 64

_TOOL_HASH = 6
_KEY_HASH = 4
_LEGAL_TOOL = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")
_LEGAL_KEY = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]+")
_TEMPLATE = re.compile(r"[{}]")
# What a sign in a name says is kept where another name differs only by it (Twilio: `DateSent`, `DateSent<`, `DateSent>`).
_SIGNS = (("<=", "_lte"), (">=", "_gte"), ("!=", "_not"), ("<", "_lt"), (">", "_gt"), ("!", "_not"), ("+", "_plus_"))


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


# --- tools ------------------------------------------------------------------------------------------------------------


def base_name(operation: Operation) -> str:
    """The name an operation would have if there were no limit and no other: from its id, else from method and path.

    The id keeps its case style; every run of illegal characters becomes one underscore.
    """
    wanted = operation.operation_id
    if _LEGAL_TOOL.fullmatch(wanted):
        return wanted
    name = _ILLEGAL.sub("_", _ascii(wanted)).strip("_-")
    if not name:
        path = _ILLEGAL.sub("_", _ascii(_TEMPLATE.sub("", operation.path))).strip("_-")
        name = f"{operation.method.lower()}_{path}" if path else f"{operation.method.lower()}_root"
        name = _ILLEGAL.sub("_", name).strip("_-")
    if not name[:1].isalpha():
        name = f"{_ILLEGAL.sub('_', _ascii(operation.method)).strip('_-').lower()}_{name}".strip("_-")
    return name if name[:1].isalpha() else f"call_{name}"


def tool_names(operations: Sequence[Operation], limit: int = DEFAULT_NAME_LIMIT) -> tuple[str, ...]:
    """A unique, legal name of at most `limit` characters for each operation, in their order.

    Where two operations want one name, both get the suffix: if one kept the plain name, which one would depend on
    the other's presence, and a client's saved approval for a name could come to mean another operation.
    """
    wanted = [base_name(operation) for operation in operations]
    counts = Counter(wanted)
    names = [
        name if len(name) <= limit and counts[name] == 1 else _suffixed(name, operation.key, limit, _TOOL_HASH)
        for name, operation in zip(wanted, operations, strict=True)
    ]
    taken = Counter(names)
    if len(taken) == len(names):
        return tuple(names)
    return tuple(  # two hashes agree, or an id looks like a hashed name: take more of the hash
        name if taken[name] == 1 else _suffixed(base, operation.key, limit, 16)
        for name, base, operation in zip(names, wanted, operations, strict=True)
    )


def _suffixed(name: str, key: str, limit: int, length: int) -> str:
    prefix = name[: max(1, limit - length - 1)].rstrip("_-")
    return f"{prefix}_{_digest(key, length)}"


# --- keys of objects --------------------------------------------------------------------------------------------------


def is_legal_key(name: str) -> bool:
    return _LEGAL_KEY.fullmatch(name) is not None


def legal_key(name: str) -> str:
    """The name as `[a-zA-Z0-9_-]{1,64}`: `$filter` is `filter`, `page[size]` is `page_size`, `DateSent<` is `DateSent_lt`."""
    if _LEGAL_KEY.fullmatch(name):
        return name
    plain = _ascii(name)
    for sign, word in _SIGNS:
        plain = plain.replace(sign, word)
    plain = _ILLEGAL.sub("_", plain).strip("_-")
    if not plain:
        return f"key_{_digest(name, _KEY_HASH)}"
    return plain if len(plain) <= KEY_LIMIT else hashed_key(plain, name)


def hashed_key(plain: str, name: str, length: int = _KEY_HASH) -> str:
    """A legal name with a hash of another behind it, within the limit."""
    return f"{plain[: KEY_LIMIT - length - 1].rstrip('_-')}_{_digest(name, length)}"


def key_names(names: Collection[str]) -> dict[str, str]:
    """Wire name to legal name for the properties of one object, without two that agree.

    A name that is legal as it is keeps itself; of those that had to change, all that clash are told apart by a hash
    of the wire name.
    """
    result = {name: name for name in names if _LEGAL_KEY.fullmatch(name)}
    if len(result) == len(names):
        return result
    wanted = {name: legal_key(name) for name in names if name not in result}
    counts = Counter(wanted.values())
    for name, plain in wanted.items():
        clash = plain in result or counts[plain] > 1
        result[name] = hashed_key(plain, name) if clash else plain
    return _told_apart(result)


def _told_apart(names: dict[str, str]) -> dict[str, str]:
    counts = Counter(names.values())
    if len(counts) == len(names):
        return names
    return {
        name: plain if name == plain or counts[plain] == 1 else hashed_key(plain, name, 16)
        for name, plain in names.items()
    }


# --- arguments of a tool ----------------------------------------------------------------------------------------------

BODY = "body"
CONTENT_TYPE = "_contentType"

_PRECEDENCE = {
    location: rank
    for rank, location in enumerate(
        (Location.PATH, Location.QUERY, Location.HEADER, Location.COOKIE, Location.QUERYSTRING)
    )
}


def argument_names(
    parameters: Iterable[Parameter], *, reserved: Collection[str], legal: bool
) -> Mapping[tuple[Location, str], str]:
    """The argument name of every parameter, by location and wire name.

    On a clash the location that comes first in path, query, header, cookie keeps the plain name and the others are
    suffixed (`id`, `id_query`); a name that had to be changed gives way to one that had not. `reserved` names
    (`body`, `_contentType` where the operation has them) are never given to a parameter. With `legal=False`
    names are the wire names, changed only on a clash.
    """
    plain = {(p.location, p.name): legal_key(p.name) if legal else p.name for p in parameters}
    order = sorted(plain, key=lambda key: (plain[key] != key[1], _PRECEDENCE[key[0]], key[1]))
    taken = set(reserved)
    result: dict[tuple[Location, str], str] = {}
    clashing: list[tuple[Location, str]] = []
    for key in order:
        if plain[key] in taken:
            clashing.append(key)
        else:
            result[key] = plain[key]
            taken.add(plain[key])
    for key in clashing:  # after all plain names are given, so that no suffix takes one
        location, wire = key
        suffixed = f"{plain[key]}_{location.value}"
        name = _fit(suffixed) if legal else suffixed
        if name in taken:
            name = hashed_key(name, f"{location.value} {wire}")
        while name in taken:
            name = hashed_key(name, f"{name} {location.value} {wire}", 16)
        taken.add(name)
        result[key] = name
    return result


def _fit(name: str) -> str:
    return name if len(name) <= KEY_LIMIT else hashed_key(name, name)
