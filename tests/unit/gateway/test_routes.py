"""Paths to endpoints."""

import pytest

from apifold.gateway.endpoint import Endpoint
from apifold.gateway.routes import Leg, Route, serve_many, serve_one
from support.fixture_backend import FixtureBackend
from support.loops import on_loop


@on_loop
async def test_one_server_has_four_places() -> None:
    endpoint = Endpoint(FixtureBackend())
    resolve = serve_one(endpoint)
    found = {
        path: resolve(path) for path in ("/mcp", "/mcp/", "/sse", "/messages", "/", "/other", "/mcp/x", "//mcp", "")
    }
    assert found == {
        "/mcp": Route(Leg.MCP, endpoint, "/messages"),
        "/mcp/": Route(Leg.MCP, endpoint, "/messages"),
        "/sse": Route(Leg.SSE, endpoint, "/messages"),
        "/messages": Route(Leg.MESSAGES, endpoint, "/messages"),
        "/": Route(Leg.ABOUT, endpoint, "/messages"),
        "/other": None,
        "/mcp/x": None,
        "//mcp": None,
        "": None,
    }


@pytest.mark.parametrize(
    ("path", "leg"),
    [
        ("/mcp/acme", Leg.MCP),
        ("/mcp/acme/", Leg.MCP),
        ("/mcp/acme/sse", Leg.SSE),
        ("/mcp/acme/messages", Leg.MESSAGES),
        ("/mcp/other", None),
        ("/mcp/", None),
        ("/mcp", None),
        ("/mcp//sse", None),
        ("/mcp/acme/else", None),
        ("/mcp/acme/sse/more", None),
        ("/x/mcp/acme", None),
        ("/mcp/acme%2Fsse", None),
    ],
)
def test_many_servers_are_told_apart_by_id(path: str, leg: Leg | None) -> None:
    @on_loop
    async def look() -> None:
        endpoint = Endpoint(FixtureBackend())
        found = serve_many({"acme": endpoint}.get)(path)
        assert found == (None if leg is None else Route(leg, endpoint, "/mcp/acme/messages"))

    look()
