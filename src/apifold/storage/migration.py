"""Bringing a database to the schema of this program, in one transaction, whatever starts at the same time.

An older program refuses a newer schema; a SQLite file is copied before anything is changed.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from apifold.core.errors import AppError, ErrorCategory
from apifold.storage.engine import Engines
from apifold.storage.faults import unreachable

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x6170_6966_6F6C_64
"""The advisory lock of PostgreSQL that one migrating process holds: "apifold"."""
_LOCK_SECONDS = 60
_STATEMENT_SECONDS = 600


class SchemaTooNew(AppError):
    """The database was migrated by a newer program."""

    category = ErrorCategory.UNAVAILABLE


class MigrationDamaged(AppError):
    """A migration left rows that refer to nothing; it was undone."""


async def migrate(engines: Engines) -> tuple[str, ...]:
    """Apply what is missing; the revisions that were applied, oldest first. Nothing is applied by half."""
    scripts = ScriptDirectory(str(_SCRIPTS))
    try:
        if engines.file is not None and not engines.file.exists():
            # What is kept is for its owner alone; SQLite would let everybody read it.
            os.close(os.open(engines.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        async with engines.write.connect() as connection:
            if engines.file is None:
                return await _migrate_postgresql(connection, scripts)
            return await _migrate_sqlite(connection, scripts, engines.file)
    except OSError as error:
        raise unreachable() from error


async def check_schema(engines: Engines) -> None:
    """Refuse to work with a database that is not at the schema of this program."""
    scripts = ScriptDirectory(str(_SCRIPTS))
    async with engines.read.connect() as connection:
        present = await connection.run_sync(_present, scripts)
    if present != scripts.get_current_head():
        raise AppError(
            "database.old",
            f"The database's schema ({present or 'none'}) is older than this program.",
            category=ErrorCategory.UNAVAILABLE,
            hint="Migrate it first.",
        )


async def _migrate_postgresql(connection: AsyncConnection, scripts: ScriptDirectory) -> tuple[str, ...]:
    async with connection.begin():
        await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
        await connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'")
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # Whoever had the lock before may have done the work: only now is it worth looking. A table that somebody else
        # uses must not make everybody behind us wait for long.
        await connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        if await connection.run_sync(_present, scripts) == scripts.get_current_head():
            return ()
        return await connection.run_sync(_apply, scripts)


async def _migrate_sqlite(connection: AsyncConnection, scripts: ScriptDirectory, file: Path) -> tuple[str, ...]:
    # Changing a table means copying it and dropping the old one, which would take the rows that refer to it along.
    # The setting cannot be changed inside a transaction, so it goes to the driver, before SQLAlchemy begins one.
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.execute("PRAGMA foreign_keys=OFF")
    try:
        async with connection.begin():
            present = await connection.run_sync(_present, scripts)
            if present == scripts.get_current_head():
                return ()
            if present is not None:
                await asyncio.to_thread(_copy, file, file.with_name(f"{file.name}.before-{scripts.get_current_head()}"))
            applied = await connection.run_sync(_apply, scripts)
            if (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first() is not None:
                raise MigrationDamaged("database.damaged", "The migration would leave rows that refer to nothing.")
            return applied
    finally:
        await driver.execute("PRAGMA foreign_keys=ON")


def _present(connection: sa.Connection, scripts: ScriptDirectory) -> str | None:
    """The revision that the database is at; nothing for an empty one."""
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(
            "database.newer",
            f"The database's schema ({present}) is newer than this program.",
            hint="Start the newer program, or restore the backup that was made before it migrated.",
        )
    return present


def _apply(connection: sa.Connection, scripts: ScriptDirectory) -> tuple[str, ...]:
    present = MigrationContext.configure(connection).get_current_revision()
    missing = list(scripts.iterate_revisions("head", present, implicit_base=True))[::-1]

    def steps(_revision: object, _context: MigrationContext) -> list[RevisionStep]:
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in missing]

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
        environment.run_migrations()
    return tuple(script.revision for script in missing)


def _copy(file: Path, target: Path) -> None:
    """A whole copy for its owner alone, through SQLite: beside the file there is its log, which a copy of bytes misses."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(unfinished)) as copy:
        source.backup(copy)
    unfinished.replace(target)
