"""Every method of every revision, over every transport that carries it: the answer has the shape of that revision.

The shapes are those of the official `mcp-types`, which this project uses in tests only.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp_types.methods import CLIENT_REQUESTS, validate_server_result

from apifold.core.mcp.revisions import LEGACY, REVISIONS
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_server import Serving, serving
from support.raw_http import META, Answer, base_headers, connected, initialize, legacy, message, modern
from support.stdio_lines import lines_to

pytestmark = pytest.mark.wire

PARAMS: Mapping[str, Any] = {
    "tools/call": {"name": "test_multiple_content_types", "arguments": {}},
    "resources/read": {"uri": "test://static-binary"},
    "resources/subscribe": {"uri": "test://watched-resource"},
    "resources/unsubscribe": {"uri": "test://watched-resource"},
    "prompts/get": {"name": "test_prompt_with_image"},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
        "argument": {"name": "arg1", "value": "pa"},
    },
    "logging/setLevel": {"level": "debug"},
    "initialize": {"capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}
ANSWERED_AT_ONCE = sorted((m, v) for m, v in CLIENT_REQUESTS if m != "subscriptions/listen")


def params_for(method: str, version: str) -> Any:
    known = PARAMS.get(method, {})
    return {**known, "protocolVersion": version} if method == "initialize" else known


def check(method: str, version: str, said: Any) -> None:
    assert said["jsonrpc"] == "2.0"
    assert said["id"] == "the id"
    assert "error" not in said, said
    validate_server_result(method, version, said["result"])
    if version in LEGACY:
        assert not {"resultType", "ttlMs", "cacheScope"} & set(said["result"])
    else:
        assert said["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "fixture"


async def over_http(served: Serving, method: str, version: str) -> Any:
    params = params_for(method, version)
    if version not in LEGACY:
        async with connected(served.port) as caller:
            headers = {**base_headers(version), "Mcp-Method": method}
            named = params.get("name") or params.get("uri")
            if named:
                headers["Mcp-Name"] = named
            said = message(method, {**params, "_meta": META}, identifier="the id")
            await caller.send("POST", "/mcp", headers, json.dumps(said).encode())
            return (await caller.answer()).json
    opened = await initialize(served.port, version)
    answer = await legacy(
        served.port,
        version,
        method,
        params,
        identifier="the id",
        Mcp_Session_Id=opened.headers["mcp-session-id"],
    )
    assert answer.status == 200
    return answer.json


@pytest.mark.parametrize(("method", "version"), ANSWERED_AT_ONCE)
def test_over_streamable_http(method: str, version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            check(method, version, await over_http(served, method, version))

    run()


@pytest.mark.parametrize(("method", "version"), ANSWERED_AT_ONCE)
def test_over_stdio(method: str, version: str) -> None:
    @on_loop
    async def run() -> None:
        async with lines_to(FixtureBackend()) as client:
            params = params_for(method, version)
            if version in LEGACY:
                await client.initialize(version)
            else:
                params = {**params, "_meta": META}
            check(method, version, await client.ask(method, params, identifier="the id"))

    run()


@pytest.mark.parametrize(("method", "version"), [pair for pair in ANSWERED_AT_ONCE if pair[1] in LEGACY])
def test_over_http_and_sse(method: str, version: str) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served, old_transport(served) as (post, events):
            if method != "initialize":
                await post(message("initialize", params_for("initialize", version), identifier=0))
                assert (await anext(events)).json["result"]["protocolVersion"] == version
            accepted = await post(message(method, params_for(method, version), identifier="the id"))
            assert (accepted.status, accepted.body) == (202, b"")
            check(method, version, (await anext(events)).json)

    run()


@asynccontextmanager
async def old_transport(served: Serving) -> AsyncIterator[Any]:
    async with connected(served.port) as stream:
        await stream.send("GET", "/sse", {"Accept": "text/event-stream"})
        assert (await stream.head()).status == 200
        events = stream.events()
        endpoint = await anext(events)
        assert endpoint.name == "endpoint"

        async def post(said: Any) -> Answer:
            async with connected(served.port) as caller:
                await caller.send("POST", endpoint.data, base_headers(), json.dumps(said).encode())
                return await caller.answer()

        yield post, events


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
def test_a_method_of_another_revision_is_not_found(revision: Any) -> None:
    @on_loop
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            others = {method for method, _ in CLIENT_REQUESTS} - revision.methods | {"tasks/get", "no/such"}
            session = (
                "" if revision.modern else (await initialize(served.port, revision.name)).headers["mcp-session-id"]
            )
            for method in sorted(others):
                if revision.modern:
                    answer = await modern(served.port, method, params_for(method, revision.name))
                    assert answer.refusal == (404, -32601)
                else:
                    params = params_for(method, revision.name)
                    answer = await legacy(served.port, revision.name, method, params, Mcp_Session_Id=session)
                    assert answer.refusal == (200, -32601)
                assert answer.json["id"] == 1

    run()
