"""Rows for tests of storage: plain functions with keyword defaults, no surprises."""

import datetime as dt
import hashlib
from typing import Any

import sqlalchemy as sa

from apifold.core.ids import tool_id
from apifold.storage.tables.catalog import AccessTokenRow, ServerRow, SpecRow, SpecVersionRow, ToolSettingRow
from apifold.storage.tables.identity import UserRow, WorkspaceRow
from apifold.storage.tables.vault import CredentialRow, VaultKeyRow
from apifold.storage.transaction import WriteSession
from apifold.storage.types import Row

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def workspace(name: str = "ws_a") -> dict[str, Any]:
    return {"id": name, "name": "Personal", "created_at": NOON}


def user(name: str = "usr_a", *, workspace_id: str | None = "ws_a", **more: object) -> dict[str, Any]:
    row = {
        "id": name,
        "workspace_id": workspace_id,
        "email": f"{name}@example.com",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return row | more


def spec(name: str = "spec_a", *, workspace_id: str = "ws_a", **more: object) -> dict[str, Any]:
    row = {
        "id": name,
        "workspace_id": workspace_id,
        "name": "Harbour",
        "version": "1.0.0",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return row | more


def spec_version(
    name: str = "ver_a", *, spec_id: str = "spec_a", workspace_id: str = "ws_a", raw: bytes = b"{}", **more: object
) -> dict[str, Any]:
    row = {
        "id": name, "workspace_id": workspace_id, "spec_id": spec_id, "number": 1, "format": "json", "raw": raw,
        "document_hash": hashlib.sha256(raw).digest(), "raw_bytes": len(raw), "tool_count": 0, "created_at": NOON,
    }  # fmt: skip
    return row | more


def server(
    name: str = "srv_a", *, spec_id: str = "spec_a", workspace_id: str = "ws_a", **more: object
) -> dict[str, Any]:
    row = {
        "id": name, "workspace_id": workspace_id, "spec_id": spec_id, "slug": f"slug-{name}", "name": "Harbour",
        "endpoint_id": f"ep_{name}", "auth_mode": "none", "base_url": "https://api.example.com",
        "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return row | more


def setting(
    operation: str, *, server_id: str = "srv_a", workspace_id: str = "ws_a", is_active: bool = True
) -> dict[str, Any]:
    return {
        "server_id": server_id, "workspace_id": workspace_id, "tool_id": tool_id(operation), "operation": operation,
        "is_active": is_active, "updated_at": NOON,
    }  # fmt: skip


def token(
    name: str = "tok_a", *, server_id: str = "srv_a", workspace_id: str = "ws_a", **more: object
) -> dict[str, Any]:
    row = {
        "id": name, "server_id": server_id, "workspace_id": workspace_id, "label": "mine",
        "token_hash": hashlib.sha256(name.encode()).digest(), "created_at": NOON,
    }  # fmt: skip
    return row | more


def credential(
    name: str = "cred_a", *, server_id: str = "srv_a", workspace_id: str = "ws_a", **more: object
) -> dict[str, Any]:
    row = {
        "id": name, "server_id": server_id, "workspace_id": workspace_id, "label": "Production", "auth_type": "api_key",
        "secret": b"sealed", "secret_key_id": "k1", "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return row | more


def call(name: str, *, server_id: str = "srv_a", seconds: float = 0, **more: object) -> dict[str, Any]:
    row = {
        "id": name, "workspace_id": "ws_a", "server_id": server_id, "kind": "call", "billable": True,
        "started_at": NOON + dt.timedelta(seconds=seconds), "operation": "GET /ships", "tool": "list_ships", "method": "GET",
        "path": "/ships", "is_error": False, "duration_us": 1_000,
    }  # fmt: skip
    return row | more


async def insert(session: WriteSession, table: type[Row], *rows: dict[str, Any]) -> None:
    await session.execute(sa.insert(table), list(rows))


async def harbour(session: WriteSession, *, letter: str = "a") -> None:
    """One workspace with a user, a spec, a server with a setting, a token and a credential."""
    owner = f"ws_{letter}"
    await insert(session, WorkspaceRow, workspace(owner))
    await insert(session, UserRow, user(f"usr_{letter}", workspace_id=owner))
    await insert(session, SpecRow, spec(f"spec_{letter}", workspace_id=owner))
    await insert(session, SpecVersionRow, spec_version(f"ver_{letter}", spec_id=f"spec_{letter}", workspace_id=owner))
    await insert(session, ServerRow, server(f"srv_{letter}", spec_id=f"spec_{letter}", workspace_id=owner))
    await insert(session, ToolSettingRow, setting("GET /ships", server_id=f"srv_{letter}", workspace_id=owner))
    await insert(session, AccessTokenRow, token(f"tok_{letter}", server_id=f"srv_{letter}", workspace_id=owner))
    await insert(session, VaultKeyRow, {"id": f"k_{letter}", "canary": b"sealed", "created_at": NOON})
    key = {"secret_key_id": f"k_{letter}"}
    await insert(
        session, CredentialRow, credential(f"cred_{letter}", server_id=f"srv_{letter}", workspace_id=owner, **key)
    )
