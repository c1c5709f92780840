"""A canary in every place a secret can be, against an upstream that sends back all it got, in every form it can think of."""

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from apifold.core.mcp.result import encode_tool_result
from apifold.core.mcp.revisions import V2026_07_28
from apifold.core.policy.access import Principal, PrincipalKind
from apifold.core.requests.credentials import Credentials
from apifold.core.requests.secret import Secret
from apifold.core.values import JSON
from apifold.demo.wire import Request, Response
from apifold.gateway.ports import Caller
from support.calls import Kept, PerSubject, make_api, make_engine, real_upstream, text
from support.demo import running
from support.documents import openapi
from support.loops import on_loop

CANARIES = {
    "header_key": "canary-header+/=1",
    "query_key": "canary query&=2",
    "cookie_key": "canary;cookie,3",
    "bearer_key": "canary-bearer-4~",
    "basic_key": "canary-user:canary-pass/5",
    "header:X-By-Hand": "canary-by-hand-6",
}
SECRETS = (*CANARIES.values(), "canary-pass/5")

SCHEMES: JSON = {
    "header_key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query_key": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie_key": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "bearer_key": {"type": "http", "scheme": "bearer"},
    "basic_key": {"type": "http", "scheme": "basic"},
}


def document() -> JSON:
    paths: dict[str, JSON] = {}
    for scheme in ("bearer_key", "basic_key"):
        security: JSON = [{"header_key": [], "query_key": [], "cookie_key": [], scheme: []}]
        parameter: JSON = {"name": "format", "in": "query", "schema": {"type": "string"}}
        paths[f"/echo/{scheme}"] = {
            "get": {
                "operationId": scheme,
                "security": security,
                "parameters": [parameter],
                "responses": {"200": {"description": ""}},
            }
        }
    return openapi(paths, components={"securitySchemes": SCHEMES})


def echoed(request: Request) -> str:
    """Everything that came in, and what a server may make of it: decoded pairs, decoded queries."""
    authorization = request.headers.get("authorization", "")
    decoded = base64.b64decode(authorization.removeprefix("Basic ")).decode() if "Basic" in authorization else ""
    return json.dumps({"url": f"{request.path}?{request.query}", "headers": dict(request.headers), "decoded": decoded})


ALL = " ".join(SECRETS)
LINK = f'<https://api.test/?key={quote(SECRETS[1])}>; rel="next"'

ANSWERS: dict[str, Callable[[str, Request], Response]] = {
    "json": lambda said, _: Response(200, said.encode(), "application/json"),
    "text": lambda said, _: Response(200, f"{said} {ALL} {quote(ALL)} {quote_plus(ALL)}".encode(), "text/plain"),
    "html": lambda said, _: Response(200, f"<html><body>{said}</body></html>".encode(), "text/html"),
    "utf16": lambda said, _: Response(200, said.encode("utf-16"), "text/plain; charset=utf-16"),
    "binary": lambda _, __: Response(200, b"\0\1" + ALL.encode(), "application/pdf"),
    "octets": lambda said, _: Response(200, b"\0\1" + base64.b64encode(said.encode()), "application/octet-stream"),
    "headers": lambda _, __: Response(
        200, b"1", "application/json", (("Location", f"/?k={SECRETS[3]}"), ("Link", LINK))
    ),
    "error": lambda said, _: Response(401, said.encode(), "application/problem+json", (("Retry-After", SECRETS[0]),)),
    "redirect": lambda said, request: Response(
        302, said.encode(), "text/plain", (("Location", f"https://elsewhere.test/?{request.query}"),)
    ),
    "hex": lambda _, __: Response(
        200, json.dumps([secret.encode().hex() for secret in SECRETS]).encode(), "application/json"
    ),
    "escaped": lambda said, _: Response(
        200, "".join(f"\\u{ord(c):04X}" if c in "&<>'+`" else c for c in said).encode(), "application/json"
    ),
    "broken": lambda _, __: Response(
        200, b"x" * 10, "text/plain", (("Content-Encoding", "gzip"), ("X-Echo", SECRETS[0]))
    ),
}


async def echo(request: Request) -> Response:
    wanted = next(pair.removeprefix("format=") for pair in request.query.split("&") if pair.startswith("format="))
    return ANSWERS[wanted](echoed(request), request)


def traces(secret: str) -> set[str]:
    """The forms in which a secret would still be one for whoever finds it."""
    raw = secret.encode()
    return {
        secret,
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        raw.hex(),
        json.dumps(secret)[1:-1],
        json.dumps(secret).replace("/", "\\/")[1:-1],
    }


def found_in(output: str) -> list[str]:
    decoded = [output]
    for piece in output.replace('"', " ").replace("\\n", " ").split():
        try:
            decoded.append(base64.b64decode(piece, validate=True).decode("latin-1"))
        except ValueError:
            continue
    return [trace for secret in SECRETS for trace in traces(secret) if any(trace in one for one in decoded)]


@pytest.fixture(scope="module")
def upstream_url() -> Iterator[str]:
    with running(echo) as url:
        yield url


@pytest.mark.wire
@pytest.mark.parametrize("scheme", ["bearer_key", "basic_key"])
@pytest.mark.parametrize("wanted", ANSWERS)
def test_no_canary_leaves_whatever_the_upstream_echoes(
    upstream_url: str, scheme: str, wanted: str, caplog: pytest.LogCaptureFixture
) -> None:
    auth = [f"{name}=literal:{value}" for name, value in CANARIES.items()]
    api = make_api(document(), auth=auth, base_url=upstream_url)

    @on_loop
    async def test() -> None:
        kept, upstream = Kept(), real_upstream()
        engine = make_engine(api, upstream, records=kept)
        tool = api.catalogue.by_name(scheme)
        assert tool is not None
        done = await engine.call(tool, {"format": wanted})
        await upstream.close()
        assert done.prepared is not None
        sent = done.prepared.shown(secrets=True)
        assert found_in(f"{sent.url} {sent.headers}"), "the canaries were never sent"
        outputs = {
            "result": encode_tool_result(done.result, V2026_07_28, b"").decode(),
            "values": repr(done.result),
            "dry run": f"{done.prepared.shown().url} {done.prepared.shown().headers}",
            "record": msgspec.json.encode(kept.records).decode(),
            "failure": f"{done.failure!r} {done.failure and done.failure.hint}",
            "credentials": f"{api.credentials!r} {api.options!r} {done.prepared.grant!r}",
            "cuts": repr(done.cuts),
        }
        assert {name: found_in(output) for name, output in outputs.items()} == {name: [] for name in outputs}
        if wanted not in {"redirect", "broken"}:
            assert "secret removed" in str(outputs["result"]) or wanted in {"binary", "octets", "headers"}

    with caplog.at_level(logging.DEBUG):
        test()
    assert found_in(caplog.text) == []


@pytest.mark.wire
def test_redirect_to_another_origin_takes_no_canary_along() -> None:
    seen: list[Request] = []

    async def elsewhere(request: Request) -> Response:
        seen.append(request)
        return Response(200, b"there", "text/plain")

    with running(elsewhere) as there:

        async def here(request: Request) -> Response:
            status = 302 if request.method == "GET" else 307
            return Response(status, b"", "", (("Location", f"{there}/file?sig=1"),))

        with running(here) as url:
            api = make_api(document(), auth=[f"{n}=literal:{v}" for n, v in CANARIES.items()], base_url=url)

            @on_loop
            async def test() -> None:
                upstream = real_upstream()
                engine = make_engine(api, upstream)
                tool = api.catalogue.by_name("basic_key")
                assert tool is not None
                done = await engine.call(tool, {"format": "x"})
                await upstream.close()
                assert text(done.result) == "there"

            test()
    (request,) = seen
    assert (request.path, request.query) == ("/file", "sig=1")
    assert sorted(request.headers) == ["accept", "accept-encoding", "host", "user-agent"]
    assert found_in(repr(request)) == []


@pytest.mark.wire
def test_calls_of_different_people_at_the_same_time_never_mix_their_credentials() -> None:
    async def who(request: Request) -> Response:
        await asyncio.sleep(0)
        owner = {f"Bearer key-of-{n}": n for n in range(20)}[request.headers["authorization"]]
        asked = int(request.query.partition("=")[2])
        return Response(200, json.dumps({"owner": owner, "asked": asked}).encode(), "application/json")

    paths: JSON = {
        "/me": {
            "get": {
                "operationId": "me",
                "security": [{"bearer_key": []}],
                "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"description": ""}},
            }
        }
    }
    with running(who) as url:
        api = make_api(openapi(paths, components={"securitySchemes": SCHEMES}), base_url=url)
        people = PerSubject(
            {
                f"person-{n}": Credentials(api.document.security_schemes, [("bearer_key", Secret(f"key-of-{n}"))])
                for n in range(20)
            }
        )

        @on_loop
        async def test() -> None:
            upstream = real_upstream()
            engine = make_engine(api, upstream, credentials=people)
            tool = api.catalogue.by_name("me")
            assert tool is not None

            async def ask(number: int) -> tuple[int, int]:
                caller = Caller(Principal(PrincipalKind.SESSION, subject=f"person-{number % 20}"))
                done = await engine.call(tool, {"n": number}, caller=caller)
                found = json.loads(text(done.result))
                return found["owner"], found["asked"]

            answers = await asyncio.gather(*(ask(number) for number in range(400)))
            await upstream.close()
            assert answers == [(number % 20, number) for number in range(400)]

        test()
