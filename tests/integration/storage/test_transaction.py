"""Scopes: what is committed, what is undone, who waits for whom, and what a cancelled task leaves behind."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from apifold.core.ids import ServerId
from apifold.storage.engine import Engines, Patience, open_engines
from apifold.storage.faults import DatabaseBusy, DatabaseUnreachable
from apifold.storage.packing import pack
from apifold.storage.snapshots import changed_since, mark_changed, mark_workspace_changed, newest
from apifold.storage.statements import insert_new, page_before, upsert
from apifold.storage.tables.catalog import AccessTokenRow, ServerRow, SpecRow, SpecVersionRow, ToolSettingRow
from apifold.storage.tables.identity import WorkspaceRow
from apifold.storage.tables.usage import CallRow, CounterRow
from apifold.storage.transaction import Database
from support import rows
from support.databases import opened
from support.loops import on_loop

ENDLESS = {
    "sqlite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r",
    "postgresql": "SELECT pg_sleep(600)",
}
IMPATIENT = Patience(connection=0.2, lock=0.2)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(WorkspaceRow.id).order_by(WorkspaceRow.id)))


async def write_and_fail(database: Database) -> None:
    async with database.write() as session:
        await rows.insert(session, WorkspaceRow, rows.workspace("ws_2"))
        raise LookupError


@on_loop
async def test_what_a_scope_wrote_is_there_when_it_ends_and_gone_when_it_fails(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.insert(session, WorkspaceRow, rows.workspace("ws_1"))
        with pytest.raises(LookupError):
            await write_and_fail(database)
        assert await names(database) == ["ws_1"]


@on_loop
async def test_reading_scope_cannot_write(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        with pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
            async with database.read() as session:
                await session.execute(sa.insert(WorkspaceRow), [rows.workspace("ws_1")])
        async with database.write() as session:  # the connection that was used for reading writes again
            await rows.insert(session, WorkspaceRow, rows.workspace("ws_1"))
        assert await names(database) == ["ws_1"]


@on_loop
async def test_reader_keeps_its_view_while_somebody_writes(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        async with database.read() as reader:
            assert await reader.scalar(sa.select(sa.func.count()).select_from(WorkspaceRow)) == 0
            async with database.write() as session:
                await rows.insert(session, WorkspaceRow, rows.workspace("ws_1"))
            assert await reader.scalar(sa.select(sa.func.count()).select_from(WorkspaceRow)) == 0
        assert await names(database) == ["ws_1"]


@on_loop
async def test_writers_that_read_first_lose_nothing(url: str) -> None:
    async def add(database: Database) -> None:
        for _ in range(5):
            async with database.write() as session:
                found = sa.select(CounterRow.calls).where(CounterRow.kind == "day").with_for_update()
                calls = (await session.scalars(found)).one()
                await asyncio.sleep(0)
                await session.execute(sa.update(CounterRow).values(calls=calls + 1))

    async with opened(url) as one, opened(url) as other:  # two processes, as far as the database can tell
        databases = [Database(one), Database(other)]
        async with databases[0].write() as session:
            await rows.insert(session, CounterRow, {"workspace_id": "ws_a", "kind": "day", "start": rows.NOON})
        await asyncio.gather(*(add(database) for database in databases * 4))
        async with databases[0].read() as reader:
            assert await reader.scalar(sa.select(CounterRow.calls)) == 40


@on_loop
async def test_writer_that_waits_too_long_is_told_that_the_database_is_busy(url: str) -> None:
    async with opened(url) as patient, opened(url, patience=IMPATIENT) as hasty:
        async with Database(patient).write() as session:
            await rows.insert(session, CounterRow, {"workspace_id": "ws_a", "kind": "day", "start": rows.NOON})
        async with Database(patient).write() as holder:
            await holder.execute(sa.update(CounterRow).values(calls=1))
            with pytest.raises(DatabaseBusy) as refused:
                async with Database(hasty).write() as session:
                    await session.execute(sa.update(CounterRow).values(calls=2))
            assert refused.value.code == "database.busy"
        async with Database(hasty).write() as session:
            await session.execute(sa.update(CounterRow).values(calls=CounterRow.calls + 1))
        async with Database(hasty).read() as reader:
            assert await reader.scalar(sa.select(CounterRow.calls)) == 2


@pytest.mark.parametrize("moment", ["idle", "statement", "timeout"])
@on_loop
async def test_cancelled_writer_is_gone_at_once_and_leaves_nothing(url: str, moment: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        begun = asyncio.Event()

        async def work() -> None:
            async with database.write() as session:
                await rows.insert(session, WorkspaceRow, rows.workspace("ws_1"))
                asyncio.get_running_loop().call_later(0.1, begun.set)
                if moment == "idle":
                    await asyncio.Event().wait()
                async with asyncio.timeout(0.2 if moment == "timeout" else None):
                    await session.execute(sa.text(ENDLESS[engines.write.dialect.name]))

        task = asyncio.create_task(work())
        await begun.wait()
        started = time.monotonic()
        if moment != "timeout":
            task.cancel()
        with pytest.raises(TimeoutError if moment == "timeout" else asyncio.CancelledError):
            await task
        async with database.write() as session:
            await rows.insert(session, WorkspaceRow, rows.workspace("ws_2"))
        assert time.monotonic() - started < 3
        assert await names(database) == ["ws_2"]


@on_loop
async def test_writer_that_is_cancelled_while_it_waits_for_its_turn_blocks_nobody(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)

        async def wait() -> None:
            async with database.write() as session:
                await session.execute(sa.update(CounterRow).values(calls=2))

        async with database.write() as session:
            await rows.insert(session, CounterRow, {"workspace_id": "ws_a", "kind": "day", "start": rows.NOON})
        async with database.write() as holder:
            await holder.execute(sa.update(CounterRow).values(calls=1))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await wait()
        await wait()


@on_loop
async def test_database_that_is_not_there_is_unreachable() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    engines = open_engines(f"postgresql://nobody@127.0.0.1:{port}/none")
    with pytest.raises(DatabaseUnreachable):
        async with Database(engines).read():
            pass
    await engines.dispose()


@on_loop
async def test_error_of_the_body_stays_what_it_is(url: str) -> None:
    async with opened(url) as engines:
        with pytest.raises(ConnectionResetError):
            async with Database(engines).write():
                raise ConnectionResetError


class Statements:
    """Counts what is sent to the database, BEGIN and COMMIT apart."""

    def __init__(self, engines: Engines) -> None:
        self.seen: list[str] = []
        sa.event.listen(engines.write.sync_engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            self.seen.append(statement.partition("\n")[0][:60])


@on_loop
async def test_spec_of_a_thousand_operations_is_one_transaction_of_a_few_statements(url: str) -> None:
    document = b'{"openapi": "3.1.0"}' * 50_000
    settings = [rows.setting(f"GET /ships/{number}", is_active=number % 2 == 0) for number in range(1_000)]
    async with opened(url) as engines:
        database = Database(engines)
        statements = Statements(engines)
        async with database.write() as session:
            await rows.insert(session, WorkspaceRow, rows.workspace())
            await rows.insert(session, SpecRow, rows.spec())
            packed = pack(document)
            await rows.insert(session, SpecVersionRow, rows.spec_version(raw=packed, raw_bytes=len(document)))
            await rows.insert(session, ServerRow, rows.server(tool_count=1_000, active_tool_count=500))
            await rows.insert(session, ToolSettingRow, *settings)
            await rows.insert(session, AccessTokenRow, rows.token())
            await mark_changed(session, [ServerId("srv_a")])
        assert len(statements.seen) <= 10, statements.seen
        async with database.read() as session:
            assert await session.scalar(sa.select(sa.func.count()).select_from(ToolSettingRow)) == 1_000


@on_loop
async def test_pages_meet_every_row_once_while_new_ones_arrive(url: str) -> None:
    # Three calls to a second, so that pages end between rows of the same moment.
    old = [rows.call(f"call_{number:03}", seconds=number // 3) for number in range(100)]
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.insert(session, CallRow, *old, rows.call("call_other", server_id="srv_b"))
        seen: list[str] = []
        cursor = None
        for page in range(100):
            query = sa.select(CallRow.started_at, CallRow.id).where(CallRow.server_id == "srv_a")
            async with database.read() as reader:
                paged = page_before(query, CallRow.started_at, CallRow.id, cursor=cursor, limit=7)
                found = [(moment, name) for moment, name in await reader.execute(paged)]
            async with database.write() as session:
                await rows.insert(session, CallRow, rows.call(f"call_new{page}", seconds=1_000 + page))
            seen += [name for _, name in found[:7]]
            if len(found) <= 7:
                break
            cursor = found[6]
        assert seen == sorted((str(row["id"]) for row in old), reverse=True)


@on_loop
async def test_calls_that_arrive_again_are_not_counted_again(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        key = {"workspace_id": "ws_a", "kind": "month", "start": rows.NOON}
        for batch in (["call_1", "call_2"], ["call_2", "call_3"], ["call_3"]):
            async with database.write() as session:
                insert = insert_new(session, CallRow, key=("id",)).returning(CallRow.id)
                new = (await session.scalars(insert, [rows.call(name) for name in batch])).all()
                raised = upsert(session, CounterRow, key=("workspace_id", "kind", "start"), add=("calls",))
                await session.execute(raised, [key | {"calls": len(new)}])
        async with database.read() as reader:
            assert await reader.scalar(sa.select(CounterRow.calls)) == 3
            assert await reader.scalar(sa.select(sa.func.count()).select_from(CallRow)) == 3


@on_loop
async def test_changes_are_seen_in_order_each_once_and_deleted_servers_too(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.harbour(session)
            await rows.insert(session, ServerRow, rows.server("srv_2"))
        async with database.write() as session:
            assert await mark_changed(session, [ServerId("srv_a")]) == 1
        async with database.write() as session:
            assert await mark_workspace_changed(session, "ws_a") == 2
        async with database.read() as reader:
            assert await newest(reader) == 2
            assert set(await changed_since(reader, 0)) == {("srv_a", 2), ("srv_2", 2)}
        async with database.write() as session:
            assert await mark_changed(session, [ServerId("srv_2")]) == 3
            await session.execute(sa.delete(ServerRow).where(ServerRow.id == "srv_2"))
        async with database.read() as reader:
            assert await changed_since(reader, 2) == (("srv_2", 3),)
            assert await changed_since(reader, 3) == ()


@on_loop
async def test_version_is_never_seen_before_a_smaller_one(url: str) -> None:
    async def change(database: Database, server: str) -> None:
        for _ in range(5):
            async with database.write() as session:
                await mark_changed(session, [ServerId(server)])

    async with opened(url) as one, opened(url) as other:
        versions: list[int] = []
        changes = asyncio.gather(*(change(Database(engines), name) for engines in (one, other) for name in ("a", "b")))
        while not changes.done():
            async with Database(one).read() as reader:
                known = await newest(reader)
                versions.append(max((number for _, number in await changed_since(reader, 0)), default=0))
                assert versions[-1] == known
        await changes
        assert versions == sorted(versions)
        async with Database(one).read() as reader:
            assert await newest(reader) == 20
