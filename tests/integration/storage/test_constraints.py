"""What the databases themselves refuse, and what goes with what."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from apifold.storage.faults import Violation, ViolationKind, violation
from apifold.storage.tables import METADATA
from apifold.storage.tables.catalog import AccessTokenRow, ServerRow, SpecRow, SpecVersionRow, ToolSettingRow
from apifold.storage.tables.delivery import IdempotencyRow, SnapshotClockRow
from apifold.storage.tables.identity import IdentityRow, LinkRow, UserRow, WorkspaceRow
from apifold.storage.tables.usage import BudgetRow, CallRow, CounterRow
from apifold.storage.tables.vault import CredentialRow
from apifold.storage.transaction import Database, WriteSession
from apifold.storage.types import Row
from support import rows
from support.databases import opened
from support.loops import on_loop

UNIQUE, FOREIGN_KEY, CHECK, NOT_NULL = (
    ViolationKind.UNIQUE,
    ViolationKind.FOREIGN_KEY,
    ViolationKind.CHECK,
    ViolationKind.NOT_NULL,
)
LATER = rows.NOON + dt.timedelta(hours=1)


def identity(**more: object) -> dict[str, Any]:
    row = {"id": "idn_1", "user_id": "usr_a", "provider": "password", "subject": "usr_a", "password_hash": "$argon2id$"}
    return row | {"created_at": rows.NOON, "updated_at": rows.NOON} | more


def link(**more: object) -> dict[str, Any]:
    row = {"id": "lnk_1", "purpose": "sign_in", "user_id": "usr_a", "token_hash": b"1"}
    return row | {"created_at": rows.NOON, "expires_at": LATER} | more


def answer(**more: object) -> dict[str, Any]:
    row = {"workspace_id": "ws_a", "key": "1", "request_hash": b"1", "created_at": rows.NOON, "expires_at": LATER}
    return row | more


# Beside the workspaces `a` and `b` of `support.rows.harbour`, each of these breaks one rule.
REFUSED: dict[str, tuple[type[Row], dict[str, Any], ViolationKind, str]] = {
    "a user whose address is taken": (
        UserRow, rows.user("usr_c", workspace_id=None, email="usr_a@example.com"), UNIQUE, "uq_users_email",
    ),
    "a second user of a personal workspace": (UserRow, rows.user("usr_c"), UNIQUE, "uq_users_workspace_id"),
    "a role that does not exist": (UserRow, rows.user("usr_c", workspace_id=None, role="owner"), CHECK, "ck_users_role"),
    "a password without its hash": (
        IdentityRow, identity(password_hash=None), CHECK, "ck_identities_password_has_hash",
    ),
    "a hash at an issuer": (IdentityRow, identity(provider="clerk"), CHECK, "ck_identities_password_has_hash"),
    "a sign-in link for nobody": (LinkRow, link(user_id=None), CHECK, "ck_one_time_links_has_user"),
    "a spec of no workspace": (SpecRow, rows.spec("spec_c", workspace_id="ws_c"), FOREIGN_KEY, "fk_specs_workspace_id"),
    "a second version with the same number": (
        SpecVersionRow, rows.spec_version("ver_c"), UNIQUE, "uq_spec_versions_spec_id_number",
    ),
    "a version of another workspace's spec": (
        SpecVersionRow, rows.spec_version("ver_c", spec_id="spec_b", number=2), FOREIGN_KEY,
        "fk_spec_versions_workspace_id_spec_id",
    ),
    "a slug that is taken": (ServerRow, rows.server("srv_c", slug="slug-srv_a"), UNIQUE, "uq_servers_workspace_id_slug"),
    "an endpoint that is taken": (ServerRow, rows.server("srv_c", endpoint_id="ep_srv_b"), UNIQUE, "uq_servers_endpoint_id"),
    "a server of another workspace's spec": (
        ServerRow, rows.server("srv_c", spec_id="spec_b"), FOREIGN_KEY, "fk_servers_workspace_id_spec_id",
    ),
    "a way to authenticate that does not exist": (
        ServerRow, rows.server("srv_c", auth_mode="digest"), CHECK, "ck_servers_auth_mode",
    ),
    "a limit of no calls": (
        ServerRow, rows.server("srv_c", rate_limit_per_minute=0), CHECK, "ck_servers_rate_limit_per_minute",
    ),
    "two settings of one operation": (ToolSettingRow, rows.setting("GET /ships"), UNIQUE, "pk_tool_settings"),
    "a token for another workspace's server": (
        AccessTokenRow, rows.token("tok_c", server_id="srv_b"), FOREIGN_KEY, "fk_access_tokens_workspace_id_server_id",
    ),
    "a token without a label": (AccessTokenRow, rows.token("tok_c", label=None), NOT_NULL, ""),
    "a credential for another workspace's server": (
        CredentialRow, rows.credential("cred_c", server_id="srv_b", secret_key_id="k_a"), FOREIGN_KEY,
        "fk_credentials_workspace_id_server_id",
    ),
    "a credential under a key nobody knows": (
        CredentialRow, rows.credential("cred_c", secret_key_id="k_c"), FOREIGN_KEY, "fk_credentials_secret_key_id",
    ),
    "a credential of no type": (
        CredentialRow, rows.credential("cred_c", secret_key_id="k_a", auth_type="none"), CHECK, "ck_credentials_auth_type",
    ),
    "tokens under no key": (
        CredentialRow, rows.credential("cred_c", secret_key_id="k_a", tokens=b"1"), CHECK, "ck_credentials_tokens_have_key",
    ),
    "an answer under no key": (IdempotencyRow, answer(answer=b"1"), CHECK, "ck_idempotency_keys_answer_has_key"),
    "a cap above 10,000 euros": (
        BudgetRow, {"workspace_id": "ws_a", "cap_cents": 1_000_001, "updated_at": rows.NOON}, CHECK, "ck_budgets_cap_cents",
    ),
    "a counter that fell below nothing": (
        CounterRow, {"workspace_id": "ws_a", "kind": "day", "start": rows.NOON, "calls": -1}, CHECK, "ck_call_counters_calls",
    ),
    "a second clock": (SnapshotClockRow, {"id": 2, "version": 1}, CHECK, "ck_snapshot_clock_one_row"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@on_loop
async def test_row_that_breaks_a_rule_is_refused_by_its_name(url: str, case: str) -> None:
    table, row, kind, constraint = REFUSED[case]
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.harbour(session, letter="a")
            await rows.harbour(session, letter="b")
        with pytest.raises(sa.exc.IntegrityError) as refused:
            async with database.write() as session:
                await rows.insert(session, table, row)
        found = violation(refused.value)
        if engines.file is not None and (kind is FOREIGN_KEY or constraint.startswith("pk_")):
            constraint = "" if kind is FOREIGN_KEY else "uq_tool_settings_server_id_tool_id"
        assert found == Violation(kind, constraint)


async def counted(session: WriteSession) -> dict[str, int]:
    return {
        name: await session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for name, table in METADATA.tables.items()
        if name not in {"snapshot_clock", "vault_keys"}
    }


@on_loop
async def test_workspace_takes_along_what_belongs_to_it_and_nothing_else(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.harbour(session, letter="b")
            of_one = await counted(session)
            await rows.harbour(session, letter="a")
            await rows.insert(session, CallRow, rows.call("call_1"))
            assert await counted(session) == {name: 2 * count for name, count in of_one.items()} | {"call_logs": 1}
        async with database.write() as session:
            await session.execute(sa.delete(WorkspaceRow).where(WorkspaceRow.id == "ws_a"))
            # The user stays as a tombstone, and the log until it is deleted on purpose.
            assert await counted(session) == of_one | {"users": 2, "call_logs": 1}
            assert await session.scalar(sa.select(UserRow.workspace_id).where(UserRow.id == "usr_a")) is None


@on_loop
async def test_slug_is_free_again_when_its_server_is_deleted(url: str) -> None:
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.harbour(session)
            await session.execute(sa.update(ServerRow).values(slug="mine", deleted_at=rows.NOON))
            await rows.insert(session, ServerRow, rows.server("srv_2", slug="mine"))
        with pytest.raises(sa.exc.IntegrityError):
            async with database.write() as session:
                await session.execute(sa.update(ServerRow).values(deleted_at=None))


@on_loop
async def test_values_come_back_as_they_were_stored(url: str) -> None:
    berlin = dt.timezone(dt.timedelta(hours=1))
    selection = {"tags": ["ships", "Häfen"], "readOnly": True, "deep": {"list": [1, 2.5, None]}}
    async with opened(url) as engines:
        database = Database(engines)
        async with database.write() as session:
            await rows.harbour(session)
            moment = dt.datetime(2026, 11, 24, 13, 0, 0, 123_456, tzinfo=berlin)
            await session.execute(sa.update(ServerRow).values(selection=selection, updated_at=moment))
        async with database.read() as session:
            server = (await session.scalars(sa.select(ServerRow))).one()
            assert (server.selection, server.updated_at) == (selection, moment)
            assert server.updated_at.tzinfo is dt.UTC
            assert (server.is_active, server.rate_limit_per_minute, server.deleted_at) == (True, 100, None)
            assert await session.scalar(sa.select(AccessTokenRow.tools).where(AccessTokenRow.tools.is_(None))) is None
            assert (await session.scalars(sa.select(CredentialRow.secret))).one() == b"sealed"


@on_loop
async def test_moment_without_a_time_zone_is_not_stored(url: str) -> None:
    async with opened(url) as engines:
        with pytest.raises(sa.exc.StatementError, match="without a time zone"):
            async with Database(engines).write() as session:
                await rows.insert(session, WorkspaceRow, rows.workspace() | {"created_at": dt.datetime(2026, 1, 1)})  # noqa: DTZ001 -- what is refused
