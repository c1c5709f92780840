"""Column types that mean the same on SQLite and PostgreSQL, and the class that every table derives from.

Texts have no length in the database: SQLite would not enforce one, and a bound that holds on one of two databases is
worse than none. Services bound what they accept.
"""

import datetime as dt
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_WORDS = re.compile(r"[a-z0-9_.]+")


class UTC(sa.TypeDecorator[dt.datetime]):
    """A moment. SQLite forgets time zones, so what goes in must have one, and what comes out is UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, _dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


# PostgreSQL would order texts by the rules of the database's language; ids and cursors are ordered by their bytes.
Text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

# SQLAlchemy resolves the annotations of columns and would need the recursive alias of `core.values` in every module.
JsonObject: TypeAlias = dict[str, Any]
JsonArray: TypeAlias = list[Any]


class Row(DeclarativeBase):
    """The class of every table. No table has relationships: what is read is written where it is read, as a statement,
    and nothing is loaded behind anybody's back.
    """

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it once, when classes are made
        str: Text,
        int: sa.BigInteger(),
        bytes: sa.LargeBinary(),
        dt.datetime: UTC(),
        dt.date: sa.Date(),
    }


class Owned:
    """A row that belongs to a workspace and goes with it. Every query of such a table starts from the workspace."""

    @declared_attr
    @classmethod
    def workspace_id(cls) -> Mapped[str]:
        return mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))


def is_one_of(column: str, words: type[StrEnum] | Iterable[str]) -> sa.CheckConstraint:
    """A closed set of words, kept by the database too."""
    listed = [str(word) for word in words]
    if not all(_WORDS.fullmatch(word) for word in listed):
        raise ValueError("a word of a closed set is lower case letters, digits, points and underscores")
    quoted = ", ".join(f"'{word}'" for word in listed)
    return sa.CheckConstraint(f"{column} IN ({quoted})", name=column)


def moment(seconds: float) -> dt.datetime:
    """What a `Clock` says, as it is stored."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
