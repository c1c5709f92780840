"""Fetching a document over HTTP: one GET through an `Upstream`, redirects followed by hand so that the destination
policy is asked for every hop, within bounds on time and size.
"""

import asyncio
from urllib.parse import quote, urlsplit

import msgspec

from apifold.core.errors import ErrorCategory
from apifold.core.limits import DOWNLOAD, DownloadLimits
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest, UpstreamResponse
from apifold.core.requests.redirect import NotFollowed, next_hop
from apifold.gateway.failures import FailureKind, UpstreamFailure
from apifold.gateway.ports import Upstream

_ACCEPT = "application/json, application/yaml, application/vnd.oai.openapi+json, application/vnd.oai.openapi, text/yaml, */*;q=0.5"
_PORTS = {"http": 80, "https": 443}
_SAFE_IN_URL = "!#$%&'()*+,/:;=?@[]~"


class Download(msgspec.Struct, frozen=True):
    url: str
    """Where the bytes came from in the end."""
    data: bytes


class Downloader:
    """Fetches files through a port that checks destinations.

    The port must read at least `limits.bytes` of an answer: build it with that as its `response_bytes`.
    """

    def __init__(self, upstream: Upstream, *, limits: DownloadLimits = DOWNLOAD) -> None:
        self._upstream = upstream
        self._limits = limits

    async def __call__(self, url: str) -> Download:
        """The bytes at an http or https URL. Raises `DocumentRefused` that says what happened."""
        try:
            return await self._fetch(url, _request(url))
        except UpstreamFailure as failure:
            refused = failure.kind is FailureKind.REFUSED_DESTINATION
            category = ErrorCategory.INVALID if refused else ErrorCategory.UPSTREAM_FAILED
            message = f"cannot fetch {_shown(url)}: {failure.message}"
            raise DocumentRefused("document.unreachable", message, category=category, hint=failure.hint) from failure

    async def _fetch(self, url: str, request: UpstreamRequest) -> Download:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.seconds
        for _ in range(self._limits.redirects + 1):
            response = await self._upstream.send(request, timeout=max(deadline - clock(), 0.001))
            hop = next_hop(request, response)
            if hop is None:
                return Download(request.url, self._checked(url, response))
            if isinstance(hop, NotFollowed):
                raise _failed(url, f"it answers with a redirect that is not followed: {hop.reason}")
            request = hop.request
        raise _failed(url, f"it redirects more than {self._limits.redirects} times")

    def _checked(self, url: str, response: UpstreamResponse) -> bytes:
        if not 200 <= response.status < 300:
            raise _failed(url, f"the answer is {response.status}")
        if response.truncated or len(response.body) > self._limits.bytes:
            message = f"{_shown(url)} has more than {self._limits.bytes:,} bytes"
            raise DocumentRefused("document.too_large", message, category=ErrorCategory.TOO_LARGE)
        return response.body


def _request(url: str) -> UpstreamRequest:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise _invalid(url, str(error)) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _invalid(url, "only http and https URLs can be fetched")
    if parts.username is not None or parts.password is not None:
        raise _invalid(url, "a URL with a user name or password is not fetched")
    query = f"?{quote(parts.query, safe=_SAFE_IN_URL)}" if parts.query else ""
    target = quote(parts.path or "/", safe=_SAFE_IN_URL) + query
    headers = (("Accept", _ACCEPT),)
    origin = Origin(parts.scheme, parts.hostname, port)
    return UpstreamRequest("GET", origin, target, headers, b"", BodyKind.NONE, idempotent=True)


def _shown(url: str) -> str:
    """A URL for a message: without a password, should there be one."""
    head, at, tail = url.partition("@")
    return f"{head.partition('//')[0]}//…@{tail}"[:300] if at and "//" in head else url[:300]


def _failed(url: str, reason: str) -> DocumentRefused:
    return DocumentRefused(
        "document.unreachable", f"cannot fetch {_shown(url)}: {reason}", category=ErrorCategory.UPSTREAM_FAILED
    )


def _invalid(url: str, reason: str) -> DocumentRefused:
    return DocumentRefused("document.url", f"cannot fetch {_shown(url)}: {reason}", category=ErrorCategory.INVALID)
