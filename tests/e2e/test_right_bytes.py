"""Our own documents, from a file to the bytes that a real server receives."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from apifold.bootstrap.sources import load_path
from apifold.core.requests.build import build_request
from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.plan import compile_plan
from apifold.core.requests.servers import ServerChoice
from apifold.core.tools.compiler import Catalogue, compile_tools
from apifold.core.values import JSONObject
from apifold.gateway.upstream.client import UpstreamClient
from support.echo import EchoServer, Received, echo_server

pytestmark = pytest.mark.wire

DOCUMENTS = Path(__file__).parents[1] / "documents" / "requests"
PNG: JSONObject = {"content": "iVBORw0KGgoA//4=", "filename": "l.png", "contentType": "image/png"}
PNG_BYTES = b"\x89PNG\r\n\x1a\n\x00\xff\xfe"
V31, V20, V32 = "parcels-3.1.yaml", "parcels-2.0.yaml", "parcels-3.2.yaml"


@dataclass(frozen=True)
class Wire:
    """A call and what is to arrive. Headers that every request has are left out of `headers`."""

    document: str
    tool: str
    arguments: JSONObject
    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    accept: str = "*/*"
    server: str = "https://main.parcels.example.com"


FORM = "application/x-www-form-urlencoded"
CALLS = [
    Wire(
        V31,
        "getParcel",
        {
            "id": "a/b.c",
            "id_query": "q",
            "fields_parcel": ["w,x", "h"],
            "top": 5,
            "filter": {"weight": {"gte": 1.0, "in": [1, 2]}},
            "callback": "https://me.example/cb?x=1&y=2",
            "box": {"w": 1, "label": "é &"},
            "X-Tags": ["a", "b"],
            "session": "s=1",
        },
        "GET /api/parcels/a%2Fb.c?id=q&fields%5Bparcel%5D=w%2Cx,h&%24top=5&filter%5Bweight%5D%5Bgte%5D=1"
        "&filter%5Bweight%5D%5Bin%5D%5B0%5D=1&filter%5Bweight%5D%5Bin%5D%5B1%5D=2"
        "&callback=https://me.example/cb?x=1%26y=2&box=%7B%22w%22%3A1%2C%22label%22%3A%22%C3%A9%20%26%22%7D",
        (("X-Tags", "a,b"), ("X-Version", "2026-07-01"), ("Cookie", "session=s%3D1")),
        accept="application/vnd.parcels.v2+json",
    ),
    Wire(
        V31,
        "putParcel",
        {"id": "1", "body": {"weight": 2.5, "note": None, "@kind": "box", "lines": [{"sku/no": "7", "qty": 1}]}},
        "PUT /api/parcels/1",
        (("Content-Type", "application/vnd.parcels+json"),),
        b'{"weight":2.5,"note":null,"@kind":"box","lines":[{"sku/no":"7","qty":1}]}',
    ),
    Wire(
        V31,
        "patchParcel",
        {"id": "1", "body": {"note": None}},
        "PATCH /api/parcels/1",
        (("Content-Type", "application/merge-patch+json"),),
        b'{"note":null}',
    ),
    Wire(
        V31,
        "patchParcel",
        {"id": "1", "body": [{"op": "remove", "path": "/note"}]},
        "PATCH /api/parcels/1",
        (("Content-Type", "application/json-patch+json"),),
        b'[{"op":"remove","path":"/note"}]',
    ),
    Wire(V31, "deleteParcel", {"id": "1"}, "DELETE /api/parcels/1"),
    Wire(
        V31,
        "getLegs",
        {"id": "x", "legs": ["a", "b c"], "window": {"from": 1, "to": "2/3"}},
        "GET /api/parcels/.x/legs/;legs=a;legs=b%20c/from=1,to=2%2F3",
    ),
    Wire(
        V31,
        "createOrder",
        {"body": {"to": {"name": "A & B", "lines": ["x", "y"]}, "tags": ["p", "q"], "extra": {"k": [1]}, "paid": True}},
        "POST /api/orders",
        (("Content-Type", FORM),),
        b"to%5Bname%5D=A%20%26%20B&to%5Blines%5D%5B0%5D=x&to%5Blines%5D%5B1%5D=y&tags=p&tags=q"
        b"&extra=%7B%22k%22%3A%5B1%5D%7D&paid=true",
    ),
    Wire(
        V31,
        "uploadLabel",
        {"body": {"file": PNG, "meta": {"page": 1}, "sizes": [1, 2], "title": "é"}},
        "POST /up/labels",
        (("Content-Type", "multipart/form-data; boundary=BOUNDARY"),),
        b"--BOUNDARY\r\n"
        b'Content-Disposition: form-data; name="file"; filename="l.png"\r\nContent-Type: image/png\r\nX-Part: 1\r\n\r\n'
        + PNG_BYTES
        + b'\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n'
        b'{"page":1}\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="sizes"\r\n\r\n1'
        b'\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="sizes"\r\n\r\n2'
        b'\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xc3\xa9\r\n--BOUNDARY--\r\n',
        server="https://files.parcels.example.com",
    ),
    Wire(V31, "uploadScan", {"body": PNG}, "POST /api/scans", (("Content-Type", "image/png"),), PNG_BYTES, "image/png"),
    Wire(
        V31,
        "uploadScan",
        {"body": "iVBORw0KGgoA//4="},
        "POST /api/scans",
        (("Content-Type", "application/octet-stream"),),
        PNG_BYTES,
        "image/png",
    ),
    Wire(
        V31,
        "addNote",
        {"body": "Hello **wörld**"},
        "POST /api/notes",
        (("Content-Type", "text/plain"),),
        "Hello **wörld**".encode(),
        "text/plain",
    ),
    Wire(
        V31,
        "putManifest",
        {"body": "<m>1</m>"},
        "PUT /api/manifest",
        (("Content-Type", "application/xml"),),
        b"<m>1</m>",
    ),
    Wire(
        V31,
        "addEvents",
        {"body": [{"a": 1}, {"b": None}]},
        "POST /api/events",
        (("Content-Type", "application/x-ndjson"),),
        b'{"a":1}\n{"b":null}\n',
    ),
    Wire(V31, "setFlag", {"body": False}, "PUT /api/flags", (("Content-Type", "application/json"),), b"false"),
    Wire(
        V20,
        "listParcels",
        {"ids": [1, 2], "tags": ["a", "b"], "sort": ["x", "-y"], "tabs": ["p", "q"], "X-Ids": ["7", "8"]},
        "GET /v1/parcels?ids=1%7C2&tags=a&tags=b&sort=x,-y&tabs=p%09q",
        (("X-Ids", "7 8"),),
        server="https://parcels.example.com:8443",
    ),
    Wire(
        V20,
        "createParcel",
        {"body": {"weight": 1}},
        "POST /v1/parcels",
        (("Content-Type", "application/json"),),
        b'{"weight":1}',
        server="https://parcels.example.com:8443",
    ),
    Wire(
        V20,
        "uploadLabel",
        {"body": {"file": "data:image/png;base64,iVBORw0KGgoA//4=", "title": "t"}},
        "POST /v1/labels",
        (("Content-Type", "multipart/form-data; boundary=BOUNDARY"),),
        b'--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="file"\r\nContent-Type: image/png\r\n\r\n'
        + PNG_BYTES
        + b'\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n--BOUNDARY--\r\n',
        server="https://parcels.example.com:8443",
    ),
    Wire(
        V20,
        "createOrder",
        {"body": {"tags": ["a", "b"], "to": "x y"}},
        "POST /v1/orders",
        (("Content-Type", FORM),),
        b"tags=a,b&to=x%20y",
        server="https://parcels.example.com:8443",
    ),
    Wire(
        V32,
        "queryParcels",
        {"body": {"q": 1}},
        "QUERY /api/v3/parcels",
        (("Content-Type", "application/json"),),
        b'{"q":1}',
        server="",
    ),
    Wire(
        V32,
        "listParcels",
        {"all": {"q": "x&y", "tag": ["a", "b"]}, "prefs": {"a": "1 2", "b": "3"}},
        "GET /api/v3/parcels?q=x%26y&tag=a&tag=b",
        (("Cookie", "a=1 2; b=3"),),
        server="",
    ),
    Wire(V32, "purgeParcels", {}, "Purge /api/v3/parcels", server=""),
    Wire(V32, "find", {"path": "$.a[?@.b > 1]"}, "GET /api/v3/find?%24.a%5B%3F%40.b%20%3E%201%5D", server=""),
]


@cache
def catalogue(document: str) -> Catalogue:
    return compile_tools(load_path(DOCUMENTS / document))


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    with echo_server() as server:
        yield server


def send(call: Wire, echo: EchoServer) -> Received:
    """Make the call against the echo server in place of the document's, and give what arrived."""
    tools = catalogue(call.document)
    tool = tools.find(call.tool)
    assert tool is not None
    choice = ServerChoice(
        document_url=f"{echo.url}/openapi.yaml", origins={call.server: echo.url} if call.server else {}
    )
    plan = compile_plan(tool, tools.input(tool), tools.document.resolver, servers=choice)

    async def exchange() -> None:
        client = UpstreamClient(policy=DestinationPolicy.allowing((), private=True))
        try:
            await client.send(build_request(plan, call.arguments), timeout=10)
        finally:
            await client.close()

    asyncio.run(exchange())
    return echo.take()


def boundary_of(received: Received) -> bytes:
    return (received.header("Content-Type") or "").partition("boundary=")[2].encode() or b"BOUNDARY"


@pytest.mark.parametrize(
    "call", [pytest.param(call, id=f"{call.document}-{call.tool}-{at}") for at, call in enumerate(CALLS)]
)
def test_a_call_arrives_byte_for_byte(call: Wire, echo: EchoServer) -> None:
    received = send(call, echo)
    boundary = boundary_of(received)
    body = call.body.replace(b"BOUNDARY", boundary)
    framing = body or received.method in ("POST", "PUT", "PATCH")
    headers = [
        ("Host", f"127.0.0.1:{echo.port}"),
        ("Accept", call.accept),
        ("Accept-Encoding", "gzip, br, zstd"),
        ("User-Agent", "APIFold"),
        *call.headers,
        *([("Content-Length", str(len(body)))] if framing else []),
    ]
    assert received == Received(
        f"{call.line} HTTP/1.1".encode(),
        tuple((name.encode(), text.encode().replace(b"BOUNDARY", boundary)) for name, text in headers),
        body,
    )
