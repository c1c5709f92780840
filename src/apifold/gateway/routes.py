"""Which path leads to which endpoint, and by which transport."""

import re
from collections.abc import Callable
from enum import Enum, auto

import msgspec

from apifold.gateway.endpoint import Endpoint


class Leg(Enum):
    MCP = auto()
    """Streamable HTTP, all revisions."""
    SSE = auto()
    """HTTP+SSE of 2024-11-05: the stream."""
    MESSAGES = auto()
    """HTTP+SSE of 2024-11-05: where the client posts."""
    ABOUT = auto()
    """A few words for a person."""


class Route(msgspec.Struct, frozen=True):
    leg: Leg
    endpoint: Endpoint
    messages: str
    """The path of the MESSAGES leg that belongs to the SSE leg."""


Resolver = Callable[[str], Route | None]
"""Raw path, without query, to a route."""


def serve_one(endpoint: Endpoint) -> Resolver:
    """`/mcp`, `/sse`, and a word at the root."""
    routes = {
        "/mcp": Route(Leg.MCP, endpoint, "/messages"),
        "/sse": Route(Leg.SSE, endpoint, "/messages"),
        "/messages": Route(Leg.MESSAGES, endpoint, "/messages"),
        "/": Route(Leg.ABOUT, endpoint, "/messages"),
    }
    routes |= {f"{path}/": route for path, route in routes.items() if path != "/"}
    return routes.get


def serve_many(find: Callable[[str], Endpoint | None]) -> Resolver:
    """`/mcp/{id}` and `/mcp/{id}/sse`, for endpoints that `find` knows by id."""

    def resolve(path: str) -> Route | None:
        matched = _HOSTED.fullmatch(path)
        endpoint = find(matched["id"]) if matched is not None else None
        if matched is None or endpoint is None:
            return None
        return Route(_LEGS[matched["leg"]], endpoint, f"/mcp/{matched['id']}/messages")

    return resolve


_HOSTED = re.compile(r"/mcp/(?P<id>[^/]+)(?P<leg>|/sse|/messages)/?")
_LEGS = {"": Leg.MCP, "/sse": Leg.SSE, "/messages": Leg.MESSAGES}
