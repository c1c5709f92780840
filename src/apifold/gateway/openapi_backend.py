"""The tools of an OpenAPI document behind an MCP endpoint.

A call costs the same whatever the number of tools: it is one look-up by name. Lists are built when first asked for, and
the same object is given out until the exposure is replaced, which is one assignment.
"""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, unquote

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import ToolResult
from apifold.core.mcp.server import Listing, ServerDescription
from apifold.core.tools import guide
from apifold.core.tools.compiler import Catalogue
from apifold.core.tools.model import Tool
from apifold.core.values import JSONObject
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.ports import Caller, ToolCall

_MOST_VIEWS = 1_000


class Unknown(AppError):
    """No such tool, resource or prompt, or none that this caller may use; the two are not told apart."""

    category = ErrorCategory.NOT_FOUND

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what}.unknown", f"Unknown {what}: {name[:200]}")


class Exposure:
    """What is offered of a catalogue, and to whom: tools by name, lists by allow-list. Immutable but for its memory."""

    def __init__(self, catalogue: Catalogue, tools: Sequence[Tool], *, server: str = "", version: int = 1) -> None:
        """`tools` are those of the catalogue that are offered; `server` is where the API is, for reading."""
        self.catalogue = catalogue
        self.tools = tuple(tools)
        self.server = server
        self.version = version
        self._by_name: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._listings: dict[frozenset[str] | None, Listing] = {}

    def find(self, name: str, allowed: frozenset[str] | None) -> Tool:
        """Raises `Unknown`."""
        tool = self._by_name.get(name)
        if tool is None or (allowed is not None and tool.key not in allowed):
            raise Unknown("tool", name)
        return tool

    def seen_by(self, allowed: frozenset[str] | None) -> tuple[Tool, ...]:
        return self.tools if allowed is None else tuple(tool for tool in self.tools if tool.key in allowed)

    def listing(self, allowed: frozenset[str] | None) -> Listing:
        found = self._listings.get(allowed)
        if found is None:
            items = tuple(describe_tool(tool, self.catalogue.input(tool).schema) for tool in self.seen_by(allowed))
            if len(self._listings) >= _MOST_VIEWS:
                self._listings.pop(next(iter(self._listings)))
            found = self._listings[allowed] = Listing(self.version, items)
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
_NO_PROMPTS = Listing(1, ())


class OpenAPIBackend:
    """Implements `ports.Backend`."""

    def __init__(self, exposure: Exposure, engine: CallEngine, description: ServerDescription) -> None:
        self._exposure = exposure
        self._engine = engine
        self._description = description
        self._resources = self._list_resources()
        self._listeners: list[Callable[[str, str], None]] = []

    @property
    def description(self) -> ServerDescription:
        return self._description

    def replace(self, exposure: Exposure, engine: CallEngine, description: ServerDescription) -> None:
        """Offer something else from now on; calls under way end as they began. Listeners are told."""
        self._exposure, self._engine, self._description = exposure, engine, description
        self._resources = self._list_resources()
        for listener in tuple(self._listeners):
            listener("tools", "")
            listener("resources", "")
            listener("resource", guide.INDEX_URI)

    # --- tools -------------------------------------------------------------------------------------------------------

    def tools(self, caller: Caller) -> Listing:
        return self._exposure.listing(caller.principal.tools)

    async def call_tool(self, call: ToolCall) -> ToolResult:
        tool = self._exposure.find(call.name, call.caller.principal.tools)
        return (await self._engine.call(tool, call.arguments, caller=call.caller, channel=call.channel)).result

    # --- resources ---------------------------------------------------------------------------------------------------

    def _list_resources(self) -> Listing:
        item: JSONObject = {
            "uri": guide.INDEX_URI,
            "name": "spec",
            "title": "All operations of the API",
            "description": "The API's title, server and tags, and every operation on one line.",
            "mimeType": "text/markdown",
        }
        return Listing(self._exposure.version, (item,))

    def resources(self, caller: Caller) -> Listing:  # noqa: ARG002  the index is offered to all, its content differs
        return self._resources

    def resource_templates(self, caller: Caller) -> Listing:  # noqa: ARG002  the same for all
        return _TEMPLATES

    async def read_resource(self, uri: str, caller: Caller) -> Sequence[JSONObject]:
        exposure, allowed = self._exposure, caller.principal.tools
        document = exposure.catalogue.document
        if uri == guide.INDEX_URI:
            text = guide.index(document, exposure.seen_by(allowed), server=exposure.server)
            return ({"uri": uri, "mimeType": "text/markdown", "text": text},)
        name = unquote(uri.removeprefix(guide.OPERATION_URI))
        if not uri.startswith(guide.OPERATION_URI) or "/" in name:
            raise Unknown("resource", uri)
        try:
            tool = exposure.find(name, allowed)
        except Unknown:
            raise Unknown("resource", uri) from None
        page = guide.operation_page(document, tool, exposure.catalogue.input(tool), server=exposure.server)
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
        names = [tool.name for tool in self._exposure.seen_by(caller.principal.tools)]
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
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end
