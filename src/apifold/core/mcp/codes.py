"""Error codes of JSON-RPC and MCP, and the HTTP status that goes with each in the two eras."""

from collections.abc import Mapping
from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
"""Revisions up to 2025-11-25 only; from 2026-07-28 on it MUST NOT be emitted (basic, Error Codes)."""
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022

MODERN_STATUS: Final[Mapping[int, int]] = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""2026-07-28, Streamable HTTP; a code that is not here goes out with 200."""

LEGACY_STATUS: Final[Mapping[int, int]] = {PARSE_ERROR: 400, INVALID_REQUEST: 400}
"""Up to 2025-11-25 an error that belongs to a request is an answer like any other: 200."""
