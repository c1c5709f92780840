"""What a server says of itself and what it offers, as values that the encoders read."""

import msgspec

from apifold.core.values import JSONObject


class ServerDescription(msgspec.Struct, frozen=True):
    """What an endpoint says of itself (MCP Implementation, capabilities, instructions).

    One object stands for one state: whoever changes the description gives out a new object.
    """

    name: str
    version: str
    title: str = ""
    instructions: str = ""
    website_url: str = ""
    icons: tuple[JSONObject, ...] = ()
    tools: bool = True
    resources: bool = True
    prompts: bool = True
    completions: bool = True
    logging: bool = False
    """Calls send log messages; revisions with `logging/setLevel` answer it."""
    resource_subscriptions: bool = False
    list_changed: frozenset[str] = frozenset({"tools", "prompts", "resources"})
    """Lists that can change: `watch` tells of it, it is announced, and streams that carry it are offered."""
    sessions: bool = False
    """Calls ask the client things (`Channel.request`, `InputRequired`): revisions before 2026-07-28 then get a session.
    Without it every request can be served by any process, and none is ever told that its session is unknown."""
    mirrored_headers: bool = False
    """Some input schema carries a valid `x-mcp-header`; `Mcp-Param-*` is then checked."""
    shared: bool = False
    """Lists are the same for every caller (`cacheScope: public`)."""
    list_ttl_ms: int = 300_000
    """For how long a caller may keep a list, when no change is announced to it."""


class Listing(msgspec.Struct, frozen=True):
    """A list an endpoint offers, in stable order. `version` changes when, and only when, the items do.

    Give out the same object for the same state: what is built from it is kept by its identity.
    """

    version: int
    items: tuple[JSONObject, ...]
    """MCP objects in the form of the newest revision; older revisions are derived from it by the wire layer."""
