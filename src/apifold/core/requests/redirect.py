"""What to do with a 3xx: the next request to send, or the reason why there is none.

Followed: GET and HEAD (any redirect), 303 after a write (as GET, RFC 9110 15.4.4), 307 and 308 within the origin with
the same method and body (the first server did not act). Across origins only GET and HEAD are followed, and nothing of
the first request goes along but `Accept`: no credential, no cookie, no argument. Where a secret would stand in the new
URL it is not followed. The destination policy sees every hop, because every hop is sent through the upstream port.
"""

from urllib.parse import urljoin

import msgspec

from apifold.core.requests.destination import Refused, split_url
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest, UpstreamResponse
from apifold.core.requests.scrub import NOTHING, Scrubber

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_TRAVELS = frozenset({"accept", "accept-encoding", "user-agent"})


class Hop(msgspec.Struct, frozen=True):
    request: UpstreamRequest
    same_origin: bool
    """Credentials may be put on it."""


class NotFollowed(msgspec.Struct, frozen=True):
    reason: str


def next_hop(
    request: UpstreamRequest, response: UpstreamResponse, *, scrubber: Scrubber = NOTHING
) -> Hop | NotFollowed | None:
    """`None`: not a redirect. `request` is the one without credentials, as it was built or as the last hop made it."""
    if response.status not in _REDIRECTS:
        return None
    location = response.header("location")
    if not location or request.origin is None:
        return NotFollowed("the API gave no Location")
    if not location.isprintable():
        return NotFollowed("its Location is not a usable URL")
    try:
        found = _locate(request.url, location)
    except ValueError:
        return NotFollowed("its Location is not a usable URL")
    if isinstance(found, NotFollowed):
        return found
    origin, target = found
    same = origin == request.origin
    method = "GET" if response.status == 303 and request.method not in _SAFE else request.method
    if not same:
        if scrubber.finds(target):
            return NotFollowed("its Location carries a secret to another origin")
        if request.origin.scheme == "https" and origin.scheme == "http":
            return NotFollowed("it leads from https to http")
    if method not in _SAFE and not (same and response.status in {307, 308}):
        return NotFollowed(f"a {request.method} is not sent again to another place without being asked")
    return Hop(_onward(request, method, origin, target, same=same), same)


def _onward(request: UpstreamRequest, method: str, origin: Origin, target: str, *, same: bool) -> UpstreamRequest:
    if same and method == request.method:
        headers, body, kind = request.headers, request.body, request.body_kind
    elif same:
        headers = tuple(pair for pair in request.headers if not pair[0].lower().startswith("content-"))
        body, kind = b"", BodyKind.NONE
    else:
        headers = tuple(pair for pair in request.headers if pair[0].lower() in _TRAVELS)
        body, kind = b"", BodyKind.NONE
    return UpstreamRequest(method, origin, target, headers, body, kind, request.idempotent or method in _SAFE)


def _locate(base: str, location: str) -> tuple[Origin, str] | NotFollowed:
    """Where a Location leads, resolved against the URL it answers (RFC 9110 10.2.2). Raises ValueError."""
    found = split_url(urljoin(base, location.strip()))
    return NotFollowed(f"its Location is refused ({found.message})") if isinstance(found, Refused) else found
