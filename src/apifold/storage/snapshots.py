"""Which servers changed: versions that rise with every change and are watched by every process, each second."""

from collections.abc import Collection

import sqlalchemy as sa

from apifold.core.ids import ServerId
from apifold.storage.statements import upsert
from apifold.storage.tables.catalog import ServerRow
from apifold.storage.tables.delivery import SnapshotClockRow, SnapshotVersionRow
from apifold.storage.transaction import ReadSession, WriteSession


async def newest(session: ReadSession) -> int:
    """The version to compare with: one row by its key."""
    return await session.scalar(sa.select(SnapshotClockRow.version).where(SnapshotClockRow.id == 1)) or 0


async def changed_since(session: ReadSession, version: int) -> tuple[tuple[ServerId, int], ...]:
    """Servers that changed after `version`, in the order of their changes, those that are gone included."""
    columns = sa.select(SnapshotVersionRow.server_id, SnapshotVersionRow.version)
    rows = await session.execute(
        columns.where(SnapshotVersionRow.version > version).order_by(SnapshotVersionRow.version)
    )
    return tuple((ServerId(server), number) for server, number in rows)


async def mark_changed(session: WriteSession, servers: Collection[ServerId]) -> int:
    """Say that these servers changed, in the transaction that changes them. Do it last: it makes other writers wait."""
    version = await _next(session)
    if servers:
        rows = [{"server_id": server, "version": version} for server in sorted(set(servers))]
        await session.execute(upsert(session, SnapshotVersionRow, key=("server_id",), replace=("version",)), rows)
    return version


async def mark_workspace_changed(session: WriteSession, workspace: str) -> int:
    """The same for every server of a workspace, for what holds for all of them: a person who was deactivated, a cap."""
    servers = await session.scalars(sa.select(ServerRow.id).where(ServerRow.workspace_id == workspace))
    return await mark_changed(session, [ServerId(server) for server in servers])


async def _next(session: WriteSession) -> int:
    raised = sa.update(SnapshotClockRow).where(SnapshotClockRow.id == 1).values(version=SnapshotClockRow.version + 1)
    return (await session.scalars(raised.returning(SnapshotClockRow.version))).one()
