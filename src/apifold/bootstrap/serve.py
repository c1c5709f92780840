"""`apifold serve`: one API behind one MCP endpoint, over HTTP or over standard input and output, until told to stop."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from urllib.parse import urlsplit

import msgspec

from apifold.bootstrap import api as assembly
from apifold.bootstrap.api import API
from apifold.bootstrap.effects import SystemClock, SystemEntropy
from apifold.bootstrap.options import Options, OptionsRefused, Transport
from apifold.core.requests.credentials import SchemeNeed, scheme_needs
from apifold.gateway.access import AccessRules, Verify, anonymous, bearer_token
from apifold.gateway.endpoint import Endpoint
from apifold.gateway.routes import serve_one
from apifold.gateway.server import HTTPServer
from apifold.gateway.stdio import serve_stdio
from apifold.gateway.transport import MCPTransport

GRACE_SECONDS = 5.0
"""What calls under way get to end in, once the server was told to stop."""
_WARM_UP_SLICE = 0.005
_ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  names, not a bind
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_log = logging.getLogger("apifold.serve")


class Serving(msgspec.Struct, frozen=True):
    """A server that answers from now on, for whoever tells a person."""

    api: API
    url: str
    """Where MCP clients connect (Streamable HTTP); empty over stdio."""
    sse_url: str
    needs: tuple[SchemeNeed, ...]
    """The security schemes in use, and whether there is a secret for each."""
    private_upstreams: bool


Announce = Callable[[Serving], None]


def check_bind(options: Options) -> None:
    """Whoever can reach the port can use the API with the operator's secrets: beyond this machine that takes a decision.

    Raises `OptionsRefused`.
    """
    if is_open(options) and not options.public:
        raise OptionsRefused(
            f"On {options.host} anybody who reaches this machine could use the API through it.",
            hint="Ask callers for a token with --token (or APIFOLD_TOKEN), or open it to everybody with --public.",
        )


def is_open(options: Options) -> bool:
    """Whether others than this machine can call it without a token."""
    beyond = options.transport is Transport.HTTP and not assembly.is_loopback(options.host)
    return beyond and options.token is None


def run(options: Options, variables: Mapping[str, str], announce: Announce) -> None:
    """Serve until Ctrl-C or SIGTERM, or over stdio until the input ends. Raises `AppError` when it cannot begin."""
    check_bind(options)
    run_loop(serve(options, variables, announce))


def run_loop(work: Coroutine[object, object, None]) -> None:
    """Run to the end on the fastest event loop there is."""
    try:
        import uvloop  # noqa: PLC0415  it is not there on every platform
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def serve(options: Options, variables: Mapping[str, str], announce: Announce) -> None:
    gc.disable()  # reading a document makes values that stay: looking for garbage among them finds nothing
    api = assembly.assemble(options, await assembly.load_document(options), variables)
    upstream = assembly.connect(options)
    try:
        backend = assembly.build_backend(api, assembly.build_engine(api, upstream))
        endpoint = Endpoint(backend)
        gc.freeze()
        gc.enable()
        if options.transport is Transport.STDIO:
            announce(_serving(api, "", ""))
            await serve_stdio(endpoint)
        else:
            await _serve_http(api, endpoint, announce)
    finally:
        gc.enable()
        await upstream.close()


async def _serve_http(api: API, endpoint: Endpoint, announce: Announce) -> None:
    options = api.options
    transport = MCPTransport(
        serve_one(endpoint),
        clock=SystemClock(),
        entropy=SystemEntropy(),
        access=access_rules(options),
        verify=_verify(options),
    )
    server = HTTPServer(transport.handle, on_crash=_log_crash)
    stop = stop_signal()
    await server.start(options.host, options.port)
    warming = asyncio.get_running_loop().create_task(_warm_up(api))
    try:
        base = options.public_url or f"http://{_shown_host(options.host)}:{server.port}"
        announce(_serving(api, f"{base}/mcp", f"{base}/sse"))
        await stop.wait()
    finally:
        warming.cancel()
        # Open-ended answers first, so that what is left are calls that end by themselves.
        endpoint.close()
        transport.close()
        await server.close(GRACE_SECONDS)


async def _warm_up(api: API) -> None:
    """Build the schemas that the first list will need, in slices, while nobody has asked yet."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _WARM_UP_SLICE
    for tool in api.selected.tools:
        api.catalogue.input(tool)
        if loop.time() >= until:
            await asyncio.sleep(0)
            until = loop.time() + _WARM_UP_SLICE


def stop_signal() -> asyncio.Event:
    """Set by Ctrl-C and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    return stop


def access_rules(options: Options) -> AccessRules:
    """By which names we may be called. Names are checked unless callers are known by a token, or everybody is welcome."""
    named = {name.lower() for name in options.allow_hosts}
    if options.public_url:
        named.add((urlsplit(options.public_url).hostname or "").lower())
    origins = frozenset(origin.rstrip("/").lower() for origin in options.allow_origins)
    if assembly.is_loopback(options.host):
        return AccessRules(_LOOPBACK_NAMES | named | {_shown_host(options.host).lower()}, origins)
    return AccessRules(frozenset(named) or None, origins)


def _verify(options: Options) -> Verify:
    return anonymous if options.token is None else bearer_token(options.token.reveal())


def _shown_host(host: str) -> str:
    if host in _ANY_ADDRESS:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _serving(api: API, url: str, sse_url: str) -> Serving:
    operations = [tool.operation for tool in api.selected.tools]
    policy = assembly.destination_policy(api.options)
    return Serving(api, url, sse_url, scheme_needs(api.credentials, operations), policy.private)


def _log_crash(error: BaseException) -> None:
    _log.error("a handler failed", exc_info=error)
