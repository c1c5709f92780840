"""Method and parameters to what is asked for, revision by revision."""

from typing import Any

import pytest
from mcp_types.methods import CLIENT_REQUESTS
from msgspec.structs import replace

from apifold.core.mcp.envelope import Fault
from apifold.core.mcp.handler import (
    CallTool,
    Complete,
    Discover,
    GetPrompt,
    Initialize,
    Kind,
    Listen,
    ListItems,
    Ping,
    ReadResource,
    SetLevel,
    Subscribe,
    interpret,
)
from apifold.core.mcp.messages import Request
from apifold.core.mcp.outcome import Filter
from apifold.core.mcp.revisions import REVISIONS, V2025_11_25, V2026_07_28, Revision
from apifold.core.mcp.server import ServerDescription

ALL = ServerDescription("s", "1", logging=True, resource_subscriptions=True)
NOTHING = replace(ALL, tools=False, resources=False, prompts=False, completions=False, logging=False)
NOT_FOUND, PARAMS = -32601, -32602

WELL_FORMED: dict[str, tuple[Any, Any]] = {
    "initialize": (
        {"protocolVersion": "2025-11-25", "capabilities": {"roots": {}}, "clientInfo": {"name": "c"}},
        Initialize("2025-11-25", {"roots": {}}, {"name": "c"}),
    ),
    "server/discover": ({}, Discover()),
    "ping": ({}, Ping()),
    "tools/list": ({"cursor": "abc"}, ListItems(Kind.TOOLS, "abc")),
    "tools/call": ({"name": "t", "arguments": {"a": 1}}, CallTool("t", {"a": 1})),
    "resources/list": ({"cursor": None}, ListItems(Kind.RESOURCES, "")),
    "resources/templates/list": ({}, ListItems(Kind.TEMPLATES, "")),
    "resources/read": ({"uri": "a://b"}, ReadResource("a://b")),
    "resources/subscribe": ({"uri": "a://b"}, Subscribe("a://b", wanted=True)),
    "resources/unsubscribe": ({"uri": "a://b"}, Subscribe("a://b", wanted=False)),
    "prompts/list": ({}, ListItems(Kind.PROMPTS, "")),
    "prompts/get": ({"name": "p", "arguments": {"a": "b"}}, GetPrompt("p", {"a": "b"})),
    "completion/complete": (
        {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "b"}},
        Complete({"type": "ref/prompt", "name": "p"}, {"name": "a", "value": "b"}, {}),
    ),
    "logging/setLevel": ({"level": "error"}, SetLevel("error")),
    "subscriptions/listen": ({"notifications": {"toolsListChanged": True}}, Listen(Filter(tools=True))),
}


def ask(method: str, params: Any, revision: Revision = V2026_07_28, described: ServerDescription = ALL) -> object:
    return interpret(Request(b"1", method, params), revision, described)


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
def test_a_revision_has_the_methods_that_its_schema_has(revision: Revision) -> None:
    assert revision.methods == {method for method, version in CLIENT_REQUESTS if version == revision.name}


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
@pytest.mark.parametrize("method", WELL_FORMED)
def test_a_well_formed_request_is_understood_where_its_method_exists(revision: Revision, method: str) -> None:
    params, expected = WELL_FORMED[method]
    found = ask(method, params, revision)
    if method in revision.methods:
        assert found == expected
    else:
        assert found == Fault(NOT_FOUND, f"Method not found: {method}")


@pytest.mark.parametrize("method", ["", "tools", "tools/list ", "TOOLS/LIST", "tasks/get", "rpc.discover", "x" * 1000])
def test_an_unknown_method_is_not_found(method: str) -> None:
    found = ask(method, {})
    assert isinstance(found, Fault)
    assert found.code == NOT_FOUND
    assert len(found.message) < 300


@pytest.mark.parametrize(
    ("capability", "methods"),
    [
        ("tools", {"tools/list", "tools/call"}),
        (
            "resources",
            {
                "resources/list",
                "resources/read",
                "resources/templates/list",
                "resources/subscribe",
                "resources/unsubscribe",
            },
        ),
        ("prompts", {"prompts/list", "prompts/get"}),
        ("completions", {"completion/complete"}),
        ("logging", {"logging/setLevel"}),
        ("resource_subscriptions", {"resources/subscribe", "resources/unsubscribe"}),
    ],
)
def test_what_is_not_declared_does_not_exist(capability: str, methods: set[str]) -> None:
    assert capability in set(ServerDescription.__struct_fields__)
    changes: dict[str, Any] = {capability: False}
    described = replace(ALL, **changes)
    gone = {
        method
        for method in V2025_11_25.methods
        if isinstance(found := ask(method, WELL_FORMED[method][0], V2025_11_25, described), Fault)
        and found.code == NOT_FOUND
    }
    assert gone == methods


@pytest.mark.parametrize("method", ["initialize", "ping"])
def test_the_handshake_needs_no_capability(method: str) -> None:
    assert not isinstance(ask(method, WELL_FORMED[method][0], V2025_11_25, NOTHING), Fault)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("initialize", {}),
        ("initialize", {"protocolVersion": 5}),
        ("tools/list", {"cursor": 5}),
        ("prompts/list", {"cursor": {}}),
        ("tools/call", {}),
        ("tools/call", {"name": None}),
        ("tools/call", {"name": "t", "arguments": []}),
        ("tools/call", {"name": "t", "arguments": "x"}),
        ("tools/call", {"name": "t", "inputResponses": None}),
        ("tools/call", {"name": "t", "inputResponses": []}),
        ("tools/call", {"name": "t", "inputResponses": {"a": 12345}}),
        ("tools/call", {"name": "t", "requestState": 5}),
        ("prompts/get", {}),
        ("prompts/get", {"name": "p", "arguments": []}),
        ("prompts/get", {"name": "p", "arguments": {"a": 1}}),
        ("prompts/get", {"name": "p", "inputResponses": 5}),
        ("resources/read", {}),
        ("resources/read", {"uri": 5}),
        ("resources/subscribe", {}),
        ("resources/unsubscribe", {"uri": None}),
        ("completion/complete", {}),
        ("completion/complete", {"ref": {"type": "ref/other"}, "argument": {"name": "a", "value": "b"}}),
        ("completion/complete", {"ref": {"type": "ref/prompt"}, "argument": {"name": "a"}}),
        ("completion/complete", {"ref": {"type": "ref/prompt"}, "argument": {"name": "a", "value": 1}}),
        ("logging/setLevel", {}),
        ("logging/setLevel", {"level": "loud"}),
        ("logging/setLevel", {"level": ["info"]}),
        ("subscriptions/listen", {}),
        ("subscriptions/listen", {"notifications": []}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": "a://b"}}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": [f"a://{n}" for n in range(257)]}}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a://" + "b" * 16_384]}}),
        ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {"experimental": {"x": "y" * 16_384}}}),
    ],
)
def test_malformed_parameters_are_named(method: str, params: Any) -> None:
    revision = V2026_07_28 if method in V2026_07_28.methods else V2025_11_25
    found = ask(method, params, revision)
    assert isinstance(found, Fault)
    assert found.code == PARAMS


@pytest.mark.parametrize("params", [{"name": "t"}, {"name": "t", "arguments": None}, {"name": "t", "arguments": {}}])
def test_a_call_without_arguments_has_none(params: Any) -> None:
    assert ask("tools/call", params) == CallTool("t", {})


def test_a_call_brings_back_answers_and_state() -> None:
    params: Any = {"name": "t", "inputResponses": {"a": {"action": "accept"}}, "requestState": "s"}
    assert ask("tools/call", params) == CallTool("t", {}, {"a": {"action": "accept"}}, "s")
    assert ask("tools/call", {"name": "t", "requestState": "s"}) == CallTool("t", {}, None, "s")


@pytest.mark.parametrize(
    ("changes", "honored"),
    [
        ({}, Filter(tools=True, prompts=True, resources=True, uris=frozenset({"a://b"}))),
        ({"list_changed": frozenset()}, Filter(uris=frozenset({"a://b"}))),
        ({"prompts": False}, Filter(tools=True, resources=True, uris=frozenset({"a://b"}))),
        ({"resource_subscriptions": False}, Filter(tools=True, prompts=True, resources=True)),
    ],
)
def test_a_wish_is_honored_as_far_as_there_is_something_to_tell(changes: dict[str, Any], honored: Filter) -> None:
    wish: Any = {
        "toolsListChanged": True,
        "promptsListChanged": True,
        "resourcesListChanged": True,
        "resourceSubscriptions": ["a://b", 5],
        "unknown": True,
    }
    assert ask("subscriptions/listen", {"notifications": wish}, described=replace(ALL, **changes)) == Listen(honored)


def test_only_true_is_a_wish() -> None:
    wish: Any = {"toolsListChanged": 1, "promptsListChanged": "true", "resourcesListChanged": None}
    assert ask("subscriptions/listen", {"notifications": wish}) == Listen(Filter())


@pytest.mark.parametrize(
    ("kind", "uri", "covered"),
    [("tools", "", True), ("prompts", "", False), ("resource", "a://b", True), ("resource", "a://c", False)],
)
def test_a_filter_covers_what_it_names(kind: str, uri: str, covered: bool) -> None:
    assert Filter(tools=True, uris=frozenset({"a://b"})).covers(kind, uri) is covered
