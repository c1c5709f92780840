"""Sealed values and the keys that they are sealed under. Nothing here is readable without a master key."""

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from apifold.storage.tables.catalog import AuthMode, of_server
from apifold.storage.types import Json, Owned, Row, is_one_of


class CredentialLocation(StrEnum):
    HEADER = "header"
    QUERY = "query"
    COOKIE = "cookie"


class VaultKeyRow(Row):
    """A master key that something is or was sealed under: its name, never the key."""

    __tablename__ = "vault_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    canary: Mapped[bytes]
    """A known text sealed under the key: a key that does not open it is the wrong one."""
    created_at: Mapped[dt.datetime]
    retired_at: Mapped[dt.datetime | None]


class CredentialRow(Owned, Row):
    """What we present to an upstream. The sealed columns are bound to table, row and column."""

    __tablename__ = "credentials"
    __table_args__ = (
        of_server(),
        sa.Index(None, "workspace_id", "server_id", "created_at", "id"),
        is_one_of("auth_type", [mode for mode in AuthMode if mode is not AuthMode.NONE]),
        is_one_of("location", CredentialLocation),
        sa.CheckConstraint("(tokens IS NULL) = (tokens_key_id IS NULL)", name="tokens_have_key"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    server_id: Mapped[str]
    label: Mapped[str]
    auth_type: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    """The end user it speaks for; empty when it speaks for everybody."""
    security_scheme: Mapped[str | None]
    location: Mapped[str | None]
    parameter_name: Mapped[str | None]
    prefix: Mapped[str | None]
    username: Mapped[str | None]
    provider: Mapped[str | None]
    token_endpoint: Mapped[str | None]
    client_id: Mapped[str | None]
    scopes: Mapped[list[str]] = mapped_column(Json, default=list)
    hint: Mapped[str | None]
    """Four characters, of a key that has sixteen or more."""
    secret: Mapped[bytes]
    """Sealed: what the user gave us."""
    secret_key_id: Mapped[str] = mapped_column(sa.ForeignKey("vault_keys.id"), index=True)
    tokens: Mapped[bytes | None]
    """Sealed: what a token endpoint gave us; apart from the secret because it changes by itself."""
    tokens_key_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vault_keys.id"), index=True)
    token_expires_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    last_failure_at: Mapped[dt.datetime | None]
    last_failure: Mapped[str | None]
    """A stable code."""
    revision: Mapped[int] = mapped_column(default=1)
