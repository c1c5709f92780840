"""One server as its callers see it: what it says of itself, as bytes, for every revision.

Built once per description. Everything that is the same for all callers is prepared here, so that an answer is put
together from two or three pieces.
"""

import msgspec

from apifold.core.mcp.handler import Kind
from apifold.core.mcp.listing import PAGE_BYTES, Pages, build_pages
from apifold.core.mcp.outcome import Filter, InputRequired
from apifold.core.mcp.revisions import LEGACY, MODERN, NEWEST_LEGACY, Revision
from apifold.core.mcp.server import Listing, ServerDescription
from apifold.core.values import JSON, JSONObject

SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"

_KEPT_PAGES = 32
"""Sets of pages kept at a time: revisions times kinds times the listings that callers with other rights see."""

_NOTICES = {"tools": "tools/list_changed", "prompts": "prompts/list_changed", "resources": "resources/list_changed"}


class Face:
    """What is said of one `ServerDescription`; also keeps the pages of its lists."""

    def __init__(self, description: ServerDescription) -> None:
        self.description = description
        self.instructions = description.instructions
        server = msgspec.json.encode({"name": description.name, "version": description.version})
        identity = b',"_meta":{"io.modelcontextprotocol/serverInfo":%b}' % server
        self._scope = "public" if description.shared else "private"
        self._modern_tail = b',"resultType":"complete"' + identity
        self._cached_tail = (
            b',"ttlMs":%d,"cacheScope":"%b"' % (description.list_ttl_ms, self._scope.encode()) + self._modern_tail
        )
        self._identity = identity
        self._handshakes: dict[str, bytes] = {}
        self._discovery = b""
        self._pages: dict[tuple[int, str, Kind, int], tuple[Listing, Pages]] = {}

    def tail(self, revision: Revision, *, cacheable: bool = False) -> bytes:
        """What a result ends with, each member led by a comma. `cacheable`: with freshness (CacheableResult)."""
        if not revision.modern:
            return b""
        return self._cached_tail if cacheable else self._modern_tail

    def result(self, members: JSONObject, revision: Revision, *, cacheable: bool = False) -> bytes:
        """A result with some members of its own."""
        tail = self.tail(revision, cacheable=cacheable)
        body = msgspec.json.encode(members)[:-1]
        return body + (tail if members else tail[1:]) + b"}"

    def handshake(self, revision: Revision) -> bytes:
        """InitializeResult, for the negotiated revision."""
        found = self._handshakes.get(revision.name)
        if found is None:
            result: JSONObject = {
                "protocolVersion": revision.name,
                "capabilities": self.capabilities(revision),
                "serverInfo": self._implementation(revision),
            }
            if self.instructions:
                result["instructions"] = self.instructions
            found = self._handshakes[revision.name] = msgspec.json.encode(result)
        return found

    def discovery(self, revision: Revision) -> bytes:
        """DiscoverResult. It lists the revisions that may be named per request; the older ones are found by `initialize`."""
        if not self._discovery:
            result: JSONObject = {
                "supportedVersions": list(MODERN),
                "capabilities": self.capabilities(revision),
            }
            if self.instructions:
                result["instructions"] = self.instructions
            whole: JSONObject = {"io.modelcontextprotocol/serverInfo": self._implementation(revision)}
            result |= {"ttlMs": self.description.list_ttl_ms, "cacheScope": self._scope}
            result |= {"resultType": "complete", "_meta": whole}
            self._discovery = msgspec.json.encode(result)
        return self._discovery

    def capabilities(self, revision: Revision) -> JSONObject:
        described = self.description

        def changing(family: str) -> JSONObject:
            return {"listChanged": True} if family in described.list_changed else {}

        offered: JSONObject = {}
        if described.tools:
            offered["tools"] = changing("tools")
        if described.resources:
            subscribing: JSONObject = {"subscribe": True} if described.resource_subscriptions else {}
            offered["resources"] = {**subscribing, **changing("resources")}
        if described.prompts:
            offered["prompts"] = changing("prompts")
        if described.completions and revision.completions:
            offered["completions"] = {}
        if described.logging:
            offered["logging"] = {}
        return offered

    def page(self, listing: Listing, kind: Kind, revision: Revision, cursor: str, *, most: int = 0) -> bytes | None:
        """The result for one page of a list; `None` for a cursor that is not (or no longer) valid. `most`: the bytes of
        items in it, where a message may not have more than somewhat above that.
        """
        page_bytes = most or PAGE_BYTES
        key = (id(listing), revision.name, kind, page_bytes)
        found = self._pages.get(key)
        if found is None:
            if len(self._pages) >= _KEPT_PAGES:
                del self._pages[next(iter(self._pages))]
            # The listing is kept with its pages: as long as it lives, no other object can have its identity.
            found = (
                listing,
                build_pages(listing, kind, revision, self.tail(revision, cacheable=True), page_bytes=page_bytes),
            )
            self._pages[key] = found
        return found[1].find(cursor)

    def input_required(self, needed: InputRequired) -> bytes:
        """InputRequiredResult (2026-07-28)."""
        result: JSONObject = {"resultType": "input_required"}
        if needed.requests:
            result["inputRequests"] = dict(needed.requests)
        if needed.state:
            result["requestState"] = needed.state
        return msgspec.json.encode(result)[:-1] + self._identity + b"}"

    def _implementation(self, revision: Revision) -> JSONObject:
        described = self.description
        known: dict[str, JSON] = {
            "name": described.name,
            "version": described.version,
            "title": described.title,
            "websiteUrl": described.website_url,
            "icons": list(described.icons),
        }
        return {field: known[field] for field in revision.server_fields if known[field]}


def negotiate(requested: str) -> Revision:
    """The revision an `initialize` gets: the one it asks for if it has a handshake here, else the newest that has."""
    return LEGACY.get(requested, NEWEST_LEGACY)


def change_notice(kind: str, uri: str, subscription: bytes = b"") -> bytes:
    """A notification of a change. `subscription` is the id of the stream's request, as JSON; older revisions have none."""
    tag = b'"_meta":{"%b":%b}' % (SUBSCRIPTION_KEY.encode(), subscription) if subscription else b""
    if kind == "resource":
        tag = b'"uri":%b%b%b' % (msgspec.json.encode(uri), b"," if tag else b"", tag)
        return b'{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{%b}}' % tag
    params = b',"params":{%b}' % tag if tag else b""
    return b'{"jsonrpc":"2.0","method":"notifications/%b"%b}' % (_NOTICES[kind].encode(), params)


def acknowledgment(subscription: bytes, honored: Filter) -> bytes:
    """The first message on a `subscriptions/listen` stream: what of the wish will be fulfilled."""
    flags = {
        "toolsListChanged": honored.tools,
        "promptsListChanged": honored.prompts,
        "resourcesListChanged": honored.resources,
    }
    notifications: JSONObject = {name: True for name, wanted in flags.items() if wanted}
    if honored.uris:
        notifications["resourceSubscriptions"] = list[JSON](sorted(honored.uris))
    return b'{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"%b":%b},%b' % (
        SUBSCRIPTION_KEY.encode(),
        subscription,
        b'"notifications":%b}}' % msgspec.json.encode(notifications),
    )


def listen_result(subscription: bytes) -> bytes:
    """SubscriptionsListenResult: the graceful end of a stream."""
    return b'{"resultType":"complete","_meta":{"%b":%b}}' % (SUBSCRIPTION_KEY.encode(), subscription)
