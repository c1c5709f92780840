"""HTTP/1.1 as bytes on a socket, for tests of what is on the wire: nothing is added, corrected or hidden."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

MODERN = "2026-07-28"
META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tester", "version": "9"},
}
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


@dataclass(frozen=True)
class Event:
    data: str
    id: str = ""
    retry: str = ""
    name: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        assert "error" not in self.json, self.json
        return self.json["result"]

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def refusal(self) -> tuple[int, int]:
        """Status and error code."""
        return self.status, self.json["error"]["code"]

    @property
    def events(self) -> list[Event]:
        """The events of a stream that has ended."""
        return [parse_event(block) for block in self.body.decode().split("\n\n") if block and block[0] != ":"]


def parse_event(block: str) -> Event:
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    return Event(
        "\n".join(fields.get("data", [])),
        *("".join(fields.get(name, [])) for name in ("id", "retry", "event")),
    )


@dataclass
class Caller:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int
    _rest: bytes = field(default=b"")

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        lines = [f"{method} {path} HTTP/1.1"]
        if "host" not in {name.lower() for name in headers}:
            lines.append(f"Host: 127.0.0.1:{self.port}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await self.writer.drain()

    async def head(self) -> Answer:
        """Status and headers of the next answer."""
        block = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = block.strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(first.split(" ")[1]), headers)

    async def answer(self) -> Answer:
        """The next answer, to its end."""
        head = await self.head()
        if head.headers.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self.chunks()])
        else:
            body = await self.reader.readexactly(int(head.headers.get("content-length", "0")))
        return Answer(head.status, head.headers, body)

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            chunk = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            if not size:
                return
            yield chunk

    async def events(self) -> AsyncIterator[Event]:
        """The events of a stream as they come; comments are passed over."""
        waiting = ""
        async for chunk in self.chunks():
            waiting += chunk.decode()
            *blocks, waiting = waiting.split("\n\n")
            for block in blocks:
                if not block.startswith(":"):
                    yield parse_event(block)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    caller = Caller(reader, writer, port)
    try:
        yield caller
    finally:
        writer.close()


async def fetch(port: int, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    async with connected(port) as caller:
        await caller.send(method, path, headers, body)
        return await caller.answer()


def message(method: str, params: Any = None, *, identifier: Any = 1) -> dict[str, Any]:
    """A request; a notification when the id is `None`."""
    said: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if identifier is not None:
        said["id"] = identifier
    if params is not None:
        said["params"] = params
    return said


def modern_message(method: str, params: Mapping[str, Any] | None = None, *, identifier: Any = 1) -> dict[str, Any]:
    given = dict(params or {})
    return message(method, {**given, "_meta": {**META, **given.get("_meta", {})}}, identifier=identifier)


def base_headers(version: str = "") -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if version:
        headers["MCP-Protocol-Version"] = version
    return headers


def modern_headers(method: str, params: Mapping[str, Any] | None = None) -> dict[str, str]:
    headers = {**base_headers(MODERN), "Mcp-Method": method}
    if method in NAMED_BY and NAMED_BY[method] in (params or {}):
        headers["Mcp-Name"] = str((params or {})[NAMED_BY[method]])
    return headers


async def post(port: int, said: Any, headers: Mapping[str, str], *, path: str = "/mcp") -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return await fetch(port, "POST", path, headers, body)


async def modern(port: int, method: str, params: Mapping[str, Any] | None = None, **headers: str) -> Answer:
    """A request of 2026-07-28; `Mcp_Name="x"` among the keywords changes a header, an empty value leaves it out."""
    sent = modern_headers(method, params)
    for name, value in headers.items():
        sent[name.replace("_", "-")] = value
    return await post(port, modern_message(method, params), {name: value for name, value in sent.items() if value})


async def legacy(
    port: int, version: str, method: str, params: Any = None, *, identifier: Any = 1, **headers: str
) -> Answer:
    """A request of an earlier revision without a session, or with `Mcp_Session_Id` among the keywords."""
    sent = {**base_headers(version), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await post(port, message(method, params, identifier=identifier), sent)


async def initialize(port: int, version: str, capabilities: Any = None) -> Answer:
    client = {"name": "tester", "version": "9"}
    params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": client}
    return await post(port, message("initialize", params), base_headers())
