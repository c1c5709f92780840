"""What differs between the five protocol revisions, as data. Code elsewhere asks a `Revision`, never compares dates."""

from collections.abc import Mapping
from enum import Enum, auto

import msgspec

from apifold.core.mcp.codes import INVALID_PARAMS, LEGACY_STATUS, MODERN_STATUS, RESOURCE_NOT_FOUND


class Structured(Enum):
    """What `structuredContent` may hold."""

    NEVER = auto()
    OBJECT = auto()
    ANY = auto()


class Era(Enum):
    LEGACY = auto()
    """An `initialize` handshake, then messages that build on it."""
    MODERN = auto()
    """Every request says for itself which version, client and capabilities it comes with."""


class Revision(msgspec.Struct, frozen=True):
    name: str
    era: Era
    methods: frozenset[str]
    tool_fields: tuple[str, ...]
    resource_fields: tuple[str, ...]
    template_fields: tuple[str, ...]
    prompt_fields: tuple[str, ...]
    argument_fields: tuple[str, ...]
    """Of one argument of a prompt."""
    server_fields: tuple[str, ...]
    """Of `Implementation`."""
    structured: Structured
    status: Mapping[int, int]
    """HTTP status by error code."""
    resource_not_found: int
    batches: bool = False
    audio: bool = True
    resource_links: bool = True
    completions: bool = True
    """There is a capability of this name (2024-11-05 has the method without it)."""
    elicitation: frozenset[str] = frozenset()
    """Modes of `elicitation/create`."""
    primed: bool = False
    """A resumable stream opens with an empty event that carries an id (SEP-1699)."""

    @property
    def modern(self) -> bool:
        return self.era is Era.MODERN


_SHARED_METHODS = frozenset(
    {
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
    }
)
_LEGACY_METHODS = _SHARED_METHODS | {
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
}
_MODERN_METHODS = _SHARED_METHODS | {"server/discover", "subscriptions/listen"}

_TOOL_1 = ("name", "description", "inputSchema")
_TOOL_2 = (*_TOOL_1, "annotations")
_TOOL_3 = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta")
_TOOL_4 = (*_TOOL_3, "icons")
_RESOURCE_1 = ("uri", "name", "description", "mimeType", "size", "annotations")
_RESOURCE_3 = (*_RESOURCE_1, "title", "_meta")
_TEMPLATE_1 = ("uriTemplate", "name", "description", "mimeType", "annotations")
_TEMPLATE_3 = (*_TEMPLATE_1, "title", "_meta")
_PROMPT_1 = ("name", "description", "arguments")
_PROMPT_3 = (*_PROMPT_1, "title", "_meta")
_ARGUMENT_1 = ("name", "description", "required")
_ARGUMENT_3 = (*_ARGUMENT_1, "title")
_SERVER_1 = ("name", "version")
_SERVER_3 = (*_SERVER_1, "title")
_SERVER_4 = (*_SERVER_3, "websiteUrl", "icons")

V2024_11_05 = Revision(
    name="2024-11-05",
    era=Era.LEGACY,
    methods=_LEGACY_METHODS,
    tool_fields=_TOOL_1,
    resource_fields=_RESOURCE_1,
    template_fields=_TEMPLATE_1,
    prompt_fields=_PROMPT_1,
    argument_fields=_ARGUMENT_1,
    server_fields=_SERVER_1,
    structured=Structured.NEVER,
    status=LEGACY_STATUS,
    resource_not_found=RESOURCE_NOT_FOUND,
    batches=True,
    audio=False,
    resource_links=False,
    completions=False,
)
V2025_03_26 = Revision(
    name="2025-03-26",
    era=Era.LEGACY,
    methods=_LEGACY_METHODS,
    tool_fields=_TOOL_2,
    resource_fields=_RESOURCE_1,
    template_fields=_TEMPLATE_1,
    prompt_fields=_PROMPT_1,
    argument_fields=_ARGUMENT_1,
    server_fields=_SERVER_1,
    structured=Structured.NEVER,
    status=LEGACY_STATUS,
    resource_not_found=RESOURCE_NOT_FOUND,
    batches=True,
    resource_links=False,
)
V2025_06_18 = Revision(
    name="2025-06-18",
    era=Era.LEGACY,
    methods=_LEGACY_METHODS,
    tool_fields=_TOOL_3,
    resource_fields=_RESOURCE_3,
    template_fields=_TEMPLATE_3,
    prompt_fields=_PROMPT_3,
    argument_fields=_ARGUMENT_3,
    server_fields=_SERVER_3,
    structured=Structured.OBJECT,
    status=LEGACY_STATUS,
    resource_not_found=RESOURCE_NOT_FOUND,
    elicitation=frozenset({"form"}),
)
V2025_11_25 = Revision(
    name="2025-11-25",
    era=Era.LEGACY,
    methods=_LEGACY_METHODS,
    tool_fields=_TOOL_4,
    resource_fields=(*_RESOURCE_3, "icons"),
    template_fields=(*_TEMPLATE_3, "icons"),
    prompt_fields=(*_PROMPT_3, "icons"),
    argument_fields=_ARGUMENT_3,
    server_fields=_SERVER_4,
    structured=Structured.OBJECT,
    status=LEGACY_STATUS,
    resource_not_found=RESOURCE_NOT_FOUND,
    elicitation=frozenset({"form", "url"}),
    primed=True,
)
V2026_07_28 = Revision(
    name="2026-07-28",
    era=Era.MODERN,
    methods=_MODERN_METHODS,
    tool_fields=_TOOL_4,
    resource_fields=(*_RESOURCE_3, "icons"),
    template_fields=(*_TEMPLATE_3, "icons"),
    prompt_fields=(*_PROMPT_3, "icons"),
    argument_fields=_ARGUMENT_3,
    server_fields=_SERVER_4,
    structured=Structured.ANY,
    status=MODERN_STATUS,
    resource_not_found=INVALID_PARAMS,
    elicitation=frozenset({"form", "url"}),
)

REVISIONS: tuple[Revision, ...] = (V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28)
LEGACY: Mapping[str, Revision] = {r.name: r for r in REVISIONS if not r.modern}
MODERN: Mapping[str, Revision] = {r.name: r for r in REVISIONS if r.modern}

NEWEST_LEGACY = V2025_11_25
"""What `initialize` answers to a version that is not ours."""
ASSUMED = V2025_03_26
"""What a request speaks that names no version and belongs to no session (2025-06-18, Protocol Version Header)."""
