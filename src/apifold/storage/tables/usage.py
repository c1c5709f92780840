"""What was called: one row per call, and the sums that pages, limits and bills read.

Calls arrive in batches, late or again, out of a journal; a server or a workspace may be gone by then. These rows refer
to nothing, so that one of them cannot make a batch fail: whoever deletes a workspace deletes them too.
"""

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from apifold.core.record import CallKind
from apifold.storage.types import Json, JsonObject, Owned, Row, is_one_of


class CounterKind(StrEnum):
    """Over what a counter counts: a UTC day, a UTC month, or a period that is billed."""

    DAY = "day"
    MONTH = "month"
    PERIOD = "period"


LATENCY_BOUNDS_MS = (25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
"""Upper bounds, inclusive, of `RollupRow.under_25` to `under_10000`; what is slower counts in `over`."""


class CallRow(Row):
    """One call, in the words of `core.record.CallRecord`."""

    __tablename__ = "call_logs"
    __table_args__ = (
        sa.Index(None, "server_id", "started_at", "id"),
        sa.Index(None, "workspace_id", "started_at"),
        is_one_of("kind", CallKind),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    """`CallRecord.call_id`: a call that arrives twice is stored once."""
    workspace_id: Mapped[str]
    server_id: Mapped[str]
    parent_id: Mapped[str] = mapped_column(default="")
    kind: Mapped[str]
    billable: Mapped[bool]
    started_at: Mapped[dt.datetime]
    operation: Mapped[str]
    tool: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    client_name: Mapped[str] = mapped_column(default="")
    client_version: Mapped[str] = mapped_column(default="")
    era: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    token_label: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str] = mapped_column(default="")
    status: Mapped[int] = mapped_column(default=0)
    is_error: Mapped[bool]
    error_code: Mapped[str] = mapped_column(default="")
    refusal: Mapped[str] = mapped_column(default="")
    repairs: Mapped[list[str]] = mapped_column(Json, default=list)
    attempts: Mapped[int] = mapped_column(default=0)
    request_bytes: Mapped[int] = mapped_column(default=0)
    response_bytes: Mapped[int] = mapped_column(default=0)
    result_bytes: Mapped[int] = mapped_column(default=0)
    duration_us: Mapped[int]
    upstream_us: Mapped[int] = mapped_column(default=0)
    queued_us: Mapped[int] = mapped_column(default=0)
    captured: Mapped[JsonObject | None] = mapped_column(Json)
    """Arguments and bodies, redacted and cut; only of servers that ask for it."""


class RollupRow(Row):
    """The calls of one hour of one server, tool, client and class of status. Columns and not JSON: they are added to."""

    __tablename__ = "call_rollups"
    __table_args__ = (sa.Index(None, "workspace_id", "hour"), sa.Index(None, "hour"))

    server_id: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[dt.datetime] = mapped_column(primary_key=True)
    tool_id: Mapped[str] = mapped_column(primary_key=True)
    client_name: Mapped[str] = mapped_column(primary_key=True)
    status_class: Mapped[str] = mapped_column(primary_key=True)
    """`2xx` to `5xx`, `none` without an answer, `refused`."""
    workspace_id: Mapped[str]
    operation: Mapped[str]
    calls: Mapped[int] = mapped_column(default=0)
    billable: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    duration_us: Mapped[int] = mapped_column(default=0)
    upstream_us: Mapped[int] = mapped_column(default=0)
    request_bytes: Mapped[int] = mapped_column(default=0)
    response_bytes: Mapped[int] = mapped_column(default=0)
    under_25: Mapped[int] = mapped_column(default=0)
    under_50: Mapped[int] = mapped_column(default=0)
    under_100: Mapped[int] = mapped_column(default=0)
    under_250: Mapped[int] = mapped_column(default=0)
    under_500: Mapped[int] = mapped_column(default=0)
    under_1000: Mapped[int] = mapped_column(default=0)
    under_2500: Mapped[int] = mapped_column(default=0)
    under_5000: Mapped[int] = mapped_column(default=0)
    under_10000: Mapped[int] = mapped_column(default=0)
    over: Mapped[int] = mapped_column(default=0)


class CounterRow(Row):
    """How many calls of a workspace count, so that a limit is one row read. It rises by rows really inserted."""

    __tablename__ = "call_counters"
    __table_args__ = (is_one_of("kind", CounterKind), sa.CheckConstraint("calls >= 0", name="calls"))

    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[dt.datetime] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
    """Billable ones."""
    refused: Mapped[int] = mapped_column(default=0)
    """Refused ones, those that have no row in the log included."""


class BudgetRow(Owned, Row):
    """The most that a workspace pays beyond its plan, a month."""

    __tablename__ = "budgets"
    __table_args__ = (sa.CheckConstraint("cap_cents BETWEEN 0 AND 1000000", name="cap_cents"),)

    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    cap_cents: Mapped[int | None]
    """Euro cents; nothing is no cap."""
    updated_at: Mapped[dt.datetime]
