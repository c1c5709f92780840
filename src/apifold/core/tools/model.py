"""The compiled form of an operation. Frozen; the costly part (`ToolInput`) is built when somebody asks for it."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from apifold.core.diagnostics import Diagnostic
from apifold.core.openapi.model import Operation, Parameter
from apifold.core.values import JSONObject


class Profile(StrEnum):
    PORTABLE = "portable"
    """What the strictest client accepts: legal names, inlined references, an object root."""
    FAITHFUL = "faithful"
    """JSON Schema 2020-12 with `$defs`, property names as the document has them."""


class Annotations(msgspec.Struct, frozen=True):
    """Hints about what a tool does (MCP ToolAnnotations). All four are always said."""

    title: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


class Role(StrEnum):
    """What a top-level argument is for."""

    PARAMETER = "parameter"
    BODY = "body"
    CONTENT_TYPE = "contentType"
    """`_contentType`: which of several request media types to send."""


class Argument(msgspec.Struct, frozen=True):
    """One top-level argument of a tool and where it goes."""

    name: str
    """The name the model sees: unique within the tool, legal under the profile."""
    role: Role
    required: bool
    parameter: Parameter | None = None
    """Set when `role` is PARAMETER."""

    @property
    def location(self) -> str:
        """`path`, `query`, `querystring`, `header`, `cookie` or `body`; `_contentType` counts as `header`."""
        if self.parameter is not None:
            return self.parameter.location.value
        return "body" if self.role is Role.BODY else "header"

    @property
    def wire_name(self) -> str:
        if self.parameter is not None:
            return self.parameter.name
        return "body" if self.role is Role.BODY else "Content-Type"


class Renames(msgspec.Struct, frozen=True):
    """How property names inside a value differ from the wire, as a tree that mirrors the value.

    `keys` maps the model's name to the wire name at this level. `properties` leads on by *wire* name, `items` into
    array elements, `additional` into the values of a map. A missing branch means: nothing is renamed below.
    """

    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    properties: Mapping[str, "Renames"] = msgspec.field(default_factory=dict)
    items: "Renames | None" = None
    additional: "Renames | None" = None


class ToolInput(msgspec.Struct, frozen=True):
    """What a model may pass to a tool."""

    schema: JSONObject
    """JSON Schema 2020-12, root `type: object`, `additionalProperties: false`."""
    renames: Mapping[str, Renames]
    """By top-level argument name; absent where nothing inside is renamed."""
    diagnostics: tuple[Diagnostic, ...]


class Tool(msgspec.Struct, frozen=True):
    """The cheap part of a tool: everything but its schema."""

    name: str
    title: str
    description: str
    operation: Operation
    annotations: Annotations
    arguments: tuple[Argument, ...]
    """In the order of the schema's properties: path, query, header, cookie, then `body`, then `_contentType`."""

    @property
    def key(self) -> str:
        return self.operation.key
