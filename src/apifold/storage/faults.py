"""What a database refuses, in our words: one table for both dialects, so that no caller reads a driver's error."""

import enum
import re

import msgspec
import sqlalchemy.exc

from apifold.core.errors import AppError, ErrorCategory

_STATES = {
    "23505": "unique",
    "23503": "foreign_key",
    "23514": "check",
    "23502": "not_null",
}
_SQLITE_NAMES = {
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
}
_BUSY_STATES = frozenset({"55P03", "57014", "40001", "40P01", "53300"})
"""PostgreSQL's lock not available, query cancelled, serialization failure, deadlock, too many connections."""
_BUSY_NAMES = frozenset(
    {"SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_TIMEOUT", "SQLITE_LOCKED", "SQLITE_INTERRUPT"}
)
_COLUMN = re.compile(r"(\w+)\.(\w+)")


class ViolationKind(enum.StrEnum):
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign_key"
    CHECK = "check"
    NOT_NULL = "not_null"
    OTHER = "other"


class Violation(msgspec.Struct, frozen=True):
    """Which rule of the schema a statement broke."""

    kind: ViolationKind
    constraint: str = ""
    """Its name. SQLite does not tell that of a foreign key or of a primary key, and PostgreSQL has none for NOT NULL."""


class DatabaseBusy(AppError):
    """Somebody else held what was needed for longer than we wait, or the statement took too long."""

    category = ErrorCategory.UNAVAILABLE


class DatabaseUnreachable(AppError):
    category = ErrorCategory.UNAVAILABLE


def violation(error: sqlalchemy.exc.IntegrityError) -> Violation:
    """What an `IntegrityError` means: `violation(error).constraint == "uq_servers_workspace_id_slug"`."""
    state = _state(error)
    if state:
        cause = error.orig.__cause__ if error.orig is not None else None
        return Violation(ViolationKind(_STATES.get(state, "other")), getattr(cause, "constraint_name", None) or "")
    kind = ViolationKind(_SQLITE_NAMES.get(_sqlite_name(error), "other"))
    told = str(error.orig).partition(": ")[2]
    columns = _COLUMN.findall(told)
    if kind is ViolationKind.UNIQUE and columns:
        # SQLite tells the columns and not the name; ours are made of the columns.
        return Violation(kind, "_".join(("uq", columns[0][0], *(column for _, column in columns))))
    return Violation(kind, told if kind is ViolationKind.CHECK else "")


def translated(error: Exception) -> AppError | None:
    """The refusal that an error of a database or of its pool stands for, or nothing when it is a fault of ours."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return DatabaseBusy("database.busy", "The database is busy: no connection became free in time.")
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return None
    if _state(error) in _BUSY_STATES or _sqlite_name(error) in _BUSY_NAMES:
        return DatabaseBusy("database.busy", "The database is busy: it did not answer in time.")
    if error.connection_invalidated or _state(error)[:2] in {"08", "57"}:
        return unreachable()
    return None


def unreachable() -> DatabaseUnreachable:
    return DatabaseUnreachable("database.unreachable", "The database cannot be reached.")


def _state(error: sqlalchemy.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _sqlite_name(error: sqlalchemy.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlite_errorname", None) or ""
