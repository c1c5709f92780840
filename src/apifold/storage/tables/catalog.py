"""Documents, the servers made of them, their tools' settings, and the tokens that open them.

A child refers to its parent together with the workspace, so that the database itself refuses a row of one workspace
that hangs on a row of another.
"""

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from apifold.storage.types import Json, JsonArray, JsonObject, Owned, Row, is_one_of


class AuthMode(StrEnum):
    """How we authenticate to the upstream."""

    NONE = "none"
    API_KEY = "api_key"
    BEARER = "bearer"
    BASIC = "basic"
    OAUTH2_AUTHCODE = "oauth2_authcode"
    OAUTH2_CLIENT_CREDS = "oauth2_client_creds"


class Access(StrEnum):
    """Who may call us."""

    TOKEN = "token"
    PUBLIC = "public"


def of_server() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", "server_id"], ["servers.workspace_id", "servers.id"], ondelete="CASCADE"
    )


class SpecRow(Owned, Row):
    """A document that was imported, through all its versions."""

    __tablename__ = "specs"
    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(None, "workspace_id", "created_at", "id"),
        sa.CheckConstraint("current_version >= 1", name="current_version"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    """As the user or the document writes it."""
    source_url: Mapped[str | None]
    current_version: Mapped[int] = mapped_column(default=1)
    """`SpecVersionRow.number`."""
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    """Rises with every change, for `ETag`."""


class SpecVersionRow(Owned, Row):
    """One document as it was received. Nothing of it changes any more."""

    __tablename__ = "spec_versions"
    __table_args__ = (
        sa.ForeignKeyConstraint(["workspace_id", "spec_id"], ["specs.workspace_id", "specs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("spec_id", "number"),
        sa.Index(None, "workspace_id", "spec_id"),
        sa.Index(None, "document_hash"),
        is_one_of("format", ("json", "yaml")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    spec_id: Mapped[str]
    number: Mapped[int]
    document_hash: Mapped[bytes]
    """SHA-256 of the document and of the files it is bundled from."""
    format: Mapped[str]
    raw: Mapped[bytes]
    """The bytes as received, packed (`storage.packing`)."""
    raw_bytes: Mapped[int]
    """Their size before packing."""
    tool_count: Mapped[int]
    summary: Mapped[JsonObject] = mapped_column(Json, default=dict)
    """What the document says of itself: title, version, servers, security schemes."""
    diagnostics: Mapped[JsonArray] = mapped_column(Json, default=list)
    created_at: Mapped[dt.datetime]
    created_by: Mapped[str] = mapped_column(default="")


class CompilationRow(Row):
    """What compiling a document gave. It follows from its key alone, so it belongs to nobody and may be dropped."""

    __tablename__ = "compilations"

    document_hash: Mapped[bytes] = mapped_column(primary_key=True)
    options_hash: Mapped[bytes] = mapped_column(primary_key=True)
    compiler: Mapped[str] = mapped_column(primary_key=True)
    """The version of the compiler."""
    result: Mapped[bytes]
    created_at: Mapped[dt.datetime]
    last_used_at: Mapped[dt.datetime] = mapped_column(index=True)


class ServerRow(Owned, Row):
    """A document as an MCP endpoint."""

    __tablename__ = "servers"
    __table_args__ = (
        sa.ForeignKeyConstraint(["workspace_id", "spec_id"], ["specs.workspace_id", "specs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("workspace_id", "id"),
        # A slug is free again as soon as its server is deleted, though the row stays for a week.
        sa.Index(
            "uq_servers_workspace_id_slug",
            "workspace_id",
            "slug",
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index(None, "workspace_id", "created_at", "id"),
        sa.Index(None, "workspace_id", "spec_id"),
        is_one_of("auth_mode", AuthMode),
        is_one_of("access", Access),
        sa.CheckConstraint("rate_limit_per_minute >= 1", name="rate_limit_per_minute"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    spec_id: Mapped[str]
    slug: Mapped[str]
    name: Mapped[str]
    endpoint_id: Mapped[str] = mapped_column(unique=True)
    auth_mode: Mapped[str]
    access: Mapped[str] = mapped_column(default=Access.TOKEN)
    base_url: Mapped[str]
    rate_limit_per_minute: Mapped[int] = mapped_column(default=100)
    selection: Mapped[JsonObject] = mapped_column(Json, default=dict)
    """The rule that decides which operations are on when they are new."""
    is_active: Mapped[bool] = mapped_column(default=True)
    capture_bodies: Mapped[bool] = mapped_column(default=False)
    tool_count: Mapped[int] = mapped_column(default=0)
    active_tool_count: Mapped[int] = mapped_column(default=0)
    """Both are kept with every change of tools, so that a list of servers compiles nothing."""
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
    revision: Mapped[int] = mapped_column(default=1)


class ToolSettingRow(Owned, Row):
    """What was decided about one operation on one server. It outlives the operation: a document may bring it back."""

    __tablename__ = "tool_settings"
    __table_args__ = (of_server(), sa.Index(None, "workspace_id", "server_id"))

    server_id: Mapped[str] = mapped_column(primary_key=True)
    tool_id: Mapped[str] = mapped_column(primary_key=True)
    """`core.ids.tool_id` of the operation: a path can be longer than an index entry."""
    operation: Mapped[str]
    """`Operation.key`."""
    is_active: Mapped[bool]
    name: Mapped[str | None]
    title: Mapped[str | None]
    description: Mapped[str | None]
    annotations: Mapped[JsonObject | None] = mapped_column(Json)
    """Nothing in these four means: what the document says."""
    updated_at: Mapped[dt.datetime]


class AccessTokenRow(Owned, Row):
    """A token `af_…` that opens one server. Audience, scopes, client and subject are empty until there is OAuth."""

    __tablename__ = "access_tokens"
    __table_args__ = (of_server(), sa.Index(None, "workspace_id", "server_id", "created_at", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    server_id: Mapped[str]
    label: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(default="")
    tools: Mapped[list[str] | None] = mapped_column(Json)
    """Operation keys that it may call; nothing means all."""
    audience: Mapped[str] = mapped_column(default="")
    scopes: Mapped[list[str]] = mapped_column(Json, default=list)
    client: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    created_by: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
