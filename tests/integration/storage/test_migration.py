"""From nothing to the schema of this program, on both databases, and never by half."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from apifold.core.errors import AppError
from apifold.storage.engine import Engines
from apifold.storage.migration import SchemaTooNew, check_schema, migrate
from apifold.storage.tables import METADATA
from apifold.storage.types import Row
from support.databases import Databases, opened
from support.loops import on_loop

REVISIONS = ("0001", "0002", "0003")


@pytest.fixture
def empty(databases: Databases) -> str:
    return databases.empty()


def plain(value: object) -> object:
    """What is written instead of types and expressions, which are equal to nothing."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in sorted(value.items())}
    return str(value) if isinstance(value, sa.ClauseElement | sa.types.TypeEngine) else value


async def described(engines: Engines) -> dict[str, object]:
    """All that the database says of its tables, the version of its schema apart."""

    def describe(connection: sa.Connection) -> dict[str, object]:
        inspector = sa.inspect(connection)
        return {
            name: {
                "columns": sorted(repr(plain(column)) for column in inspector.get_columns(name)),
                "primary key": inspector.get_pk_constraint(name),
                "foreign keys": sorted(repr(plain(key)) for key in inspector.get_foreign_keys(name)),
                "unique": sorted(repr(plain(unique)) for unique in inspector.get_unique_constraints(name)),
                "checks": sorted(repr(plain(check)) for check in inspector.get_check_constraints(name)),
                "indexes": sorted(repr(plain(index)) for index in inspector.get_indexes(name)),
            }
            for name in inspector.get_table_names()
            if name != "alembic_version"
        }

    async with engines.write.connect() as connection:
        return await connection.run_sync(describe)


@on_loop
async def test_empty_database_is_brought_to_the_newest_schema_and_then_left_alone(empty: str) -> None:
    async with opened(empty) as engines:
        assert await migrate(engines) == REVISIONS
        await check_schema(engines)
        before = await described(engines)
        assert set(before) == set(METADATA.tables)
        assert await migrate(engines) == ()
        assert await described(engines) == before


@on_loop
async def test_migrations_and_tables_say_the_same(url: str) -> None:
    def compare(connection: sa.Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    async with opened(url) as engines, engines.write.connect() as connection:
        assert await connection.run_sync(compare) == []


@on_loop
async def test_migrations_make_what_the_tables_would_make_checks_and_all(databases: Databases) -> None:
    # The comparison above does not see CHECK constraints, nor what an index leaves out.
    async with (
        opened(await asyncio.to_thread(databases.empty)) as made,
        opened(await asyncio.to_thread(databases.empty)) as migrated,
    ):
        async with made.write.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        await migrate(migrated)
        expected, found = await described(made), await described(migrated)
        assert found == expected
        assert "ck_servers_auth_mode" in str(found["servers"])


@on_loop
async def test_programs_that_start_together_migrate_once(empty: str) -> None:
    async with opened(empty) as one, opened(empty) as other:
        applied = await asyncio.gather(migrate(one), migrate(other))
    assert sorted(applied) == [(), REVISIONS]


@on_loop
async def test_older_program_refuses_a_newer_schema_and_changes_nothing(url: str) -> None:
    async with opened(url) as engines:
        async with engines.write.begin() as connection:
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        for attempt in (migrate, check_schema):
            with pytest.raises(SchemaTooNew) as refused:
                await attempt(engines)
            assert refused.value.code == "database.newer"
        async with engines.read.connect() as connection:
            assert (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar() == "9999"


@on_loop
async def test_program_does_not_work_with_a_database_that_was_not_migrated(empty: str) -> None:
    async with opened(empty) as engines:
        if engines.file is not None:
            await asyncio.to_thread(engines.file.touch)
        with pytest.raises(AppError) as refused:
            await check_schema(engines)
        assert refused.value.code == "database.old"


@on_loop
async def test_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    async with opened(empty) as engines:
        async with engines.write.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE call_logs (id INTEGER)")  # stands in the last one's way
        before = await described(engines)
        with pytest.raises(sa.exc.DBAPIError, match="already exists"):
            await migrate(engines)
        assert await described(engines) == before
        async with engines.write.begin() as connection:
            await connection.exec_driver_sql("DROP TABLE call_logs")
        assert await migrate(engines) == REVISIONS


@on_loop
async def test_connection_that_migrated_enforces_foreign_keys_again(empty: str) -> None:
    async with opened(empty) as engines:
        await migrate(engines)
        with pytest.raises(sa.exc.IntegrityError):
            async with engines.write.begin() as connection:
                await connection.exec_driver_sql(
                    "INSERT INTO budgets (workspace_id, updated_at) VALUES ('x', '2026-01-01')"
                )


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("*before*"))


@on_loop
async def test_sqlite_file_is_for_its_owner_and_copied_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    async with opened(f"sqlite:///{file}") as engines:
        await migrate(engines)
        assert file.stat().st_mode & 0o777 == 0o600
        assert copies(tmp_path) == [], "there was nothing to copy"
        async with engines.write.begin() as connection:
            await connection.exec_driver_sql("INSERT INTO workspaces VALUES ('ws_1', 'mine', '2026-01-01')")
            for table in ("call_logs", "call_rollups", "call_counters", "budgets"):
                await connection.exec_driver_sql(f"DROP TABLE {table}")
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
        assert await migrate(engines) == ("0003",)
    copy = tmp_path / "a.db.before-0003"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copies(tmp_path) == [copy]
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        assert database.execute("SELECT id FROM workspaces").fetchall() == [("ws_1",)]


def test_no_table_loads_rows_behind_anybodys_back() -> None:
    lazy = {
        (mapper.class_.__name__, relationship.key)
        for mapper in Row.registry.mappers
        for relationship in mapper.relationships
        if relationship.lazy != "raise"
    }
    assert lazy == set()


UNOWNED = frozenset(
    {
        "workspaces",
        "users",
        "identities",
        "one_time_links",
        "compilations",
        "vault_keys",
        "snapshot_clock",
        "snapshot_versions",
    }
)
"""Tables whose rows belong to the instance or to a person, not to a workspace."""


def test_every_owned_row_says_which_workspace_it_belongs_to() -> None:
    without = {
        name
        for name, table in METADATA.tables.items()
        if "workspace_id" not in table.columns or table.columns["workspace_id"].nullable
    }
    assert without == UNOWNED
