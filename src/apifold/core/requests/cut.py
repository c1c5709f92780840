"""Makes a JSON text fit a size by leaving out whole items, and says exactly what was left out.

Lists keep their first items, objects their small members; only a single text, or a single item larger than all the
room there is, is cut inside. The result is always valid JSON, and what is kept stands as it was written. Only the
containers that must be opened are, one level at a time: megabytes of values are never made just to be dropped. A body
of which the end was never read is first closed where it can be (`close_early`).
"""

import re
from typing import Final, TypeAlias

import msgspec

_SMALLEST_SHARE = 256
"""Bytes. When the large members of an object would get less each, it is treated as a map: first members stay."""
_SHORTEST_TEXT = 64
_DEEPEST = 64
_SENTENCE_CUTS = 5

Left: TypeAlias = "list[msgspec.Raw] | dict[str, msgspec.Raw] | str | None"
"""A JSON value of which only the outermost level is decoded; msgspec encodes it as it is."""


class Cut(msgspec.Struct, frozen=True):
    pointer: str
    """JSON pointer to what was cut, "" for the whole value."""
    unit: str
    """`items` of a list, `members` of an object, `characters` of a text."""
    kept: int
    total: int
    remainder: Left
    """What was left out: the further items, members or characters."""

    @property
    def sentence(self) -> str:
        where = self.pointer or "the answer"
        return f"{where} has {self.kept:,} of {self.total:,} {self.unit}"


def describe(cuts: tuple[Cut, ...]) -> str:
    told = "; ".join(cut.sentence for cut in cuts[:_SENTENCE_CUTS])
    more = len(cuts) - _SENTENCE_CUTS
    return f"{told}; and {more:,} more places were cut" if more > 0 else told


def fit(body: bytes, *, size: int) -> tuple[bytes, tuple[Cut, ...]]:
    """JSON in at most about `size` bytes, and what was cut. `body` is valid JSON."""
    cuts: list[Cut] = []
    whole = msgspec.Raw(body.strip())
    fitted = _fit(whole, size, "", 0, cuts)
    if fitted is None:
        return b"null", (Cut("", "items", 0, 1, [whole]),)
    return fitted, tuple(cuts)


_TEXT: Final = msgspec.json.Decoder(str)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode: Final = msgspec.json.Encoder().encode


def _size(raw: msgspec.Raw) -> int:
    return len(memoryview(raw))


def _fit(raw: msgspec.Raw, size: int, pointer: str, depth: int, cuts: list[Cut]) -> bytes | None:
    """The value in the room there is; `None` when there is no way to show anything of it."""
    view = memoryview(raw)
    if len(view) <= size:
        return bytes(view)
    if depth > _DEEPEST or size < 2:
        return None
    try:
        match view[0]:
            case 0x22:
                return _fit_text(_TEXT.decode(raw), size, pointer, cuts)
            case 0x5B:
                return _fit_list(_ITEMS.decode(raw), size, pointer, depth, cuts)
            case 0x7B:
                return _fit_object(_MEMBERS.decode(raw), size, pointer, depth, cuts)
            case _:
                return None
    except (ValueError, RecursionError):  # half of a surrogate pair, or nested deeper than anyone decodes
        return None


def _fit_text(value: str, size: int, pointer: str, cuts: list[Cut]) -> bytes | None:
    if len(whole := _encode(value)) <= size:  # it was longer for its escapes only
        return whole
    if size < _SHORTEST_TEXT:
        return None
    kept = value[: size - 8]
    while (now := len(_encode(kept))) > size - 4:
        kept = kept[: len(kept) * (size - 4) // now]  # a character takes one to six bytes
    cuts.append(Cut(pointer, "characters", len(kept), len(value), value[len(kept) :]))
    return _encode(f"{kept}…")


def _fit_list(items: list[msgspec.Raw], size: int, pointer: str, depth: int, cuts: list[Cut]) -> bytes | None:
    room, kept = size - 2, 0
    for item in items:
        room -= _size(item) + 1
        if room < -1:
            break
        kept += 1
    if kept or not items:
        if kept < len(items):
            cuts.append(Cut(pointer, "items", kept, len(items), items[kept:]))
        return _encode(items[:kept])
    inside: list[Cut] = []
    first = _fit(items[0], size - 2, f"{pointer}/0", depth + 1, inside)
    if first is None:
        cuts.append(Cut(pointer, "items", 0, len(items), items))
        return b"[]"
    cuts.extend(inside)
    if len(items) > 1:
        cuts.append(Cut(pointer, "items", 1, len(items), items[1:]))
    return b"[%b]" % first


def _fit_object(members: dict[str, msgspec.Raw], size: int, pointer: str, depth: int, cuts: list[Cut]) -> bytes | None:
    sizes = {key: len(_encode(key)) + _size(member) + 2 for key, member in members.items()}
    if sum(sizes.values()) + 1 <= size:
        return _encode(members)
    large, share = _large_members(sizes, size - 2)
    if share < _SMALLEST_SHARE:
        return _fit_map(members, sizes, size, pointer, cuts)
    kept: dict[str, msgspec.Raw] = {}
    dropped: dict[str, msgspec.Raw] = {}
    for key, member in members.items():
        if key not in large:
            kept[key] = member
            continue
        place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        fitted = _fit(member, share - (sizes[key] - _size(member)), place, depth + 1, cuts)
        if fitted is None:
            dropped[key] = member
        else:
            kept[key] = msgspec.Raw(fitted)
    if dropped:
        cuts.append(Cut(pointer, "members", len(kept), len(members), dropped))
    return _encode(kept)


def _large_members(sizes: dict[str, int], room: int) -> tuple[set[str], int]:
    """The members that do not fit a fair share of the room, and that share: small ones leave theirs to the large."""
    order = sorted(sizes, key=sizes.__getitem__)
    for index, key in enumerate(order):
        share = room // (len(order) - index)
        if sizes[key] > share:
            return set(order[index:]), share
        room -= sizes[key]
    return set(), room


def _fit_map(members: dict[str, msgspec.Raw], sizes: dict[str, int], size: int, pointer: str, cuts: list[Cut]) -> bytes:
    room, count = size - 2, 0
    for key in members:
        room -= sizes[key]
        if room < 0:
            break
        count += 1
    pairs = list(members.items())
    cuts.append(Cut(pointer, "members", count, len(pairs), dict(pairs[count:])))
    return _encode(dict(pairs[:count]))


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
