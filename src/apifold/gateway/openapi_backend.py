"""The tools of an OpenAPI document behind an MCP endpoint.

A call costs the same whatever the number of tools: it is one look-up by name. Lists are built when first asked for, and
the same object is given out until the snapshot is replaced, which happens as a whole.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from urllib.parse import quote, unquote

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import ToolResult
from apifold.core.mcp.server import Listing, ServerDescription
from apifold.core.snapshot import ServerSnapshot
from apifold.core.tools import guide
from apifold.core.tools.model import Tool
from apifold.core.values import JSONObject
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.ports import Caller, ToolCall

_MOST_VIEWS = 1_000
_SLICE_SECONDS = 0.005
"""How long schemas are built before others have their turn."""


class Unknown(AppError):
    """No such tool, resource or prompt, or none that this caller may use; the two are not told apart."""

    category = ErrorCategory.NOT_FOUND

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what}.unknown", f"Unknown {what}: {name[:200]}")


class Listings:
    """The list of tools as each kind of caller sees it, by allow-list. Bounded: the oldest goes first."""

    def __init__(self, snapshot: ServerSnapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[frozenset[str] | None, Listing] = {}

    def preparing(self, allowed: frozenset[str] | None) -> Coroutine[None, None, None] | None:
        return None if allowed in self._known else self._prepare(allowed)

    async def _prepare(self, allowed: frozenset[str] | None) -> None:
        """Build the schemas, which is nearly all the work, in slices. The catalogue remembers them."""
        loop, snapshot = asyncio.get_running_loop(), self._snapshot
        until = loop.time() + _SLICE_SECONDS
        for tool in snapshot.seen_by(allowed):
            snapshot.catalogue.input(tool)
            if loop.time() >= until:
                await asyncio.sleep(0)
                until = loop.time() + _SLICE_SECONDS

    def seen_by(self, allowed: frozenset[str] | None) -> Listing:
        found = self._known.get(allowed)
        if found is None:
            snapshot = self._snapshot
            items = tuple(
                describe_tool(tool, snapshot.catalogue.input(tool).schema) for tool in snapshot.seen_by(allowed)
            )
            if len(self._known) >= _MOST_VIEWS:
                self._known.pop(next(iter(self._known)))
            found = self._known[allowed] = Listing(snapshot.version, items)
        return found


def describe_tool(tool: Tool, schema: JSONObject) -> JSONObject:
    """A tool as MCP lists it (Tool, 2026-07-28).

    There is no `outputSchema`: documents describe answers that their APIs do not give, and clients reject those.
    """
    hints = tool.annotations
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": schema,
        "annotations": {
            "title": hints.title,
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    }


_TEMPLATES = Listing(
    1,
    (
        {
            "uriTemplate": guide.OPERATION_TEMPLATE,
            "name": "operation",
            "title": "One operation",
            "description": "Everything the document says about the operation behind a tool, its answers included.",
            "mimeType": "application/json",
        },
    ),
)
_INDEX: JSONObject = {
    "uri": guide.INDEX_URI,
    "name": "spec",
    "title": "All operations of the API",
    "description": "The API's title, server and tags, and every operation on one line.",
    "mimeType": "text/markdown",
}
_NO_PROMPTS = Listing(1, ())


class OpenAPIBackend:
    """Implements `ports.Backend`."""

    def __init__(self, snapshot: ServerSnapshot, engine: CallEngine) -> None:
        self._listeners: dict[object, Callable[[str, str], None]] = {}
        self._take(snapshot, engine)

    def _take(self, snapshot: ServerSnapshot, engine: CallEngine) -> None:
        self._snapshot = snapshot
        self._engine = engine
        self._tools = Listings(snapshot)
        self._resources = Listing(snapshot.version, (_INDEX,))

    @property
    def description(self) -> ServerDescription:
        return self._snapshot.description

    def replace(self, snapshot: ServerSnapshot, engine: CallEngine) -> None:
        """Offer something else from now on; calls under way end as they began. Listeners are told."""
        self._take(snapshot, engine)
        for listener in tuple(self._listeners.values()):
            listener("tools", "")
            listener("resources", "")
            listener("resource", guide.INDEX_URI)

    # --- tools -------------------------------------------------------------------------------------------------------

    def tools(self, caller: Caller) -> Listing:
        return self._tools.seen_by(caller.principal.tools)

    def preparing(self, caller: Caller) -> Coroutine[None, None, None] | None:
        return self._tools.preparing(caller.principal.tools)

    async def call_tool(self, call: ToolCall) -> ToolResult:
        tool = self._snapshot.find(call.name, call.caller.principal.tools)
        if tool is None:
            raise Unknown("tool", call.name)
        return (await self._engine.call(tool, call.arguments, caller=call.caller)).result

    # --- resources ---------------------------------------------------------------------------------------------------

    def resources(self, caller: Caller) -> Listing:  # noqa: ARG002  the index is offered to all, its content differs
        return self._resources

    def resource_templates(self, caller: Caller) -> Listing:  # noqa: ARG002  the same for all
        return _TEMPLATES

    async def read_resource(self, uri: str, caller: Caller) -> Sequence[JSONObject]:
        snapshot, allowed = self._snapshot, caller.principal.tools
        if uri == guide.INDEX_URI:
            text = guide.index(snapshot.document, snapshot.seen_by(allowed), server=snapshot.server)
            return ({"uri": uri, "mimeType": "text/markdown", "text": text},)
        name = unquote(uri.removeprefix(guide.OPERATION_URI)) if uri.startswith(guide.OPERATION_URI) else ""
        tool = snapshot.find(name, allowed)
        if tool is None:
            raise Unknown("resource", uri)
        page = guide.operation_page(snapshot.document, tool, snapshot.catalogue.input(tool), server=snapshot.server)
        return ({"uri": uri, "mimeType": "application/json", "text": msgspec.json.encode(page).decode()},)

    async def complete(
        self,
        reference: JSONObject,
        argument: JSONObject,
        context: JSONObject,  # noqa: ARG002  one argument stands alone
        caller: Caller,
    ) -> Sequence[str]:
        """Names of operations for the template, those that begin with the value before those that hold it."""
        if reference.get("uri") != guide.OPERATION_TEMPLATE or argument.get("name") != "name":
            return ()
        value = str(argument.get("value", "")).lower()
        names = [tool.name for tool in self._snapshot.seen_by(caller.principal.tools)]
        starting = [name for name in names if name.lower().startswith(value)]
        holding = [name for name in names if value in name.lower() and not name.lower().startswith(value)]
        return [quote(name, safe="") for name in (*starting, *holding)]

    # --- prompts -----------------------------------------------------------------------------------------------------

    def prompts(self, caller: Caller) -> Listing:  # noqa: ARG002  there are none
        return _NO_PROMPTS

    async def get_prompt(self, name: str, arguments: Mapping[str, str], call: ToolCall) -> JSONObject:  # noqa: ARG002
        raise Unknown("prompt", name)

    # --- changes -----------------------------------------------------------------------------------------------------

    def watch(self, listener: Callable[[str, str], None]) -> Callable[[], None]:
        key = object()  # ten thousand streams may end at once: none is searched for
        self._listeners[key] = listener

        def end() -> None:
            self._listeners.pop(key, None)

        return end
