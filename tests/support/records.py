"""Records of calls, and a database to put them in: the standard library's SQLite, so that its transactions are real."""

import sqlite3
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from apifold.core.record import CallKind, CallRecord


def make_record(call_id: str = "call_1", *, started_at: float = 1_000.0, client_name: str = "claude") -> CallRecord:
    return CallRecord(
        call_id=call_id,
        parent_id="",
        kind=CallKind.CALL,
        billable=True,
        operation="GET /pets/{petId}",
        tool="get_pet",
        method="GET",
        path="/pets/{petId}",
        client_name=client_name,
        client_version="1.2.3",
        era="2025-06-18",
        subject="tok_0123456789abcdef",
        status=200,
        is_error=False,
        error_code="",
        refusal="",
        repairs=(),
        attempts=1,
        request_bytes=210,
        response_bytes=1024,
        result_bytes=1100,
        started_at=started_at,
        duration=0.0125,
        upstream=0.011,
        queued=0.0,
        workspace="ws_1",
        server="srv_1",
    )


class SqliteRecords:
    """A `RecordStore` with a counter that rises by rows really inserted, in the same transaction."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS calls (id TEXT PRIMARY KEY)")
        self._database.execute("CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY, calls INTEGER)")
        self._database.execute("INSERT OR IGNORE INTO counter VALUES (1, 0)")

    async def insert(self, records: Sequence[CallRecord]) -> AbstractSet[str]:
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        new = {
            record.call_id
            for record in records
            if run("INSERT OR IGNORE INTO calls VALUES (?)", (record.call_id,)).rowcount
        }
        run("UPDATE counter SET calls = calls + ?", (len(new),))
        run("COMMIT")
        return new

    @property
    def ids(self) -> list[str]:
        return [identifier for (identifier,) in self._database.execute("SELECT id FROM calls ORDER BY rowid")]

    @property
    def counted(self) -> int:
        (calls,) = self._database.execute("SELECT calls FROM counter").fetchone()
        return int(calls)

    def close(self) -> None:
        self._database.close()
