"""From options to the document that they name, fetched where it is on the web. The HTTP client is loaded only then."""

from ipaddress import ip_address

import msgspec
import msgspec.structs

from apifold.bootstrap.options import Options, Transport
from apifold.bootstrap.sources import is_url, load_source
from apifold.core.limits import DOWNLOAD
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.document import Document
from apifold.core.requests.destination import DestinationPolicy


async def load_document(options: Options) -> Document:
    """The document that `options.spec` names. Raises `DocumentRefused`, whose message begins with that name."""
    try:
        return await _load(options)
    except DocumentRefused as refused:
        name = "standard input" if options.spec == "-" else options.spec[:300]
        if name in refused.message:
            raise
        message = f"{name}: {refused.message}"
        raise DocumentRefused(refused.code, message, category=refused.category, hint=refused.hint) from refused


async def _load(options: Options) -> Document:
    if not (is_url(options.spec) or options.remote_refs):
        return await load_source(options.spec)
    from apifold.bootstrap.download import Downloader  # noqa: PLC0415  a third of a start, for those who need it
    from apifold.gateway.upstream.client import UpstreamClient  # noqa: PLC0415  same

    limits = msgspec.structs.replace(options.limits, response_bytes=DOWNLOAD.bytes)
    upstream = UpstreamClient(policy=destination_policy(options), call_limits=limits)
    try:
        return await load_source(options.spec, fetch=Downloader(upstream), allow_remote=options.remote_refs)
    finally:
        await upstream.close()


def destination_policy(options: Options) -> DestinationPolicy:
    """Where calls may go. Whoever can reach us only from this machine can reach its network without us."""
    private = options.private_upstreams
    if private is None:
        private = options.transport is Transport.STDIO or is_loopback(options.host)
    return DestinationPolicy.allowing(options.allow_upstreams, private=private)


def is_loopback(host: str) -> bool:
    name = host.strip("[]").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
