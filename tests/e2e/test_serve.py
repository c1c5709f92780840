"""`apifold serve` as a process of its own, with a real API behind it, used by the official Python client."""

import asyncio
import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent, TextResourceContents

from apifold.demo.app import SHOP_KEY
from apifold.demo.wire import Request, Response
from support.demo import Reply, running, send
from support.mcp_client import MODES, over_http, over_sse, over_stdio
from support.processes import APIFOLD, Running, run, started

pytestmark = pytest.mark.wire

DEMO = Path(__file__).resolve().parents[2] / "src" / "apifold" / "demo" / "openapi.json"
NEW_BOOK = {
    "title": "Kindred",
    "authors": [{"name": "Octavia E. Butler", "born": 1947}],
    "genre": "fiction",
    "price": {"amount": 11.5, "currency": "EUR"},
}
WAIT = 30


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with running() as url:
        yield f"{url}/api"


@pytest.fixture(scope="module")
def served(shop: str) -> Iterator[str]:
    """The URL of a server that runs for all tests of this module."""
    with started(*serving(shop), variables={"KEY": SHOP_KEY}) as process:
        yield url_of(process)


def serving(base_url: str, *options: str) -> tuple[str, ...]:
    return ("serve", str(DEMO), "--base-url", base_url, "--port", "0", "--auth", "shopKey=env:KEY", *options)


def url_of(process: Running) -> str:
    return process.wait_for(r"http://127\.0\.0\.1:\d+/mcp").group()


def ways(url: str) -> dict[str, AbstractAsyncContextManager[Client]]:
    streamable = {f"http {mode}": over_http(url, mode) for mode in MODES}
    return {**streamable, "sse": over_sse(url.removesuffix("mcp") + "sse", "legacy")}


def post_call(url: str, **headers: str) -> Reply:
    """One `tools/call` of a legacy client, with headers of its own."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "getBook", "arguments": {"bookId": 1}},
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return send("POST", url, body=json.dumps(call).encode(), headers={**usual, **given})


def said(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


async def use(client: Client) -> None:
    """What a client does with the demo: read, be told what is wrong, write, see it, look at a picture, read the manual."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert len(tools) == 15
    assert tools["getBook"].annotations is not None
    assert tools["getBook"].annotations.read_only_hint is True
    book = await client.call_tool("getBook", {"bookId": 1})
    assert book.structured_content == json.loads(said(book))
    missing = await client.call_tool("getBook", {"bookId": 9_999})
    assert missing.is_error
    assert said(missing).startswith("HTTP 404 Not Found\n\n{")
    wrong = await client.call_tool("getBook", {"bookId": "first", "colour": "red"})
    assert wrong.is_error
    assert "/bookId" in said(wrong)
    added = await client.call_tool("addBook", {"body": NEW_BOOK})
    created = json.loads(said(added).split("\n")[0])
    assert said(added).split("\n")[1] == f"Location: /api/books/{created['id']}"
    seen = await client.call_tool("getBook", {"bookId": created["id"]})
    assert json.loads(said(seen))["title"] == "Kindred"
    removed = await client.call_tool("removeBook", {"bookId": created["id"]})
    assert said(removed) == "HTTP 204 No Content. The answer has no body."
    stocked = await client.call_tool("restock", {"bookId": 1, "body": {"copies": 3}})
    assert not stocked.is_error, said(stocked)
    (cover,) = (await client.call_tool("getCover", {"bookId": 1})).content
    assert isinstance(cover, ImageContent)
    assert cover.mime_type == "image/png"
    (index,) = (await client.read_resource("openapi://spec")).contents
    assert isinstance(index, TextResourceContents)
    assert "- getBook: GET /books/{bookId}" in index.text


@pytest.mark.parametrize("way", [*(f"http {mode}" for mode in MODES), "sse"])
def test_official_client_uses_the_api(served: str, way: str) -> None:
    async def test() -> None:
        async with asyncio.timeout(WAIT), ways(served)[way] as client:
            await use(client)

    asyncio.run(test())


@pytest.mark.parametrize("mode", MODES)
def test_official_client_uses_the_api_over_stdio(shop: str, mode: str) -> None:
    command = [*APIFOLD, "serve", str(DEMO), "--base-url", shop, "--transport", "stdio"]

    async def test() -> None:
        async with asyncio.timeout(WAIT), over_stdio(mode, *command, "--auth", f"shopKey={SHOP_KEY}") as client:
            await use(client)

    asyncio.run(test())


def test_missing_secret_is_named_at_the_start_and_in_the_answer(shop: str) -> None:
    with started("serve", str(DEMO), "--base-url", shop, "--port", "0") as process:
        url = url_of(process)

        async def test() -> None:
            async with asyncio.timeout(WAIT), over_http(url, "auto") as client:
                refused = await client.call_tool("restock", {"bookId": 1, "body": {"copies": 3}})
                assert refused.is_error
                assert "--auth shopKey=env:SHOPKEY" in said(refused)

        asyncio.run(test())
        process.stop()
    assert "shopKey (API key in header X-Shop-Key): --auth shopKey=env:SHOPKEY" in process.text


def test_callers_own_headers_and_our_token_never_reach_the_api() -> None:
    seen: list[Request] = []

    async def api(request: Request) -> Response:
        seen.append(request)
        return Response(200, json.dumps(dict(request.headers)).encode(), "application/json")

    with (
        running(api) as upstream,
        started(*serving(upstream, "--token", "t0ken-of-ours"), variables={"KEY": "upstream-k3y"}) as process,
    ):
        url = url_of(process)
        headers = {
            "MCP_Protocol_Version": "2025-11-25",
            "Cookie": "session=of-the-caller",
            "X_Forwarded_For": "10.1.2.3",
        }
        refused = post_call(url, **headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="apifold"'
        answered = post_call(url, Authorization="Bearer t0ken-of-ours", **headers)
        assert answered.status == 200
        process.stop()
    (request,) = seen
    assert sorted(request.headers) == ["accept", "accept-encoding", "host", "user-agent"]
    for secret in ("t0ken-of-ours", "upstream-k3y"):
        assert secret not in process.text
        assert secret not in answered.body.decode()


def test_selection_decides_what_can_be_called_and_the_file_is_read(shop: str, tmp_path: Path) -> None:
    config = tmp_path / "apifold.yaml"
    config.write_text(
        f"spec: {DEMO}\nbase_url: ${{BASE}}\nport: 0\nselect:\n  tags: [books]\n  read_only: true\n", encoding="utf-8"
    )
    with started("serve", "--config", str(config), variables={"BASE": shop}) as process:
        url = url_of(process)

        async def test() -> None:
            async with asyncio.timeout(WAIT), over_http(url, "auto") as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                assert names == ["listBooks", "getBook", "getCover", "exportBooks"]
                with pytest.raises(Exception, match="Unknown tool: addBook"):
                    await client.call_tool("addBook", {"body": NEW_BOOK})

        asyncio.run(test())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_that_is_told_to_stop_ends_its_streams_and_finishes_its_calls(number: signal.Signals) -> None:
    arrived, stopping = threading.Event(), threading.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await asyncio.to_thread(stopping.wait, WAIT)
        return Response(200, b'{"late":true}', "application/json")

    with (
        ThreadPoolExecutor() as pool,
        running(slow) as upstream,
        started(*serving(upstream), variables={"KEY": "k"}) as process,
    ):
        url = url_of(process)
        stream = pool.submit(send, "GET", url, headers={"Accept": "text/event-stream"})
        call = pool.submit(post_call, url)
        assert arrived.wait(WAIT)
        process.process.send_signal(number)
        assert stream.result(WAIT).status == 200
        stopping.set()
        assert call.result(WAIT).json["result"]["content"] == [{"type": "text", "text": '{"late":true}'}]
        assert process.process.wait(WAIT) == 0


def test_busy_port_is_a_named_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started("serve", str(DEMO), "--port", port) as process:
            process.wait_for(f"error: Port {port} on 127.0.0.1 is in use by another program")
            assert process.process.wait(WAIT) == 1


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", "Cannot assign requested address"), ("host.invalid", "[A-Z][a-z ]+known|failure")],
)
def test_address_that_is_not_of_this_machine_is_named(host: str, reason: str) -> None:
    with started("serve", str(DEMO), "--host", host, "--token", "t", "--port", "0") as process:
        process.wait_for(rf"error: {re.escape(host)} is not an address of this machine \(.*(?:{reason}).*\)\.$")
        process.wait_for("hint: Listen on 127.0.0.1 for this machine only")
        assert process.process.wait(WAIT) == 1


def test_listening_to_others_takes_a_token_or_a_decision() -> None:
    with started("serve", str(DEMO), "--host", "0.0.0.0", "--port", "0") as process:
        process.wait_for("error: On 0.0.0.0 anybody who reaches this machine could use the API through it.")
        process.wait_for("hint: Ask callers for a token with --token")
        assert process.process.wait(WAIT) == 2


def test_private_upstream_is_refused_when_others_can_call_us(shop: str) -> None:
    with started(*serving(shop, "--host", "0.0.0.0", "--token", "t"), variables={"KEY": "k"}) as process:
        url = process.wait_for(r"http://[\d.]+:\d+/mcp").group()

        assert post_call(url).status == 401
        answer = post_call(url, Authorization="Bearer t")
        result = answer.json["result"]
        assert result["isError"] is True
        assert "--allow-upstream" in result["content"][0]["text"]


@pytest.mark.parametrize(
    "command",
    [("tools",), ("validate",), ("call", "getBook", "--args", '{"bookId": 1}')],
    ids=lambda command: command[0],
)
def test_document_on_the_web_is_read_and_its_relative_server_found(shop: str, command: tuple[str, ...]) -> None:
    name, *rest = command
    done = run(name, shop.removesuffix("/api") + "/openapi.json", *rest)
    assert done.returncode == 0, done.stderr
    assert "/books" in done.stdout or '"id": 1' in done.stdout
