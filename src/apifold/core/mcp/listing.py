"""Lists as bytes: fitted to a revision, cut into pages, ready but for the id.

Built once per listing and revision; answering a caller is a lookup. A page is bounded by bytes, generously, because
clients in the field forget to ask for the next one.
"""

import base64
import binascii

import msgspec

from apifold.core.mcp.handler import Kind
from apifold.core.mcp.revisions import Revision, Structured
from apifold.core.mcp.server import Listing
from apifold.core.values import JSON, JSONObject

PAGE_BYTES = 16 * 1024 * 1024
"""Above the whole list of the largest API that we know (9.4 MB); one item may be larger still."""


class Pages(msgspec.Struct, frozen=True):
    """The results of one list for one revision, by the index of their first item."""

    version: int
    by_start: dict[int, bytes]

    def find(self, cursor: str) -> bytes | None:
        """The page that a cursor of ours points at, the first for none; `None` for any other cursor, also for one from
        before the list changed.
        """
        if not cursor:
            return self.by_start[0]
        start = _read_cursor(cursor, self.version)
        return None if start is None else self.by_start.get(start)


def build_pages(
    listing: Listing, kind: Kind, revision: Revision, tail: bytes, *, page_bytes: int = PAGE_BYTES
) -> Pages:
    """`tail` is what every result of this kind ends with, each member led by a comma."""
    encoded = [msgspec.json.encode(fit_item(item, kind, revision)) for item in listing.items]
    starts = _page_starts([len(item) for item in encoded], page_bytes)
    ends = [*starts[1:], len(encoded)]
    pages = {}
    for start, end in zip(starts, ends, strict=True):
        more = b"" if end == len(encoded) else b',"nextCursor":"%b"' % _cursor(listing.version, end)
        pages[start] = b'{"%b":[%b]%b%b}' % (kind.value.encode(), b",".join(encoded[start:end]), more, tail)
    return Pages(listing.version, pages)


def _page_starts(sizes: list[int], page_bytes: int) -> list[int]:
    starts, filled = [0], 0
    for index, size in enumerate(sizes):
        if filled and filled + size > page_bytes:
            starts.append(index)
            filled = 0
        filled += size + 1
    return starts


def _cursor(version: int, start: int) -> bytes:
    return base64.urlsafe_b64encode(b"%d.%d" % (version, start)).rstrip(b"=")


def _read_cursor(cursor: str, version: int) -> int | None:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    start = text.rpartition(".")[2]
    if not start.isdigit() or len(start) > 9:
        return None
    # Only the one spelling that we give out: decoders skip characters that are not base64, and the version must be ours.
    return int(start) if _cursor(version, int(start)) == cursor.encode("ascii", "replace") else None


def fit_item(item: JSONObject, kind: Kind, revision: Revision) -> JSONObject:
    """One listed object with the fields that the revision knows, in the order given there."""
    fields = {
        Kind.TOOLS: revision.tool_fields,
        Kind.RESOURCES: revision.resource_fields,
        Kind.TEMPLATES: revision.template_fields,
        Kind.PROMPTS: revision.prompt_fields,
    }[kind]
    fitted: JSONObject = {field: item[field] for field in fields if field in item}
    if kind is Kind.TOOLS and revision.structured is Structured.OBJECT and not _is_object(fitted.get("outputSchema")):
        fitted.pop("outputSchema", None)  # clients of these revisions reject the whole list for any other root
    if kind is Kind.PROMPTS and isinstance(arguments := fitted.get("arguments"), list):
        fitted["arguments"] = [_pick(argument, revision.argument_fields) for argument in arguments]
    return fitted


def _is_object(schema: JSON) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object"


def _pick(value: JSON, fields: tuple[str, ...]) -> JSON:
    return {field: value[field] for field in fields if field in value} if isinstance(value, dict) else value
