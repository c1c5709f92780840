"""The specification's own tables of `style` by `explode` by location (3.0.4, 3.1.1, 3.2.0): every row is a test."""

from functools import cache
from typing import Any

import msgspec
import pytest

from apifold.core.openapi.model import Style
from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from support.corpus import CORPUS, available, needs_corpus
from support.plans import parameter, plan

pytestmark = [pytest.mark.corpus, needs_corpus()]


class Row(msgspec.Struct, frozen=True):
    id: str
    location: str = msgspec.field(name="in")
    style: Style
    explode: bool
    kind: str
    value: Any
    expect: str


class Table(msgspec.Struct, frozen=True):
    cases: list[Row] = []
    swagger2_collectionFormat: dict[str, Any] = {}  # noqa: N815 - the file's own name


@cache
def table() -> Table:
    if not available():
        return Table()
    return msgspec.json.decode((CORPUS / "style_table.json").read_bytes(), type=Table)


def written(row: Row) -> str | None:
    """What stands in the place of the parameter in the built request; `None` when nothing does."""
    template = "/{color}" if row.location == "path" else "/things"
    built = build_request(
        plan("GET", template, parameter("color", row.location, style=row.style, explode=row.explode)),
        {"color": row.value},
    )
    if row.location == "path":
        return built.target.removeprefix("/v1/")
    if row.location == "query":
        return built.target.partition("?")[2] or None
    name = "color" if row.location == "header" else "Cookie"
    return dict(built.headers).get(name)


def expected(row: Row) -> str | None:
    """The row, but for what is decided otherwise and why.

    - `undefined` is left out of query, header and cookie: RFC 6570 3.2.1 ignores undefined variables, and a name
      with nothing behind it is the empty string, which is another value.
    - The `&` of the exploded cookie rows is never right in a Cookie header (3.2, Appendix D, and the note of the
      table): pairs are separated by `; ` (RFC 6265 4.2.1).
    """
    if row.kind == "undefined":
        return None
    return row.expect.replace("&", "; ") if row.location == "cookie" else row.expect


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in table().cases])
def test_row_of_the_style_table_is_written_as_printed(row: Row) -> None:
    if row.kind == "undefined" and row.location == "path":
        with pytest.raises(InvalidArguments, match="/color: is required"):
            written(row)
        return
    assert written(row) == expected(row)


def test_the_table_is_whole() -> None:
    assert len(table().cases) == 167


@pytest.mark.parametrize(
    ("collection_format", "style", "explode"),
    [
        ("csv", Style.FORM, False),
        ("ssv", Style.SPACE_DELIMITED, False),
        ("tsv", Style.TAB_DELIMITED, False),
        ("pipes", Style.PIPE_DELIMITED, False),
        ("multi", Style.FORM, True),
    ],
)
def test_collection_format_of_swagger_2_is_written_as_printed(
    collection_format: str, style: Style, explode: bool
) -> None:
    formats = table().swagger2_collectionFormat
    row = Row("", "query", style, explode, "array", formats["values"], formats[collection_format].split(" ")[0])
    assert written(row) == row.expect
