"""The `Upstream` port on aiohttp: a second opinion under the same contract, and a way out should our client need one.

aiohttp is asked to do nothing of its own: no resolver, no redirects, no cookies, no decompression, no proxy, no fields.
It connects to a checked address that stands in the URL; name and certificate check are given apart. Two habits of its
own had to be taken from it below, for which it has no public switch: repeating a request on a new connection, and taking
bytes that lay on an idle connection for the next answer. Where it still differs: `Content-Length: 0` is sent with
DELETE too, field values leave as UTF-8, and interim answers (1xx) are read until the time is over.
"""

import asyncio
import io
import ssl
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from apifold.core.limits import CALL, POOL, CallLimits, PoolLimits
from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.model import Origin, UpstreamRequest, UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.http1 import has_body
from apifold.gateway.upstream.decompress import DecodeFailed, open_content
from apifold.gateway.upstream.request import RequestEncoder, unsendable
from apifold.gateway.upstream.resolver import Locator, RememberingResolver, Resolver, SystemResolver

_LARGE = 65_536
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class _NoNames(AbstractResolver):
    """aiohttp is given addresses; a name that reaches it is a mistake of ours."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        del port, family
        raise OSError(f"not an address: {host}")

    async def close(self) -> None:
        return


class _Connector(aiohttp.TCPConnector):
    """Closes idle connections on which something has come, before one of them is taken."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        kept = self._conns.get(key)
        for entry in tuple(kept or ()):
            if kept is not None and entry[0].should_close:
                kept.remove(entry)
                entry[0].close()
        return await super()._get(key, traces)


@dataclass(slots=True)
class _Progress:
    connecting: bool = False
    reused: bool = False
    sent: bool = False


class AiohttpUpstream:
    """Implements `ports.Upstream`. Belongs to the event loop it is first used on."""

    def __init__(
        self,
        *,
        policy: DestinationPolicy,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        call_limits: CallLimits = CALL,
        limits: PoolLimits = POOL,
    ) -> None:
        names = RememberingResolver(resolver or SystemResolver(), seconds=limits.name_seconds, names=limits.names)
        self._locator = Locator(policy, names, limits)
        self._tls = tls
        self._call_limits = call_limits
        self._limits = limits
        self._encoder = RequestEncoder()
        self._session: aiohttp.ClientSession | None = None
        self._calls: dict[Origin, int] = {}
        self._closed = False

    async def send(self, request: UpstreamRequest, *, timeout: float) -> UpstreamResponse:
        origin = request.origin
        if origin is None or origin.scheme not in {"http", "https"}:
            raise unsendable("The request has no absolute http or https URL.")
        origin = Origin(origin.scheme, self._locator.host(origin.host, origin.port), origin.port)
        self._encoder.encode(request, "", {})  # only for what it refuses
        calls = self._calls.get(origin, 0)
        limits = self._limits
        if self._closed or calls >= limits.per_origin + limits.waiting or sum(self._calls.values()) >= limits.calls:
            raise UpstreamFailure(FailureKind.OVERLOADED, f"Too many calls are waiting for {origin}.", sent=False)
        self._calls[origin] = calls + 1
        try:
            return await self._call(origin, request, timeout)
        finally:
            left = self._calls[origin] - 1
            if left:
                self._calls[origin] = left
            else:
                del self._calls[origin]

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _call(self, origin: Origin, request: UpstreamRequest, timeout: float) -> UpstreamResponse:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            async with asyncio.timeout(min(timeout, self._call_limits.connect_seconds)):
                addresses = await self._locator.addresses(origin.host, origin.port)
        except TimeoutError as error:
            raise _failed(FailureKind.CONNECT_TIMEOUT, origin, "looking it up took too long", sent=False) from error
        failure: UpstreamFailure | None = None
        for address in addresses:
            try:
                return await self._call_at(address, origin, request, deadline)
            except UpstreamFailure as error:
                if error.sent or error.kind not in {FailureKind.CONNECT_FAILED, FailureKind.CONNECT_TIMEOUT}:
                    raise
                failure = error
        assert failure is not None  # noqa: S101  # there is at least one address
        raise failure

    async def _call_at(
        self, address: str, origin: Origin, request: UpstreamRequest, deadline: float
    ) -> UpstreamResponse:
        progress = _Progress()
        try:
            async with asyncio.timeout_at(deadline):
                try:
                    return await self._exchange(address, origin, request, progress)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    if not (progress.reused and request.idempotent):
                        raise
                progress = _Progress()
                return await self._exchange(address, origin, request, progress)
        except aiohttp.ConnectionTimeoutError as error:
            raise _failed(FailureKind.CONNECT_TIMEOUT, origin, "it did not answer in time", sent=False) from error
        except TimeoutError as error:
            raise _late(origin, progress) from error
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise _translated(error, origin, progress) from error

    async def _exchange(
        self, address: str, origin: Origin, request: UpstreamRequest, progress: _Progress
    ) -> UpstreamResponse:
        secure = origin.scheme == "https"
        host = f"[{address}]" if ":" in address else address
        async with self._open_session().request(
            request.method,
            URL(f"{origin.scheme}://{host}:{origin.port}{request.target}", encoded=True),
            headers=CIMultiDict([("Host", origin.authority), *request.headers]),
            data=io.BytesIO(request.body) if len(request.body) > _LARGE else request.body or None,
            allow_redirects=False,
            ssl=self._context() if secure else True,
            server_hostname=origin.host if secure else None,
            trace_request_ctx=progress,
        ) as response:
            if response.status < 200:
                raise _unasked()
            return await self._read(request.method, response)

    async def _read(self, method: str, response: aiohttp.ClientResponse) -> UpstreamResponse:
        fields = tuple((k.decode("ascii").lower(), v.decode("latin-1")) for k, v in response.raw_headers)
        _bound(fields, self._call_limits)
        coding = ",".join(value for name, value in fields if name == "content-encoding")
        content = open_content(coding, self._call_limits.response_bytes)
        try:
            if has_body(method, response.status):
                async for chunk in response.content.iter_any():
                    content.feed(chunk)
                    if content.full:
                        response.close()
                        break
            body = content.finish()
        except DecodeFailed as error:
            response.close()
            message = f"The upstream's answer cannot be decoded: {error}."
            raise UpstreamFailure(FailureKind.DECODE, message, sent=True) from error
        return UpstreamResponse(response.status, fields, body, content.full)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits, call_limits = self._limits, self._call_limits
            self._session = aiohttp.ClientSession(
                connector=_Connector(
                    limit=limits.calls,
                    limit_per_host=limits.per_origin,
                    use_dns_cache=False,
                    resolver=_NoNames(),
                    keepalive_timeout=limits.idle_seconds,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=_AUTOMATIC,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=call_limits.connect_seconds),
                max_line_size=call_limits.header_bytes,
                max_field_size=call_limits.header_bytes,
                max_headers=call_limits.headers,
                trace_configs=[_tracing()],
            )
            self._session._retry_connection = False  # noqa: SLF001  # the only switch there is; held by the contract tests
        return self._session

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _tracing() -> aiohttp.TraceConfig:
    """Tells apart: still waiting for a connection, connecting, sent."""

    async def connecting(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        del session, params
        context.trace_request_ctx.connecting = True

    async def reusing(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        del session, params
        context.trace_request_ctx.reused = True

    async def sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        del session, params
        context.trace_request_ctx.sent = True

    config: aiohttp.TraceConfig = aiohttp.TraceConfig()
    config.on_connection_create_start.append(connecting)
    config.on_connection_reuseconn.append(reusing)
    config.on_request_headers_sent.append(sent)
    return config


def _bound(fields: tuple[tuple[str, str], ...], limits: CallLimits) -> None:
    if len(fields) > limits.headers or sum(len(k) + len(v) + 4 for k, v in fields) > limits.header_bytes:
        raise UpstreamFailure(
            FailureKind.PROTOCOL, "The upstream's answer is not valid HTTP: its head is too large.", sent=True
        )


def _unasked() -> UpstreamFailure:
    message = "The upstream's answer is not valid HTTP: it switched to a protocol that nobody asked for."
    return UpstreamFailure(FailureKind.PROTOCOL, message, sent=True)


def _late(origin: Origin, progress: _Progress) -> UpstreamFailure:
    if progress.sent:
        return UpstreamFailure(FailureKind.TIMEOUT, "The upstream did not answer in time.", sent=True)
    if progress.connecting:
        return _failed(FailureKind.CONNECT_TIMEOUT, origin, "it did not answer in time", sent=False)
    return UpstreamFailure(FailureKind.OVERLOADED, f"Too many calls are waiting for {origin}.", sent=False)


def _translated(error: Exception, origin: Origin, progress: _Progress) -> UpstreamFailure:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            kind, what = FailureKind.TLS_FAILED, "its certificate is not valid"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            kind, what = FailureKind.TLS_FAILED, "the handshake failed"
        case aiohttp.ClientConnectorError():
            kind, what = FailureKind.CONNECT_FAILED, "it cannot be reached"
        case aiohttp.ClientPayloadError():
            broken = isinstance(error.__cause__, ContentLengthError | TransferEncodingError | OSError)
            kind, what = FailureKind.CLOSED if broken else FailureKind.PROTOCOL, "its answer broke off"
        case aiohttp.ClientResponseError():
            kind, what = FailureKind.PROTOCOL, "its answer is not valid HTTP"
        case _:
            kind, what = FailureKind.CLOSED, "it closed the connection before its answer was complete"
    return _failed(kind, origin, what, sent=progress.sent)


def _failed(kind: FailureKind, origin: Origin, what: str, *, sent: bool) -> UpstreamFailure:
    return UpstreamFailure(kind, f"No answer from {origin}: {what}.", sent=sent)
