"""Makes a JSON value fit a size by leaving out whole items, and says exactly what was left out.

Lists keep their first items, objects their small members; only a single text, or a single item larger than all the
room there is, is cut inside. The result is always valid JSON. Works on the whole value; a body of which the end was
never read is first closed where it can be (`close_early`).
"""

import re

import msgspec

from apifold.core.values import JSON, JSONObject

_SMALLEST_SHARE = 256
"""Bytes. When the large members of an object would get less each, it is treated as a map: first members stay."""
_SHORTEST_TEXT = 64
_DEEPEST = 64
_SENTENCE_CUTS = 5


class Cut(msgspec.Struct, frozen=True):
    pointer: str
    """JSON pointer to what was cut, "" for the whole value."""
    unit: str
    """`items` of a list, `members` of an object, `characters` of a text."""
    kept: int
    total: int
    remainder: JSON
    """What was left out: the further items, members or characters."""

    @property
    def sentence(self) -> str:
        where = self.pointer or "the answer"
        return f"{where} has {self.kept:,} of {self.total:,} {self.unit}"


def describe(cuts: tuple[Cut, ...]) -> str:
    told = "; ".join(cut.sentence for cut in cuts[:_SENTENCE_CUTS])
    more = len(cuts) - _SENTENCE_CUTS
    return f"{told}; and {more:,} more places were cut" if more > 0 else told


def fit(value: JSON, *, size: int) -> tuple[JSON, tuple[Cut, ...]]:
    """`value` in at most about `size` bytes of JSON, and what was cut. The value itself is not changed."""
    cuts: list[Cut] = []
    fitted = _fit(value, size, "", 0, cuts)
    if isinstance(fitted, _Unfit):
        return None, (Cut("", "items", 0, 1, value),)
    return fitted, tuple(cuts)


class _Unfit:
    """There is no way to show anything of this value in the room there is."""


_UNFIT = _Unfit()


def _size(value: JSON) -> int:
    return len(msgspec.json.encode(value))


def _fit(value: JSON, size: int, pointer: str, depth: int, cuts: list[Cut]) -> "JSON | _Unfit":
    if depth > _DEEPEST or size < 2:
        return _UNFIT
    match value:
        case str():
            return _fit_text(value, size, pointer, cuts)
        case list():
            return _fit_list(value, size, pointer, depth, cuts)
        case dict():
            return _fit_object(value, size, pointer, depth, cuts)
        case _:
            return value if _size(value) <= size else _UNFIT


def _fit_text(value: str, size: int, pointer: str, cuts: list[Cut]) -> "JSON | _Unfit":
    if _size(value) <= size:
        return value
    if size < _SHORTEST_TEXT:
        return _UNFIT
    kept = value[: size - 8]
    while (now := _size(kept)) > size - 4:
        kept = kept[: len(kept) * (size - 4) // now]  # a character takes one to six bytes
    cuts.append(Cut(pointer, "characters", len(kept), len(value), value[len(kept) :]))
    return f"{kept}…"


def _fit_list(value: list[JSON], size: int, pointer: str, depth: int, cuts: list[Cut]) -> "JSON | _Unfit":
    room, kept = size - 2, 0
    for item in value:
        room -= _size(item) + 1
        if room < -1:
            break
        kept += 1
    if kept == len(value):
        return value
    if kept:
        cuts.append(Cut(pointer, "items", kept, len(value), value[kept:]))
        return value[:kept]
    inside: list[Cut] = []
    first = _fit(value[0], size - 2, f"{pointer}/0", depth + 1, inside)
    if isinstance(first, _Unfit):
        cuts.append(Cut(pointer, "items", 0, len(value), value))
        return []
    cuts.extend(inside)
    if len(value) > 1:
        cuts.append(Cut(pointer, "items", 1, len(value), value[1:]))
    return [first]


def _fit_object(value: JSONObject, size: int, pointer: str, depth: int, cuts: list[Cut]) -> "JSON | _Unfit":
    sizes = {key: _size(key) + _size(member) + 2 for key, member in value.items()}
    if sum(sizes.values()) + 1 <= size:
        return value
    large, share = _large_members(sizes, size - 2)
    if share < _SMALLEST_SHARE:
        return _fit_map(value, sizes, size, pointer, cuts)
    kept: JSONObject = {}
    dropped: JSONObject = {}
    for key, member in value.items():
        if key not in large:
            kept[key] = member
            continue
        place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        fitted = _fit(member, share - _size(key) - 2, place, depth + 1, cuts)
        if isinstance(fitted, _Unfit):
            dropped[key] = member
        else:
            kept[key] = fitted
    if dropped:
        cuts.append(Cut(pointer, "members", len(kept), len(value), dropped))
    return kept


def _large_members(sizes: dict[str, int], room: int) -> tuple[set[str], int]:
    """The members that do not fit a fair share of the room, and that share: small ones leave theirs to the large."""
    order = sorted(sizes, key=sizes.__getitem__)
    for index, key in enumerate(order):
        share = room // (len(order) - index)
        if sizes[key] > share:
            return set(order[index:]), share
        room -= sizes[key]
    return set(), room


def _fit_map(value: JSONObject, sizes: dict[str, int], size: int, pointer: str, cuts: list[Cut]) -> "JSON | _Unfit":
    room = size - 2
    kept: JSONObject = {}
    for key, member in value.items():
        room -= sizes[key]
        if room < 0:
            break
        kept[key] = member
    cuts.append(Cut(pointer, "members", len(kept), len(value), {k: v for k, v in value.items() if k not in kept}))
    return kept


# --- a body whose end was not read -----------------------------------------------------------------------------------

_TOKEN = re.compile(rb'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\],]')
"""A string, also one that the end cut short, or a mark that matters."""
_CLOSERS = {b"{": b"}", b"[": b"]"}


def close_early(prefix: bytes) -> bytes | None:
    """The start of a JSON text as a whole one: cut after the last complete item of the outermost list that has one,
    else after the last complete member, and closed. `None` when there is nothing to close (no list, no object).
    """
    stack: list[bytes] = []
    item_ends: list[int] = []  # per open container: where its last complete element ended, -1 when it has none
    safe = -1
    for token in _TOKEN.finditer(prefix):
        mark = token.group()
        if mark in _CLOSERS:
            stack.append(mark)
            item_ends.append(-1)
            safe = token.end()
        elif mark in {b",", b"}", b"]"}:
            if not stack:
                return None
            if mark == b",":
                item_ends[-1] = safe = token.start()
            else:
                stack.pop()
                item_ends.pop()
                safe = token.end()
    if safe < 0:
        return None
    for depth, (opener, end) in enumerate(zip(stack, item_ends, strict=True)):
        if opener == b"[" and end >= 0:
            safe = end
            stack = stack[: depth + 1]
            break
    return prefix[:safe] + b"".join(_CLOSERS[opener] for opener in reversed(stack))
