"""Who is calling: workspaces, the people in them, how they prove who they are, and what was done.

Tokens, keys and links are kept as SHA-256 of a random text; only passwords need a slow hash.
"""

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from apifold.storage.types import Json, JsonObject, Owned, Row, is_one_of


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


class IdentityProvider(StrEnum):
    PASSWORD = "password"
    CLERK = "clerk"


class LinkPurpose(StrEnum):
    SIGN_IN = "sign_in"
    INVITE = "invite"
    RESET_PASSWORD = "reset_password"


class WorkspaceRow(Row):
    """What everything belongs to. For now each user has one."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[dt.datetime]


class UserRow(Row):
    """A person. `deleted_at` makes the row a tombstone: a token that is still valid does not bring its user back, so
    the row outlives the workspace.
    """

    __tablename__ = "users"
    __table_args__ = (is_one_of("role", Role),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str | None] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="SET NULL"), unique=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    """In the form in which addresses are compared; nothing for a tombstone."""
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str] = mapped_column(default=Role.USER)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deactivated_at: Mapped[dt.datetime | None]
    deleted_at: Mapped[dt.datetime | None]
    revision: Mapped[int] = mapped_column(default=1)


class IdentityRow(Row):
    """One way in which a user is known: a password kept here, or a subject of an issuer."""

    __tablename__ = "identities"
    __table_args__ = (
        sa.UniqueConstraint("provider", "issuer", "subject"),
        is_one_of("provider", IdentityProvider),
        sa.CheckConstraint("(provider = 'password') = (password_hash IS NOT NULL)", name="password_has_hash"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    issuer: Mapped[str] = mapped_column(default="")
    """Empty for passwords."""
    subject: Mapped[str]
    """The issuer's name for the user; for a password the user's id."""
    password_hash: Mapped[str | None]
    """Argon2id, in the PHC format, with its parameters."""
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    last_used_at: Mapped[dt.datetime | None]


class SessionRow(Owned, Row):
    """A person who signed in here."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index(None, "workspace_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    address: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")


class ApiKeyRow(Owned, Row):
    """A personal key `afk_…` for programs."""

    __tablename__ = "api_keys"
    __table_args__ = (sa.Index(None, "workspace_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(default="")
    """The last characters, to tell keys apart."""
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class LinkRow(Row):
    """A link that works once. An invitation has an address and no user yet; the other kinds have a user."""

    __tablename__ = "one_time_links"
    __table_args__ = (
        is_one_of("purpose", LinkPurpose),
        is_one_of("role", Role),
        sa.CheckConstraint("purpose = 'invite' OR user_id IS NOT NULL", name="has_user"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[str | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    email: Mapped[str | None]
    role: Mapped[str] = mapped_column(default=Role.USER)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_by: Mapped[str | None]
    """The id of the admin who asked for it; nothing when a person or the program did."""
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]


class AuditRow(Row):
    """A change of the control plane: who, what, when, from where. It outlives what it tells of, so it refers to nothing."""

    __tablename__ = "audit_events"
    __table_args__ = (sa.Index(None, "workspace_id", "at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    at: Mapped[dt.datetime]
    actor_kind: Mapped[str]
    """`PrincipalKind`, or `system`."""
    actor_id: Mapped[str]
    actor_name: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    """Dotted, a past fact: `server.created`."""
    target_id: Mapped[str] = mapped_column(default="")
    target_name: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str] = mapped_column(default="")
    details: Mapped[JsonObject] = mapped_column(Json, default=dict)
