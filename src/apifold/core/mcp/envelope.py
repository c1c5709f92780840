"""Which era a request belongs to, and what it says of its sender: the ladder between a parsed message and its method.

2026-07-28 says everything in `params._meta`, repeated in headers over HTTP; earlier revisions said it once, in
`initialize`. The order of the checks is part of the contract: the first that fails is the answer.
"""

from collections.abc import Mapping

import msgspec

from apifold.core.mcp.codes import HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_VERSION
from apifold.core.mcp.mirrored import name_mismatch
from apifold.core.mcp.revisions import LEGACY, MODERN, Revision
from apifold.core.values import JSON, JSONObject

VERSION_HEADER = "mcp-protocol-version"

_PREFIX = "io.modelcontextprotocol/"
VERSION_KEY = f"{_PREFIX}protocolVersion"
CAPABILITIES_KEY = f"{_PREFIX}clientCapabilities"
CLIENT_KEY = f"{_PREFIX}clientInfo"
LOG_LEVEL_KEY = f"{_PREFIX}logLevel"

_LONGEST_NAME = 200

LEVELS: Mapping[str, int] = {
    name: rank
    for rank, name in enumerate(("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"))
}


class Fault(msgspec.Struct, frozen=True):
    """A request that is refused, before or after its method is known."""

    code: int
    message: str
    data: JSON = None


class Envelope(msgspec.Struct, frozen=True):
    """What one request of 2026-07-28 says about itself."""

    revision: Revision
    meta: JSONObject
    capabilities: JSONObject
    client_name: str = ""
    client_version: str = ""
    log_level: str = ""
    """Empty: no log messages (they MUST NOT be sent unasked)."""


def is_modern(params: JSONObject, version_header: str | None) -> bool:
    """Whether a message is to be read by the rules of 2026-07-28: it says so in `_meta`, or names a version that is none
    of the handshake revisions.
    """
    meta = params.get("_meta")
    if isinstance(meta, dict) and VERSION_KEY in meta:
        return True
    return version_header is not None and version_header not in LEGACY


def open_envelope(method: str, params: JSONObject, headers: Mapping[str, str] | None) -> Envelope | Fault:
    """Check the per-request fields and, over HTTP, the headers that repeat them. `headers` is `None` elsewhere."""
    meta = params.get("_meta")
    if not isinstance(meta, dict):
        return Fault(INVALID_PARAMS, f"params._meta is missing; it carries {VERSION_KEY} and {CAPABILITIES_KEY}")
    version, capabilities = meta.get(VERSION_KEY), meta.get(CAPABILITIES_KEY)
    if version is None:
        return Fault(INVALID_PARAMS, f"params._meta lacks {VERSION_KEY}")
    if not isinstance(capabilities, dict):
        return Fault(INVALID_PARAMS, f"params._meta lacks {CAPABILITIES_KEY}, an object")
    if headers is not None:
        sent = headers.get(VERSION_HEADER)
        if sent is None or sent != version:
            return Fault(HEADER_MISMATCH, _version_mismatch(sent, version))
    if not isinstance(version, str):
        return Fault(INVALID_PARAMS, f"{VERSION_KEY} is a string")
    revision = MODERN.get(version)
    if revision is None:
        return unsupported(version)
    if headers is not None and (wrong := name_mismatch(method, params, headers)):
        return Fault(HEADER_MISMATCH, wrong)
    return _envelope(revision, meta, capabilities)


def _envelope(revision: Revision, meta: JSONObject, capabilities: JSONObject) -> Envelope | Fault:
    level = meta.get(LOG_LEVEL_KEY)
    if level is not None and not is_level(level):
        return Fault(INVALID_PARAMS, f"{LOG_LEVEL_KEY} is one of {', '.join(LEVELS)}")
    client = meta.get(CLIENT_KEY)
    name, version = client_identity(client)
    return Envelope(revision, meta, capabilities, name, version, level if isinstance(level, str) else "")


def is_level(value: JSON) -> bool:
    return isinstance(value, str) and value in LEVELS


def unsupported(version: str) -> Fault:
    """`supported` is the very list that `server/discover` gives: a client picks from it what to say per request."""
    return Fault(
        UNSUPPORTED_VERSION,
        "Unsupported protocol version",
        {"supported": list(MODERN), "requested": version},
    )


def client_identity(value: JSON) -> tuple[str, str]:
    """Name and version of an `Implementation`; empty where it does not say. For display only (basic, `_meta`)."""
    if not isinstance(value, dict):
        return "", ""
    return _short(value.get("name")), _short(value.get("version"))


def _short(value: JSON) -> str:
    """Sessions and records keep it, whatever is sent."""
    return value[:_LONGEST_NAME] if isinstance(value, str) else ""


def _version_mismatch(sent: str | None, version: JSON) -> str:
    if sent is None:
        return "Header mismatch: MCP-Protocol-Version is missing"
    return f"Header mismatch: MCP-Protocol-Version header value '{sent[:100]}' does not match body value '{str(version)[:100]}'"
