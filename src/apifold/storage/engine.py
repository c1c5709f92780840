"""Connections to SQLite and PostgreSQL: how they are opened, how long they wait, and what happens when a task that
waits for one is cancelled. Nothing above this module asks which of the two it speaks to.
"""

from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from apifold.core.errors import AppError, ErrorCategory


class Patience(msgspec.Struct, frozen=True):
    """How long, in seconds, is waited for the database before a request is refused as busy."""

    connection: float = 5.0
    """For a free connection of the pool; on SQLite that is how long writers queue for one another."""
    lock: float = 5.0
    statement: float = 10.0
    """PostgreSQL ends a statement that takes longer. SQLite has no such limit; cancelling the task ends it."""
    idle: float = 30.0
    """PostgreSQL ends a transaction that does nothing for so long."""


class Engines(msgspec.Struct, frozen=True):
    """Two ways in: `read` cannot change anything, `write` can. On PostgreSQL they share one pool."""

    read: AsyncEngine
    write: AsyncEngine
    file: Path | None
    """Where SQLite keeps it; nothing for PostgreSQL."""

    async def dispose(self) -> None:
        await self.read.dispose()
        await self.write.dispose()


def open_engines(url: str, *, pool: int = 10, patience: Patience | None = None) -> Engines:
    """Engines for `sqlite:///file` or `postgresql://…`. Nothing is connected yet."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise _unusable("it is not a URL") from error
    waits = patience or Patience()
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, pool, waits)
        case "postgresql":
            return _postgresql(parsed, pool, waits)
        case other:
            raise _unusable(f"{other} is not a database we know")


def _unusable(reason: str) -> AppError:
    return AppError(
        "database.url",
        f"The database URL cannot be used: {reason}.",
        category=ErrorCategory.INVALID,
        hint="For example: sqlite:///apifold.db or postgresql://user@host/name",
    )


def _sqlite(url: sa.URL, pool: int, patience: Patience) -> Engines:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        # A database in memory is one per connection; readers and writers would not meet.
        raise _unusable("SQLite needs a file")
    target = sa.URL.create("sqlite+aiosqlite", database=url.database)
    arguments = {"timeout": patience.lock}
    # One connection writes: SQLite admits one writer at a time, and a queue in the process is fair where its own
    # waiting, which tries again and again, is not. The file's lock is left for other processes.
    write = create_async_engine(
        target, pool_size=1, max_overflow=0, pool_timeout=patience.connection, connect_args=arguments
    )
    read = create_async_engine(
        target, pool_size=pool, max_overflow=0, pool_timeout=patience.connection, connect_args=arguments
    )
    _prepare_sqlite(write, "IMMEDIATE", ())
    _prepare_sqlite(read, "DEFERRED", ("query_only=ON",))
    return Engines(read=read, write=write, file=Path(url.database))


def _prepare_sqlite(engine: AsyncEngine, mode: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the module's own BEGIN comes too late for a consistent read
        cursor = connection.cursor()
        # With NORMAL a loss of power can lose the last transactions, never damage the file; a crash of ours loses none.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A deferred transaction that reads first and then writes fails at once when somebody wrote in between, however
        # long it may wait; an immediate one waits its turn.
        connection.exec_driver_sql(f"BEGIN {mode}")

    @event.listens_for(engine.sync_engine, "invalidate")
    def invalidated(connection: Any, _entry: ConnectionPoolEntry, _error: BaseException | None) -> None:
        # Cancelling a task does not end the statement it waits for: aiosqlite runs it in a thread, and until its cursor
        # is collected the file stays locked. aiosqlite has no public way to do both at once, hence the private names.
        worker = connection._connection  # noqa: SLF001 -- see above
        raw = worker._connection  # noqa: SLF001 -- see above
        if raw is not None:
            raw.interrupt()
            worker._tx.put_nowait((None, raw.rollback))  # noqa: SLF001 -- see above


def _postgresql(url: sa.URL, pool: int, patience: Patience) -> Engines:
    milliseconds = {
        "statement_timeout": patience.statement,
        "lock_timeout": patience.lock,
        "idle_in_transaction_session_timeout": patience.idle,
    }
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=patience.connection,
        connect_args={
            "timeout": patience.connection,
            # The server's limit answers first; this one is for a server that answers nothing any more.
            "command_timeout": patience.statement + 5,
            "server_settings": {
                **{name: str(round(seconds * 1000)) for name, seconds in milliseconds.items()},
                "application_name": "apifold",
                "jit": "off",  # our statements are short: compiling them costs more than they do
            },
        },
    )
    # One view of everything for as long as a reader reads, as SQLite gives it.
    read = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(read=read, write=engine, file=None)
