"""The edge of HTTP: who gets in, in which order the checks come, what a person or a page sees."""

from typing import Any

import pytest
from msgspec.structs import replace

from apifold.gateway.access import ANY_HOST, AccessRules, bearer_token
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import serving
from support.raw_http import base_headers, fetch, modern, modern_headers, modern_message, post

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages", "/", "/other"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_strangers_name_for_us_is_refused_everywhere(path: str, method: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            headers = {**base_headers(), "Host": "evil.example.com", "Origin": "http://evil.example.com"}
            assert (await fetch(served.port, method, path, headers)).status == 421

    run()


@pytest.mark.parametrize("origin", ["http://evil.example.com", "null", "https://localhost.evil.example.com"])
@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages"])
def test_a_strangers_page_is_refused_before_anything_is_done(path: str, origin: str) -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend) as served:
            params = {"name": "test_simple_text"}
            headers = {**modern_headers("tools/call", params), "Origin": origin}
            answer = await post(served.port, modern_message("tools/call", params), headers, path=path)
            assert answer.status == 403
            assert "access-control-allow-origin" not in answer.headers
            assert backend.callers == []

    run()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:1"])
def test_our_own_names_are_taken(host: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            answer = await modern(served.port, "tools/list", Host=host.format(port=served.port))
            assert answer.status == 200

    run()


def test_a_page_of_this_machine_may_read_the_answer() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            origin = "http://localhost:6274"
            answer = await modern(served.port, "tools/list", Origin=origin)
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["vary"] == "Origin"
            assert answer.headers["access-control-expose-headers"] == "Mcp-Session-Id, WWW-Authenticate"
            refused = await modern(served.port, "nothing", Origin=origin)
            assert refused.headers["access-control-allow-origin"] == origin

    run()


def test_a_preflight_is_answered_with_the_headers_it_asks_for_and_without_a_token() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend(), verify=bearer_token("s3cret")) as served:
            asked = {
                "Origin": "http://127.0.0.1:3000",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,mcp-param-region,authorization",
            }
            answer = await fetch(served.port, "OPTIONS", "/mcp", asked)
            assert answer.status == 204
            assert answer.headers["access-control-allow-headers"] == "content-type,mcp-param-region,authorization"
            assert answer.headers["access-control-allow-methods"] == "POST, GET, DELETE, OPTIONS"
            strange = await fetch(served.port, "OPTIONS", "/mcp", {**asked, "Origin": "http://evil.example.com"})
            assert strange.status == 403

    run()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/mcp"), ("GET", "/mcp"), ("GET", "/sse"), ("POST", "/messages"), ("GET", "/")]
)
def test_without_the_token_nobody_gets_anywhere(method: str, path: str) -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend, verify=bearer_token("s3cret")) as served:
            for credentials in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}):
                answer = await fetch(served.port, method, path, {**base_headers(), **credentials})
                assert answer.status == 401
                # No resource metadata: clients that find some ignore the header they were given and start a login.
                assert answer.headers["www-authenticate"] == 'Bearer realm="apifold"'
                assert b"s3cret" not in answer.body
            assert (backend.callers, backend.watchers) == ([], 0)

    run()


@pytest.mark.parametrize("credentials", [{"Authorization": "Bearer s3cret"}, {"X_API_Key": "s3cret"}])
def test_with_the_token_everything_is_there(credentials: dict[str, str]) -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with serving(backend, verify=bearer_token("s3cret"), access=ANY_HOST) as served:
            credentials_and_host = {**credentials, "Host": "mcp.example.com"}
            answer = await modern(served.port, "tools/call", {"name": "test_simple_text"}, **credentials_and_host)
            assert answer.result["isError"] is False
            assert [caller.principal.kind.value for caller in backend.callers] == ["token"]

    run()


def test_no_oauth_metadata_is_to_be_found() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend(), verify=bearer_token("s3cret")) as served:
            for name in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
                assert (await fetch(served.port, "GET", f"/.well-known/{name}", {})).status == 404

    run()


def test_a_configured_origin_may_call() -> None:
    @on_loop
    async def run() -> None:
        rules = AccessRules(origins=frozenset({"https://app.example.com"}))
        async with serving(FixtureBackend(), access=rules) as served:
            assert (await modern(served.port, "tools/list", Origin="https://app.example.com")).status == 200
            assert (await modern(served.port, "tools/list", Origin="https://other.example.com")).status == 403

    run()


def test_a_person_who_comes_by_is_told_what_this_is() -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            root = await fetch(served.port, "GET", "/", {})
            assert root.status == 200
            assert "Fixture server" in root.body.decode()
            assert "/mcp" in root.body.decode()
            browser = await fetch(served.port, "GET", "/mcp", {"Accept": "text/html"})
            assert (browser.status, browser.headers["content-type"]) == (406, "text/plain; charset=utf-8")
            assert (await fetch(served.port, "GET", "/nothing", {})).status == 404
            assert (await fetch(served.port, "POST", "/", base_headers())).status == 405

    run()


METHODS: list[tuple[bool, str, str, str]] = [
    # sessions, method, version, Allow
    (True, "PUT", "", "GET, POST, DELETE"),
    (True, "PATCH", "2025-11-25", "GET, POST, DELETE"),
    (True, "HEAD", "", "GET, POST, DELETE"),
    (False, "DELETE", "", "GET, POST"),
    (False, "DELETE", "2025-11-25", "GET, POST"),
    (False, "PUT", "", "GET, POST"),
    (True, "GET", "2026-07-28", "POST"),
    (True, "DELETE", "2026-07-28", "POST"),
    (False, "GET", "2026-07-28", "POST"),
    (False, "OPTIONS", "2026-07-28", "POST"),
]


@pytest.mark.parametrize(("sessions", "method", "version", "allowed"), METHODS)
def test_other_methods_are_told_what_there_is(sessions: bool, method: str, version: str, allowed: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(with_description(sessions=sessions)) as served:
            headers = {"Accept": "text/event-stream", **({"MCP-Protocol-Version": version} if version else {})}
            answer = await fetch(served.port, method, "/mcp", headers)
            assert (answer.status, answer.headers["allow"]) == (405, allowed)

    run()


def test_a_server_whose_lists_never_change_has_no_stream_of_changes() -> None:
    @on_loop
    async def run() -> None:
        async with serving(
            with_description(sessions=False, list_changed=frozenset(), resource_subscriptions=False)
        ) as served:
            answer = await fetch(served.port, "GET", "/mcp", {"Accept": "text/event-stream"})
            assert (answer.status, answer.headers["allow"]) == (405, "POST")

    run()


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-8", 200),
        ("", 200),
    ],
)
def test_only_json_is_read(content_type: str, status: int) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            assert (await modern(served.port, "tools/list", Content_Type=content_type)).status == status

    run()


def with_description(**changes: Any) -> FixtureBackend:
    backend = FixtureBackend()
    backend.description = replace(backend.description, **changes)
    return backend
