"""Documents, servers, tools, tokens, credentials, and what makes changes visible."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
UTC = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "specs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("source_url", TEXT, nullable=True),
        sa.Column("current_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("deleted_at", UTC, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.CheckConstraint("current_version >= 1", name="ck_specs_current_version"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_specs_workspace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_specs"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_specs_workspace_id_id"),
    )
    op.create_index("ix_specs_workspace_id_created_at_id", "specs", ["workspace_id", "created_at", "id"])
    op.create_table(
        "spec_versions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("spec_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("format", TEXT, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tool_count", sa.BigInteger(), nullable=False),
        sa.Column("summary", JSON, nullable=False),
        sa.Column("diagnostics", JSON, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.CheckConstraint("format IN ('json', 'yaml')", name="ck_spec_versions_format"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "spec_id"],
            ["specs.workspace_id", "specs.id"],
            name="fk_spec_versions_workspace_id_spec_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_spec_versions_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_spec_versions"),
        sa.UniqueConstraint("spec_id", "number", name="uq_spec_versions_spec_id_number"),
    )
    op.create_index("ix_spec_versions_document_hash", "spec_versions", ["document_hash"])
    op.create_index("ix_spec_versions_workspace_id_spec_id", "spec_versions", ["workspace_id", "spec_id"])
    op.create_table(
        "compilations",
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("options_hash", sa.LargeBinary(), nullable=False),
        sa.Column("compiler", TEXT, nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("last_used_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("document_hash", "options_hash", "compiler", name="pk_compilations"),
    )
    op.create_index("ix_compilations_last_used_at", "compilations", ["last_used_at"])
    op.create_table(
        "servers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("spec_id", TEXT, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("auth_mode", TEXT, nullable=False),
        sa.Column("access", TEXT, nullable=False),
        sa.Column("base_url", TEXT, nullable=False),
        sa.Column("rate_limit_per_minute", sa.BigInteger(), nullable=False),
        sa.Column("selection", JSON, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("capture_bodies", sa.Boolean(), nullable=False),
        sa.Column("tool_count", sa.BigInteger(), nullable=False),
        sa.Column("active_tool_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("deleted_at", UTC, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.CheckConstraint("access IN ('token', 'public')", name="ck_servers_access"),
        sa.CheckConstraint(
            "auth_mode IN ('none', 'api_key', 'bearer', 'basic', 'oauth2_authcode', 'oauth2_client_creds')",
            name="ck_servers_auth_mode",
        ),
        sa.CheckConstraint("rate_limit_per_minute >= 1", name="ck_servers_rate_limit_per_minute"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "spec_id"],
            ["specs.workspace_id", "specs.id"],
            name="fk_servers_workspace_id_spec_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_servers_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_servers"),
        sa.UniqueConstraint("endpoint_id", name="uq_servers_endpoint_id"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_servers_workspace_id_id"),
    )
    op.create_index("ix_servers_workspace_id_created_at_id", "servers", ["workspace_id", "created_at", "id"])
    op.create_index("ix_servers_workspace_id_spec_id", "servers", ["workspace_id", "spec_id"])
    op.create_index(
        "uq_servers_workspace_id_slug",
        "servers",
        ["workspace_id", "slug"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "tool_settings",
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("tool_id", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("title", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("annotations", JSON, nullable=True),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "server_id"],
            ["servers.workspace_id", "servers.id"],
            name="fk_tool_settings_workspace_id_server_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_tool_settings_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("server_id", "tool_id", name="pk_tool_settings"),
    )
    op.create_index("ix_tool_settings_workspace_id_server_id", "tool_settings", ["workspace_id", "server_id"])
    op.create_table(
        "access_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("tools", JSON, nullable=True),
        sa.Column("audience", TEXT, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("client", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=True),
        sa.Column("last_used_at", UTC, nullable=True),
        sa.Column("revoked_at", UTC, nullable=True),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "server_id"],
            ["servers.workspace_id", "servers.id"],
            name="fk_access_tokens_workspace_id_server_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_access_tokens_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_access_tokens_token_hash"),
    )
    op.create_index(
        "ix_access_tokens_workspace_id_server_id_created_at_id",
        "access_tokens",
        ["workspace_id", "server_id", "created_at", "id"],
    )
    op.create_table(
        "vault_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("canary", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("retired_at", UTC, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_vault_keys"),
    )
    op.create_table(
        "credentials",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("auth_type", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("security_scheme", TEXT, nullable=True),
        sa.Column("location", TEXT, nullable=True),
        sa.Column("parameter_name", TEXT, nullable=True),
        sa.Column("prefix", TEXT, nullable=True),
        sa.Column("username", TEXT, nullable=True),
        sa.Column("provider", TEXT, nullable=True),
        sa.Column("token_endpoint", TEXT, nullable=True),
        sa.Column("client_id", TEXT, nullable=True),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("hint", TEXT, nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("secret_key_id", TEXT, nullable=False),
        sa.Column("tokens", sa.LargeBinary(), nullable=True),
        sa.Column("tokens_key_id", TEXT, nullable=True),
        sa.Column("token_expires_at", UTC, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("deleted_at", UTC, nullable=True),
        sa.Column("last_used_at", UTC, nullable=True),
        sa.Column("last_failure_at", UTC, nullable=True),
        sa.Column("last_failure", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.CheckConstraint(
            "auth_type IN ('api_key', 'bearer', 'basic', 'oauth2_authcode', 'oauth2_client_creds')",
            name="ck_credentials_auth_type",
        ),
        sa.CheckConstraint("location IN ('header', 'query', 'cookie')", name="ck_credentials_location"),
        sa.CheckConstraint("(tokens IS NULL) = (tokens_key_id IS NULL)", name="ck_credentials_tokens_have_key"),
        sa.ForeignKeyConstraint(["secret_key_id"], ["vault_keys.id"], name="fk_credentials_secret_key_id"),
        sa.ForeignKeyConstraint(["tokens_key_id"], ["vault_keys.id"], name="fk_credentials_tokens_key_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "server_id"],
            ["servers.workspace_id", "servers.id"],
            name="fk_credentials_workspace_id_server_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_credentials_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
    )
    op.create_index("ix_credentials_secret_key_id", "credentials", ["secret_key_id"])
    op.create_index("ix_credentials_tokens_key_id", "credentials", ["tokens_key_id"])
    op.create_index(
        "ix_credentials_workspace_id_server_id_created_at_id",
        "credentials",
        ["workspace_id", "server_id", "created_at", "id"],
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answer_key_id", TEXT, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.CheckConstraint("(answer IS NULL) = (answer_key_id IS NULL)", name="ck_idempotency_keys_answer_has_key"),
        sa.ForeignKeyConstraint(["answer_key_id"], ["vault_keys.id"], name="fk_idempotency_keys_answer_key_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_idempotency_keys_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_answer_key_id", "idempotency_keys", ["answer_key_id"])
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "snapshot_clock",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_snapshot_clock_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_snapshot_clock"),
    )
    op.create_table(
        "snapshot_versions",
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server_id", name="pk_snapshot_versions"),
    )
    op.create_index("ix_snapshot_versions_version", "snapshot_versions", ["version"])
    op.execute("INSERT INTO snapshot_clock (id, version) VALUES (1, 0)")
