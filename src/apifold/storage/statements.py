"""Statements that the two dialects write differently, and the pages that lists are read in."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from apifold.storage.transaction import WriteSession
from apifold.storage.types import Row

# The two classes have these methods in common, but no type that says so.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(
    session: WriteSession,
    table: type[Row],
    *,
    key: Sequence[str],
    replace: Sequence[str] = (),
    add: Sequence[str] = (),
) -> Any:
    """Insert, or change the row with the same `key`: columns to `replace`, and columns whose new value is to `add`."""
    statement = _INSERTS[session.get_bind().dialect.name](table)
    excluded = statement.excluded
    columns = table.__table__.c
    changes = {name: excluded[name] for name in replace} | {name: columns[name] + excluded[name] for name in add}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changes)


def insert_new(session: WriteSession, table: type[Row], *, key: Sequence[str]) -> Any:
    """Insert the rows that are not there yet. With `.returning(…)` it tells which ones those were."""
    return _INSERTS[session.get_bind().dialect.name](table).on_conflict_do_nothing(index_elements=list(key))


def page_before(
    statement: sa.Select[*tuple[Any, ...]],
    moment: InstrumentedAttribute[Any],
    identifier: InstrumentedAttribute[str],
    *,
    cursor: tuple[Any, str] | None,
    limit: int,
) -> sa.Select[*tuple[Any, ...]]:
    """Newest first, after the row that `cursor` names, one row more than `limit`: its presence says there is more.

    A row that is inserted meanwhile can come before the cursor or after it, but never moves another to a second page.
    """
    ordered = statement.order_by(moment.desc(), identifier.desc()).limit(limit + 1)
    if cursor is None:
        return ordered
    after = sa.tuple_(sa.literal(cursor[0], moment.type), sa.literal(cursor[1], identifier.type))
    return ordered.where(sa.tuple_(moment, identifier) < after)
