"""What a server says of itself, and the notices of its changes."""

import json
from typing import Any

import pytest
from mcp_types import methods
from mcp_types.methods import validate_server_result
from msgspec.structs import replace

from apifold.core.mcp.face import Face, acknowledgment, change_notice, listen_result, negotiate
from apifold.core.mcp.handler import Kind
from apifold.core.mcp.outcome import Filter, InputRequired
from apifold.core.mcp.revisions import LEGACY, REVISIONS, V2024_11_05, V2025_11_25, V2026_07_28, Revision
from apifold.core.mcp.server import Listing, ServerDescription
from apifold.core.values import JSONObject

FULL = ServerDescription(
    name="acme",
    version="3.2.0",
    title="Acme API",
    instructions="Begin with search.",
    website_url="https://acme.test",
    icons=({"src": "https://acme.test/i.png"},),
    logging=True,
    resource_subscriptions=True,
    list_ttl_ms=5_000,
)
NAMED = {"name": "acme", "version": "3.2.0"}
TITLED = {**NAMED, "title": "Acme API"}
PICTURED = {**TITLED, "websiteUrl": "https://acme.test", "icons": [{"src": "https://acme.test/i.png"}]}
SERVER = "io.modelcontextprotocol/serverInfo"


def test_pages_are_smaller_where_a_message_may_not_be_large() -> None:
    face = Face(ServerDescription("s", "1"))
    items: tuple[JSONObject, ...] = tuple(
        {"name": f"t{n}", "inputSchema": {}, "description": "x" * 90} for n in range(30)
    )
    listing = Listing(1, items)
    whole = face.page(listing, Kind.TOOLS, V2026_07_28, "")
    assert whole is not None
    assert "nextCursor" not in json.loads(whole)
    names, cursor, sizes = [], "", []
    while True:
        page = face.page(listing, Kind.TOOLS, V2026_07_28, cursor, most=1_000)
        assert page is not None
        said = json.loads(page)
        names += [tool["name"] for tool in said["tools"]]
        sizes.append(len(page))
        cursor = said.get("nextCursor", "")
        if not cursor:
            break
    assert names == [item["name"] for item in items]
    assert max(sizes) < 1_300


@pytest.mark.parametrize(("name", "revision"), LEGACY.items())
def test_a_handshake_is_answered_in_the_revision_that_is_asked_for(name: str, revision: Revision) -> None:
    said = json.loads(Face(FULL).handshake(negotiate(name)))
    validate_server_result("initialize", name, said)
    shown = {"2024-11-05": NAMED, "2025-03-26": NAMED, "2025-06-18": TITLED, "2025-11-25": PICTURED}
    completions: dict[str, Any] = {} if revision is V2024_11_05 else {"completions": {}}
    assert said == {
        "protocolVersion": name,
        "capabilities": {
            "tools": {"listChanged": True},
            "resources": {"subscribe": True, "listChanged": True},
            "prompts": {"listChanged": True},
            **completions,
            "logging": {},
        },
        "serverInfo": shown[name],
        "instructions": "Begin with search.",
    }


@pytest.mark.parametrize("asked", ["2026-07-28", "2099-01-01", "", "nonsense", "2025-11-2"])
def test_an_unknown_revision_gets_the_newest_that_has_a_handshake(asked: str) -> None:
    assert negotiate(asked) is V2025_11_25


def test_discovery_lists_what_may_be_named_per_request() -> None:
    said = json.loads(Face(FULL).discovery(V2026_07_28))
    validate_server_result("server/discover", "2026-07-28", said)
    assert said.pop("capabilities")["completions"] == {}
    assert said == {
        "supportedVersions": ["2026-07-28"],
        "instructions": "Begin with search.",
        "ttlMs": 5_000,
        "cacheScope": "private",
        "resultType": "complete",
        "_meta": {SERVER: PICTURED},
    }


def test_a_bare_server_declares_nothing_it_does_not_have() -> None:
    bare = ServerDescription(
        "s", "1", tools=False, resources=False, prompts=False, completions=False, list_changed=frozenset()
    )
    said = json.loads(Face(bare).handshake(V2025_11_25))
    assert said == {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    only_tools = Face(replace(bare, tools=True))
    assert only_tools.capabilities(V2025_11_25) == {"tools": {}}


def test_a_shared_list_may_be_kept_by_anybody() -> None:
    said = json.loads(Face(replace(FULL, shared=True)).result({"contents": []}, V2026_07_28, cacheable=True))
    assert said == {
        "contents": [],
        "ttlMs": 5_000,
        "cacheScope": "public",
        "resultType": "complete",
        "_meta": {SERVER: NAMED},
    }


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
def test_an_empty_result_is_an_object(revision: Revision) -> None:
    said = json.loads(Face(FULL).result({}, revision))
    assert said == ({"resultType": "complete", "_meta": {SERVER: NAMED}} if revision.modern else {})


def test_a_question_is_a_result() -> None:
    asked: Any = {"method": "roots/list", "params": {}}
    said = json.loads(Face(FULL).input_required(InputRequired({"roots": asked}, "sealed")))
    validate_server_result("tools/call", "2026-07-28", said)
    assert said == {
        "resultType": "input_required",
        "inputRequests": {"roots": asked},
        "requestState": "sealed",
        "_meta": {SERVER: NAMED},
    }


def test_pages_are_built_once_per_list_and_revision_and_not_kept_for_ever() -> None:
    face = Face(FULL)
    first = Listing(1, ({"name": "a", "inputSchema": {"type": "object"}},))
    page = face.page(first, Kind.TOOLS, V2026_07_28, "")
    assert page is face.page(first, Kind.TOOLS, V2026_07_28, "")
    assert page is not face.page(first, Kind.TOOLS, V2025_11_25, "")
    for number in range(100):
        face.page(Listing(number, ()), Kind.TOOLS, V2026_07_28, "")
    assert len(face._pages) <= 32
    assert face.page(first, Kind.TOOLS, V2026_07_28, "") == page


@pytest.mark.parametrize("subscription", [b"", b"7", b'"L1"'])
@pytest.mark.parametrize("kind", ["tools", "prompts", "resources", "resource"])
def test_a_notice_is_one_that_the_protocol_has(kind: str, subscription: bytes) -> None:
    said = json.loads(change_notice(kind, "a://b", subscription))
    version = "2026-07-28" if subscription else "2025-11-25"
    methods.SERVER_NOTIFICATIONS[said["method"], version].model_validate(said)
    params = said.get("params", {})
    tag = json.loads(subscription) if subscription else None
    assert params.get("_meta", {}).get("io.modelcontextprotocol/subscriptionId") == tag
    assert params.get("uri") == ("a://b" if kind == "resource" else None)


def test_an_acknowledgment_holds_what_is_honored_and_no_more() -> None:
    said = json.loads(acknowledgment(b'"L1"', Filter(tools=True, uris=frozenset({"b://x", "a://x"}))))
    methods.SERVER_NOTIFICATIONS[said["method"], "2026-07-28"].model_validate(said)
    assert said["params"] == {
        "_meta": {"io.modelcontextprotocol/subscriptionId": "L1"},
        "notifications": {"toolsListChanged": True, "resourceSubscriptions": ["a://x", "b://x"]},
    }
    assert json.loads(acknowledgment(b"1", Filter()))["params"]["notifications"] == {}


def test_a_stream_ends_with_a_result() -> None:
    said = json.loads(listen_result(b"3"))
    validate_server_result("subscriptions/listen", "2026-07-28", said)
    assert said["_meta"] == {"io.modelcontextprotocol/subscriptionId": 3}
