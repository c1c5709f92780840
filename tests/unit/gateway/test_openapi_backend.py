"""A document behind an MCP endpoint: lists, resources, completion, and who sees what."""

import asyncio
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.server import Listing
from apifold.core.policy.access import Principal, PrincipalKind
from apifold.core.values import JSON, JSONObject
from apifold.gateway.openapi_backend import OpenAPIBackend
from apifold.gateway.ports import Caller, ToolCall
from support.calls import FakeTime, ScriptedUpstream, make_api, make_engine, reply
from support.channel import KeptChannel
from support.documents import openapi
from support.loops import on_loop

OK: JSON = {
    "200": {"description": "The thing", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}
}
DOCUMENT = openapi(
    {
        "/things/{id}": {
            "get": {
                "operationId": "getThing",
                "summary": "Get a <b>thing</b>",
                "tags": ["things"],
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": OK,
            },
            "delete": {
                "operationId": "deleteThing",
                "deprecated": True,
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"204": {"description": "Gone"}},
            },
        },
        "/things": {"get": {"operationId": "listThings", "tags": ["things"], "responses": OK}},
    },
    servers=[{"url": "https://api.test/v1"}],
    components={
        "schemas": {"T": {"type": "object", "x-secret": 1, "properties": {"next": {"$ref": "#/components/schemas/T"}}}}
    },
)
API = make_api(DOCUMENT)
ANYBODY = Caller()
NARROW = Caller(Principal(PrincipalKind.TOKEN, tools=frozenset({"GET /things"})))


def backend(upstream: ScriptedUpstream | None = None, tools: Callable[[str], bool] = lambda _: True) -> OpenAPIBackend:
    chosen = tuple(tool for tool in API.catalogue.tools if tools(tool.name))
    engine = make_engine(API, upstream or ScriptedUpstream(reply()), time=FakeTime())
    return OpenAPIBackend(replace(API.snapshot, tools=chosen), engine)


def names(listing: Listing) -> list[JSON]:
    return [item["name"] for item in listing.items]


async def page(uri: str, caller: Caller = ANYBODY) -> tuple[str, str]:
    (content,) = await backend().read_resource(uri, caller)
    assert content["uri"] == uri
    return str(content["mimeType"]), str(content["text"])


@on_loop
async def test_a_large_list_is_prepared_in_turns_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apifold.gateway.openapi_backend._SLICE_SECONDS", 0.0)
    fresh = OpenAPIBackend(make_api(DOCUMENT).snapshot, make_engine(API, ScriptedUpstream(reply()), time=FakeTime()))
    preparing = fresh.preparing(ANYBODY)
    assert preparing is not None
    turns = 0
    work = asyncio.ensure_future(preparing)
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= len(API.catalogue.tools)
    fresh.tools(ANYBODY)
    assert fresh.preparing(ANYBODY) is None
    narrow = fresh.preparing(NARROW)
    assert narrow is not None
    await narrow


def test_tool_is_listed_with_all_its_hints_and_no_output_schema() -> None:
    assert backend().tools(ANYBODY).items[0] == {
        "name": "getThing",
        "title": "Get a thing",
        "description": "Get a thing",
        "inputSchema": API.catalogue.input(API.catalogue.tools[0]).schema,
        "annotations": {
            "title": "Get a thing",
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": True,
        },
    }


def test_list_is_the_same_object_until_it_changes() -> None:
    one = backend()
    assert one.tools(ANYBODY) is one.tools(ANYBODY)
    assert one.resources(ANYBODY) is one.resources(ANYBODY)


def test_caller_with_an_allow_list_sees_only_what_is_on_it() -> None:
    assert names(backend().tools(ANYBODY)) == ["getThing", "deleteThing", "listThings"]
    assert names(backend().tools(NARROW)) == ["listThings"]


@pytest.mark.parametrize(
    ("name", "caller", "tools"),
    [
        ("nothing", ANYBODY, lambda _: True),
        ("getThing", NARROW, lambda _: True),
        ("getThing", ANYBODY, lambda name: name != "getThing"),
        ("GET /things/{id}", ANYBODY, lambda _: True),
    ],
)
def test_tool_that_a_caller_may_not_use_is_as_unknown_as_one_that_is_not(
    name: str, caller: Caller, tools: Callable[[str], bool]
) -> None:
    @on_loop
    async def test() -> None:
        upstream = ScriptedUpstream(reply())
        with pytest.raises(AppError) as caught:
            await backend(upstream, tools).call_tool(ToolCall(name, {"id": "1"}, caller, KeptChannel()))
        assert (caught.value.category, caught.value.message) == (ErrorCategory.NOT_FOUND, f"Unknown tool: {name}")
        assert upstream.sent == []

    test()


@on_loop
async def test_known_tool_is_called() -> None:
    upstream = ScriptedUpstream(reply(body=b"[1]"))
    result = await backend(upstream).call_tool(ToolCall("getThing", {"id": "a/b"}, ANYBODY, KeptChannel()))
    assert result.structured_raw == b"[1]"
    assert [one.url for one in upstream.sent] == ["https://api.test/v1/things/a%2Fb"]


def test_resources_are_the_index_and_a_template() -> None:
    one = backend()
    assert [item["uri"] for item in one.resources(ANYBODY).items] == ["openapi://spec"]
    assert [item["uriTemplate"] for item in one.resource_templates(ANYBODY).items] == ["openapi://operations/{name}"]
    assert one.prompts(ANYBODY).items == ()


@on_loop
async def test_index_has_every_operation_under_its_tag() -> None:
    media, text = await page("openapi://spec")
    assert media == "text/markdown"
    assert text.split("\n") == [
        "# Test 1",
        "",
        "- 3 operations; OpenAPI 3.1",
        "- Server: https://api.test/v1",
        "- One operation in full: openapi://operations/{name}",
        "",
        "## things",
        "",
        "- getThing: GET /things/{id} — Get a thing",
        "- listThings: GET /things",
        "",
        "## Other operations",
        "",
        "- deleteThing: DELETE /things/{id} (deprecated)",
    ]


@on_loop
async def test_index_shows_a_caller_only_what_it_may_use() -> None:
    _, text = await page("openapi://spec", NARROW)
    assert "listThings" in text
    assert "getThing" not in text


@on_loop
async def test_page_of_an_operation_has_its_answers_with_references_written_out() -> None:
    media, text = await page("openapi://operations/getThing")
    found = json.loads(text)
    assert media == "application/json"
    assert found["arguments"] == {"id": {"in": "path", "name": "id", "required": True}}
    assert found["inputSchema"] == API.catalogue.input(API.catalogue.tools[0]).schema
    schema = found["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"]["next"]["properties"]["next"]["type"] == "object"
    assert "$ref" not in text
    assert "x-secret" not in text


@pytest.mark.parametrize(
    "uri",
    [
        "openapi://operations/nothing",
        "openapi://operations/",
        "openapi://operations/a/b",
        "openapi://",
        "file:///etc/passwd",
    ],
)
def test_unknown_resource_is_not_found(uri: str) -> None:
    @on_loop
    async def test() -> None:
        with pytest.raises(AppError) as caught:
            await backend().read_resource(uri, ANYBODY)
        assert caught.value.category is ErrorCategory.NOT_FOUND

    test()


@on_loop
async def test_page_of_an_operation_that_a_caller_may_not_use_is_not_found() -> None:
    with pytest.raises(AppError):
        await page("openapi://operations/getThing", NARROW)


@pytest.mark.parametrize(
    ("uri", "argument", "value", "found"),
    [
        ("openapi://operations/{name}", "name", "", ["getThing", "deleteThing", "listThings"]),
        ("openapi://operations/{name}", "name", "LIST", ["listThings"]),
        ("openapi://operations/{name}", "name", "thing", ["getThing", "deleteThing", "listThings"]),
        ("openapi://operations/{name}", "name", "zzz", []),
        ("openapi://operations/{name}", "other", "", []),
        ("openapi://spec", "name", "", []),
    ],
)
def test_names_of_operations_are_completed(uri: str, argument: str, value: str, found: list[str]) -> None:
    @on_loop
    async def test() -> None:
        reference: JSONObject = {"type": "ref/resource", "uri": uri}
        assert list(await backend().complete(reference, {"name": argument, "value": value}, {}, ANYBODY)) == found

    test()


@on_loop
async def test_there_are_no_prompts() -> None:
    with pytest.raises(AppError) as caught:
        await backend().get_prompt("p", {}, ToolCall("p", {}, ANYBODY, KeptChannel()))
    assert caught.value.category is ErrorCategory.NOT_FOUND


def test_replaced_exposure_is_told_to_those_who_listen() -> None:
    one, heard = backend(), list[tuple[str, str]]()
    end = one.watch(lambda kind, uri: heard.append((kind, uri)))
    engine = make_engine(API, ScriptedUpstream(reply()), time=FakeTime())
    one.replace(replace(API.snapshot, version=2, tools=API.catalogue.tools[:1]), engine)
    assert (names(one.tools(ANYBODY)), one.tools(ANYBODY).version) == (["getThing"], 2)
    assert heard == [("tools", ""), ("resources", ""), ("resource", "openapi://spec")]
    end()
    end()
    one.replace(replace(API.snapshot, version=3, tools=()), engine)
    assert len(heard) == 3


def test_server_describes_itself_in_the_first_512_characters() -> None:
    described = API.snapshot.description
    assert (described.name, described.version, described.title) == ("test", "1", "Test")
    assert "openapi://spec" in described.instructions[:512]
    assert described.instructions.startswith("Test at https://api.test/v1: 2 tools, one per API operation.")
