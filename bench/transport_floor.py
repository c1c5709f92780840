"""The transports that were in question, on the path of a tool call: three servers times three ways to call upstream.

`python bench/transport_floor.py [--rounds N] [--seconds S] [--connections C]` starts one process per pair, sends the
same small `tools/call` with wrk, alternating, and prints the median of CPU microseconds per call and calls per second.
The work between server and client is the same everywhere and minimal: decode, one GET upstream (1 kB), splice, answer.
Servers that are not installed are left out and named. Decision record 7 was taken on these numbers.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from load import fire, mcp
from processes import cpu_seconds, free_port, running

from apifold.core.requests.destination import ALLOW_PRIVATE
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest
from apifold.gateway.ports import Exchange, Upstream
from apifold.gateway.server import HTTPServer
from apifold.gateway.upstream.aiohttp_client import AiohttpUpstream
from apifold.gateway.upstream.client import UpstreamClient

SERVERS = {"ours": "apifold", "uvicorn": "uvicorn", "granian": "granian"}
"""Name to the package that must be there."""
CLIENTS = ("none", "ours", "aiohttp")
CANNED = b'{"id": "item-7", "note": "' + b"x" * 1000 + b'"}'
HEADERS = (("content-type", "application/json"),)
UPSTREAM_HEADERS = (("Accept", "application/json"), ("User-Agent", "apifold"), ("Authorization", "Bearer " + "x" * 40))

Answering = Callable[[bytes], Awaitable[bytes]]


class Call(msgspec.Struct, gc=False):
    id: int
    method: str
    params: msgspec.Raw


decode = msgspec.json.Decoder(Call).decode
check = msgspec.json.Decoder(msgspec.Raw).decode


def answering(client: str, upstream: int) -> Answering:
    """Message in, answer out: what every server of this comparison calls."""
    origin = Origin("http", "127.0.0.1", upstream)
    request = UpstreamRequest("GET", origin, "/items/7?q=a", UPSTREAM_HEADERS, b"", BodyKind.NONE, idempotent=True)
    sender: Upstream | None = None

    async def answer(message: bytes) -> bytes:
        nonlocal sender
        call = decode(message)
        if client == "none":
            body = CANNED
        else:
            if sender is None:
                sender = (UpstreamClient if client == "ours" else AiohttpUpstream)(policy=ALLOW_PRIVATE)
            body = (await sender.send(request, timeout=30)).body
            check(body)
        return b'{"jsonrpc":"2.0","id":%d,"result":{"structuredContent":%b}}' % (call.id, body)

    return answer


async def serve_ours(answer: Answering, port: int) -> None:
    async def work(exchange: Exchange) -> None:
        exchange.respond(200, HEADERS, await answer(exchange.body))

    server = HTTPServer(work)
    await server.start("127.0.0.1", port)
    await asyncio.Event().wait()


def asgi(answer: Answering) -> Callable[..., Awaitable[None]]:
    async def app(
        scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[..., Awaitable[Any]]
    ) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        out = await answer(body)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(out))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": out})

    return app


async def serve_uvicorn(answer: Answering, port: int) -> None:
    import uvicorn  # noqa: PLC0415  # one of the candidates; not a dependency

    config = uvicorn.Config(
        asgi(answer), port=port, http="httptools", lifespan="off", access_log=False, log_level="warning"
    )
    await uvicorn.Server(config).serve()


async def serve_granian(answer: Answering, port: int) -> None:
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415  # one of the candidates; not a dependency
    from granian.server.embed import Server  # noqa: PLC0415  # same

    async def app(_scope: Any, protocol: Any) -> None:
        out = await answer(await protocol())
        protocol.response_bytes(200, [("content-type", "application/json")], out)

    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        log_level="error",
        backpressure=10_000,
    )
    await server.serve()


def serve(server: str, client: str, port: int, upstream: int) -> None:
    start = {"ours": serve_ours, "uvicorn": serve_uvicorn, "granian": serve_granian}[server]
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(start(answering(client, upstream), port))


def measure(rounds: int, seconds: int, connections: int) -> None:
    here = Path(__file__)
    servers = [name for name, package in SERVERS.items() if importlib.util.find_spec(package) is not None]
    pairs = [(server, client) for client in CLIENTS for server in servers]
    cpu: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    rate: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    shot = mcp("tools/call", {"name": "get_item", "arguments": {"id": "item 7", "q": "oak", "limit": 5}})
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        upstream = free_port()
        command = [sys.executable, str(here.with_name("upstream.py")), str(upstream)]
        stack.enter_context(running(command, port=upstream, log=folder / "upstream.log"))
        started = []
        for server, client in pairs:
            port = free_port()
            command = [sys.executable, str(here), "serve", server, client, str(port), str(upstream)]
            log = folder / f"{server}-{client}.log"
            started.append((port, stack.enter_context(running(command, port=port, log=log))))
        for turn in range(rounds + 1):  # the first one warms up
            for pair, (port, process) in zip(pairs, started, strict=True):
                before = cpu_seconds(process.pid)
                outcome = fire(
                    [shot], port=port, connections=connections, seconds=seconds if turn else 1, folder=folder
                )
                if outcome.errors:
                    raise SystemExit(f"error: {outcome.errors} calls failed with {pair}")
                if turn:
                    cpu[pair].append((cpu_seconds(process.pid) - before) / outcome.requests * 1e6)
                    rate[pair].append(outcome.per_second)
    report(servers, cpu, rate, connections)


def report(
    servers: list[str],
    cpu: dict[tuple[str, str], list[float]],
    rate: dict[tuple[str, str], list[float]],
    connections: int,
) -> None:
    for missing in SERVERS.keys() - servers:
        print(f"{missing} is not installed and was left out")
    print(f"c = {connections}; median CPU us per call (spread) / calls per second; ratio of CPU to ours x ours")
    base = statistics.median(cpu["ours", "ours"])
    print("| server \\ upstream client | " + " | ".join(CLIENTS) + " |")
    print("|---|" + "---|" * len(CLIENTS))
    for server in servers:
        cells = []
        for client in CLIENTS:
            values = cpu[server, client]
            middle = statistics.median(values)
            calls = statistics.median(rate[server, client])
            spread = f"{min(values):.0f}-{max(values):.0f}"
            cells.append(f"{middle:.0f} ({spread}) / {calls:,.0f} / {middle / base:.2f}")
        print(f"| {server} | " + " | ".join(cells) + " |")


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    measure(options.rounds, options.seconds, options.connections)


if __name__ == "__main__":
    main()
