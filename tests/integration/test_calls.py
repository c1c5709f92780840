"""Calls to real servers over real sockets: what is shown is what is sent, and every kind of answer and failure comes back."""

import asyncio
import base64
import json
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from apifold.bootstrap.api import API
from apifold.core.limits import CALL, CallLimits
from apifold.core.mcp.content import EmbeddedResource, ImageContent
from apifold.core.requests.destination import GLOBAL_ONLY
from apifold.core.values import JSON, JSONObject
from apifold.demo.wire import Request, Response
from apifold.gateway.context import CallContext
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.ports import Upstream
from apifold.gateway.upstream.client import UpstreamClient
from support.calls import FakeTime, make_api, make_engine, real_upstream, text
from support.demo import running
from support.documents import openapi
from support.echo import EchoServer
from support.loops import on_loop

pytestmark = pytest.mark.wire

ANSWERS: JSON = {"200": {"description": ""}}
DOCUMENT = openapi(
    {
        "/things": {
            "get": {
                "operationId": "find",
                "security": [{"key": []}],
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
                "responses": ANSWERS,
            },
            "post": {
                "operationId": "add",
                "security": [{"key": []}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": ANSWERS,
            },
        }
    },
    components={"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "k"}}},
)

Handler = Callable[[Request], Awaitable[Response]]


def against(
    handler: Handler, test: Callable[[API, CallEngine], Coroutine[Any, Any, None]], *, limits: CallLimits = CALL
) -> None:
    """Run a test against a server that answers with `handler`."""
    with running(handler) as url:
        api = make_api(DOCUMENT, base_url=f"{url}/v1", auth=["key=literal:s3cr3t-value"])

        @on_loop
        async def run() -> None:
            upstream = real_upstream(limits)
            try:
                await test(api, make_engine(api, upstream, limits=limits))
            finally:
                await upstream.close()

        run()


async def call(api: API, engine: CallEngine, name: str = "find", **arguments: JSON) -> CallContext:
    tool = api.catalogue.by_name(name)
    assert tool is not None
    return await engine.call(tool, arguments)


def answering(body: bytes, content_type: str, *headers: tuple[str, str], status: int = 200) -> Handler:
    async def answer(_: Request) -> Response:
        return Response(status, body, content_type, headers)

    return answer


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("find", {"q": "a b&c=ü"}), ("add", {"body": {"name": "ü", "list": [1, None]}}), ("find", {})],
)
def test_what_a_dry_run_shows_is_what_is_sent(name: str, arguments: JSONObject) -> None:
    server = EchoServer()
    api = make_api(DOCUMENT, base_url=f"{server.url}/v1", auth=["key=literal:s3cr3t-value"])

    @on_loop
    async def run() -> None:
        upstream = real_upstream()
        engine = make_engine(api, upstream)
        tool = api.catalogue.by_name(name)
        assert tool is not None
        shown = (await engine.prepare(tool, arguments)).shown(secrets=True)
        done = await engine.call(tool, arguments)
        await upstream.close()
        received = server.take()
        assert (received.method, received.target, received.body) == (shown.method, shown.target, shown.body)
        framing = {b"host", b"content-length", b"connection"}
        sent = [(n.decode(), v.decode()) for n, v in received.headers if n.lower() not in framing]
        assert sent == list(shown.headers)
        assert text(done.result) == '{"ok":true}'

    try:
        run()
    finally:
        server.close()


def test_compressed_json_comes_back_as_the_json_it_is() -> None:
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(b'{"a":1}') + packer.flush()

    async def test(api: API, engine: CallEngine) -> None:
        done = await call(api, engine)
        assert (text(done.result), done.result.structured_raw) == ('{"a":1}', b'{"a":1}')

    against(answering(body, "application/json", ("Content-Encoding", "gzip")), test)


def test_picture_and_file_come_back_whole() -> None:
    picture, file = b"\x89PNG\r\n\x1a\n" + bytes(range(256)), bytes(range(256)) * 40

    async def answer(request: Request) -> Response:
        if "q=picture" in request.query:
            return Response(200, picture, "image/png")
        return Response(200, file, "application/zip", (("Content-Disposition", 'attachment; filename="all.zip"'),))

    async def test(api: API, engine: CallEngine) -> None:
        one = await call(api, engine, q="picture")
        assert one.result.content == (ImageContent(base64.b64encode(picture).decode(), "image/png"),)
        two = await call(api, engine, q="file")
        assert two.result.content[1] == EmbeddedResource(
            "openapi://operations/find/answer/all.zip", "application/zip", blob=base64.b64encode(file).decode()
        )

    against(answer, test)


def test_answer_longer_than_is_read_keeps_its_first_whole_items() -> None:
    items = [{"id": n, "name": f"thing {n}"} for n in range(5_000)]
    limits = CallLimits(response_bytes=50_000, result_bytes=5_000)

    async def test(api: API, engine: CallEngine) -> None:
        done = await call(api, engine)
        first, note = text(done.result).split("\n", 1)
        shown = json.loads(first)
        assert shown == items[: len(shown)]
        assert len(shown) > 100
        assert note.startswith("The answer is longer than 50,000 bytes")

    against(answering(json.dumps(items).encode(), "application/json"), test, limits=limits)


def test_refusal_of_the_api_is_an_error_with_its_words() -> None:
    async def test(api: API, engine: CallEngine) -> None:
        done = await call(api, engine, "add", body={})
        assert done.result.is_error
        assert text(done.result) == 'HTTP 422 Unprocessable Content\n\n{"detail":"name is missing"}'

    against(answering(b'{"detail":"name is missing"}', "application/json", status=422), test)


def test_call_that_takes_too_long_ends_and_says_whether_it_may_have_happened() -> None:
    async def never(_: Request) -> Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nothing ever comes")

    async def test(api: API, engine: CallEngine) -> None:
        written = await call(api, engine, "add", body={})
        assert written.failure is not None
        assert written.failure.code == "upstream.timeout"
        assert "may have acted on the call" in text(written.result)
        read = await call(api, engine)
        assert "may have acted" not in text(read.result)

    against(never, test, limits=CallLimits(timeout_seconds=0.2, retries=0))


def test_nothing_listening_is_told_without_the_secret_that_the_url_holds() -> None:
    server = EchoServer()
    server.close()
    api = make_api(DOCUMENT, base_url=f"{server.url}/v1", auth=["key=literal:s3cr3t-value"])

    @on_loop
    async def run() -> None:
        upstream, time = real_upstream(), FakeTime()
        done = await call(api, make_engine(api, upstream, time=time))
        await upstream.close()
        assert done.result.is_error
        assert done.failure is not None
        assert done.failure.code == "upstream.connect_failed"
        assert (done.attempts, time.pauses) == (3, [0.1, 0.2])
        assert "s3cr3t" not in repr((done.result, done.failure, done.failure.hint))

    run()


def test_private_address_is_refused_where_the_policy_says_so_and_nothing_is_sent() -> None:
    server = EchoServer()
    api = make_api(DOCUMENT, base_url=server.url)

    @on_loop
    async def run() -> None:
        upstream: Upstream = UpstreamClient(policy=GLOBAL_ONLY)
        done = await call(api, make_engine(api, upstream))
        await upstream.close()
        assert done.result.is_error
        assert done.failure is not None
        assert done.failure.code == "upstream.refused_destination"
        assert "127.0.0.1" in text(done.result)
        assert "--allow-upstream" in text(done.result)

    try:
        run()
        assert server._received.empty()
    finally:
        server.close()


def test_redirect_to_a_private_address_is_refused_by_the_same_policy() -> None:
    async def test(api: API, engine: CallEngine) -> None:
        done = await call(api, engine)
        assert done.failure is not None
        assert done.failure.code == "upstream.refused_destination"
        assert "169.254.169.254" in text(done.result)

    against(answering(b"", "", ("Location", "http://169.254.169.254/latest/meta-data"), status=302), test)


def test_cancelled_call_leaves_the_upstream_alone_and_the_engine_usable() -> None:
    @on_loop
    async def run() -> None:
        arrived = asyncio.Event()
        left = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            arrived.set()
            await reader.read()
            left.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        api = make_api(DOCUMENT, base_url=f"http://127.0.0.1:{port}")
        upstream = real_upstream()
        task = asyncio.get_running_loop().create_task(call(api, make_engine(api, upstream)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left.wait()
        await upstream.close()
        server.close()
        await server.wait_closed()

    run()
