"""What makes answers repeatable and changes visible: idempotency keys, and the versions that every process watches."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from apifold.storage.types import Owned, Row


class IdempotencyRow(Owned, Row):
    """The first answer to an `Idempotency-Key`. Without an answer yet, the first request is still under way."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (sa.CheckConstraint("(answer IS NULL) = (answer_key_id IS NULL)", name="answer_has_key"),)

    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    """SHA-256 of method, path and body."""
    answer: Mapped[bytes | None]
    """Sealed: an answer may show a token once."""
    answer_key_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vault_keys.id"), index=True)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class SnapshotClockRow(Row):
    """One row. Whoever changes a server raises it in the same transaction and so waits for whoever is before: versions
    become visible in the order of their numbers, and a reader of the newest has missed none.
    """

    __tablename__ = "snapshot_clock"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class SnapshotVersionRow(Row):
    """When a server last changed. It stays when the server goes, so that every process hears of it."""

    __tablename__ = "snapshot_versions"

    server_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(index=True)
