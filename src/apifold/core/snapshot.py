"""All that the gateway needs to know of one endpoint: immutable, versioned, replaced as a whole when anything changes.

Secrets are not in it; they come from whoever opens them. What is built from it lazily (schemas, lists) may be kept as
long as the snapshot is.
"""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from apifold.core.mcp.server import ServerDescription
from apifold.core.openapi.document import Document
from apifold.core.requests.servers import ServerChoice
from apifold.core.tools.compiler import Catalogue
from apifold.core.tools.model import Tool


class ServerSnapshot(msgspec.Struct, frozen=True, dict=True):
    version: int
    """Rises with every change; two snapshots of one endpoint with the same version are the same."""
    description: ServerDescription
    catalogue: Catalogue
    """Every tool of the document."""
    tools: tuple[Tool, ...]
    """Those that are offered, in catalogue order: no other can be seen or called."""
    servers: ServerChoice
    server: str = ""
    """Where the API is, for people and models: a URL, a path, or nothing when the document does not say."""

    @cached_property
    def _by_name(self) -> Mapping[str, Tool]:
        return {tool.name: tool for tool in self.tools}

    @property
    def document(self) -> Document:
        return self.catalogue.document

    def find(self, name: str, allowed: frozenset[str] | None = None) -> Tool | None:
        """An offered tool by name, when its operation key is among `allowed` (`None` allows all)."""
        tool = self._by_name.get(name)
        return tool if tool is not None and (allowed is None or tool.key in allowed) else None

    def seen_by(self, allowed: frozenset[str] | None) -> tuple[Tool, ...]:
        """The offered tools that a caller with this allow-list may use."""
        return self.tools if allowed is None else tuple(tool for tool in self.tools if tool.key in allowed)
