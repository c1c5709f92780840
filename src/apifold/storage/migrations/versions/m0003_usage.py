"""Calls, their sums, and the budget."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
UTC = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "call_logs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("parent_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("billable", sa.Boolean(), nullable=False),
        sa.Column("started_at", UTC, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("tool", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("client_name", TEXT, nullable=False),
        sa.Column("client_version", TEXT, nullable=False),
        sa.Column("era", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("token_label", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("is_error", sa.Boolean(), nullable=False),
        sa.Column("error_code", TEXT, nullable=False),
        sa.Column("refusal", TEXT, nullable=False),
        sa.Column("repairs", JSON, nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("request_bytes", sa.BigInteger(), nullable=False),
        sa.Column("response_bytes", sa.BigInteger(), nullable=False),
        sa.Column("result_bytes", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("upstream_us", sa.BigInteger(), nullable=False),
        sa.Column("queued_us", sa.BigInteger(), nullable=False),
        sa.Column("captured", JSON, nullable=True),
        sa.CheckConstraint("kind IN ('call', 'test', 'terminal')", name="ck_call_logs_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_call_logs"),
    )
    op.create_index("ix_call_logs_server_id_started_at_id", "call_logs", ["server_id", "started_at", "id"])
    op.create_index("ix_call_logs_workspace_id_started_at", "call_logs", ["workspace_id", "started_at"])
    op.create_table(
        "call_rollups",
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("hour", UTC, nullable=False),
        sa.Column("tool_id", TEXT, nullable=False),
        sa.Column("client_name", TEXT, nullable=False),
        sa.Column("status_class", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("billable", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("upstream_us", sa.BigInteger(), nullable=False),
        sa.Column("request_bytes", sa.BigInteger(), nullable=False),
        sa.Column("response_bytes", sa.BigInteger(), nullable=False),
        sa.Column("under_25", sa.BigInteger(), nullable=False),
        sa.Column("under_50", sa.BigInteger(), nullable=False),
        sa.Column("under_100", sa.BigInteger(), nullable=False),
        sa.Column("under_250", sa.BigInteger(), nullable=False),
        sa.Column("under_500", sa.BigInteger(), nullable=False),
        sa.Column("under_1000", sa.BigInteger(), nullable=False),
        sa.Column("under_2500", sa.BigInteger(), nullable=False),
        sa.Column("under_5000", sa.BigInteger(), nullable=False),
        sa.Column("under_10000", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server_id", "hour", "tool_id", "client_name", "status_class", name="pk_call_rollups"),
    )
    op.create_index("ix_call_rollups_hour", "call_rollups", ["hour"])
    op.create_index("ix_call_rollups_workspace_id_hour", "call_rollups", ["workspace_id", "hour"])
    op.create_table(
        "call_counters",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("start", UTC, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('day', 'month', 'period')", name="ck_call_counters_kind"),
        sa.CheckConstraint("calls >= 0", name="ck_call_counters_calls"),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "start", name="pk_call_counters"),
    )
    op.create_table(
        "budgets",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("cap_cents", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", UTC, nullable=False),
        sa.CheckConstraint("cap_cents BETWEEN 0 AND 1000000", name="ck_budgets_cap_cents"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_budgets_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_budgets"),
    )
