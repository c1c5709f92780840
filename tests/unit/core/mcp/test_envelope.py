"""Which era a request belongs to, and the order in which its fields and headers are checked."""

from typing import Any

import pytest

from apifold.core.mcp.envelope import Envelope, Fault, client_identity, is_modern, open_envelope
from apifold.core.mcp.revisions import LEGACY, V2026_07_28

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
CLIENT = "io.modelcontextprotocol/clientInfo"
LEVEL = "io.modelcontextprotocol/logLevel"
GOOD: dict[str, Any] = {VERSION: "2026-07-28", CAPABILITIES: {}}
PARAMS, HEADER, UNSUPPORTED = -32602, -32020, -32022


def headers(**changes: str | None) -> dict[str, str]:
    sent: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "t"}
    sent |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in sent.items() if value is not None}


@pytest.mark.parametrize(
    ("params", "header", "expected"),
    [
        ({}, None, False),
        ({}, "2025-03-26", False),
        ({}, "2025-11-25", False),
        ({}, "2026-07-28", True),
        ({}, "2099-01-01", True),
        ({}, "nonsense", True),
        ({"_meta": {}}, None, False),
        ({"_meta": {"progressToken": 1}}, None, False),
        ({"_meta": 5}, None, False),
        ({"_meta": GOOD}, None, True),
        ({"_meta": GOOD}, "2025-11-25", True),
        ({"_meta": {VERSION: None}}, None, True),
    ],
)
def test_a_request_is_modern_when_it_says_so_or_names_no_handshake_revision(
    params: Any, header: str | None, expected: bool
) -> None:
    assert is_modern(params, header) is expected


def test_every_handshake_revision_is_known_by_its_header() -> None:
    assert [is_modern({}, name) for name in LEGACY] == [False] * 4


@pytest.mark.parametrize(
    ("meta", "sent", "code"),
    [
        (None, headers(), PARAMS),
        ("x", headers(), PARAMS),
        ({}, headers(), PARAMS),
        ({CAPABILITIES: {}}, headers(), PARAMS),
        ({VERSION: "2026-07-28"}, headers(), PARAMS),
        ({VERSION: "2026-07-28", CAPABILITIES: None}, headers(), PARAMS),
        ({VERSION: "2026-07-28", CAPABILITIES: []}, headers(), PARAMS),
        (GOOD, headers(mcp_protocol_version=None), HEADER),
        (GOOD, headers(mcp_protocol_version="2025-11-25"), HEADER),
        (GOOD, headers(mcp_protocol_version="2026-07-28, 2026-07-28"), HEADER),
        ({**GOOD, VERSION: "v9"}, headers(), HEADER),
        ({**GOOD, VERSION: "v9"}, headers(mcp_protocol_version="v9"), UNSUPPORTED),
        ({**GOOD, VERSION: "v9"}, headers(mcp_protocol_version="v9", mcp_method=None), UNSUPPORTED),
        ({**GOOD, VERSION: "2025-11-25"}, headers(mcp_protocol_version="2025-11-25"), UNSUPPORTED),
        ({**GOOD, VERSION: 5}, None, PARAMS),
        ({**GOOD, VERSION: "v9"}, None, UNSUPPORTED),
        (GOOD, headers(mcp_method=None), HEADER),
        (GOOD, headers(mcp_method="TOOLS/CALL"), HEADER),
        (GOOD, headers(mcp_method="tools/list"), HEADER),
        (GOOD, headers(mcp_name=None), HEADER),
        (GOOD, headers(mcp_name="other"), HEADER),
        ({**GOOD, LEVEL: "loud"}, headers(), PARAMS),
        ({**GOOD, LEVEL: ["info"]}, headers(), PARAMS),
    ],
)
def test_the_first_check_that_fails_is_the_answer(meta: Any, sent: dict[str, str] | None, code: int) -> None:
    params: dict[str, Any] = {"name": "t"} if meta is None else {"name": "t", "_meta": meta}
    found = open_envelope("tools/call", params, sent)
    assert isinstance(found, Fault)
    assert found.code == code


def test_an_unsupported_version_is_told_which_ones_are_supported() -> None:
    found = open_envelope("ping", {"_meta": {**GOOD, VERSION: "1900-01-01"}}, None)
    assert found == Fault(
        UNSUPPORTED, "Unsupported protocol version", {"supported": ["2026-07-28"], "requested": "1900-01-01"}
    )


def test_a_good_envelope_tells_who_asks() -> None:
    meta: Any = {**GOOD, CLIENT: {"name": "c", "version": "1"}, LEVEL: "warning", "progressToken": 7}
    found = open_envelope("tools/call", {"name": "t", "_meta": meta}, headers())
    assert found == Envelope(V2026_07_28, meta, {}, "c", "1", "warning")


def test_the_client_need_not_say_who_it_is() -> None:
    assert open_envelope("tools/list", {"_meta": GOOD}, None) == Envelope(V2026_07_28, GOOD, {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("", "")),
        ("x", ("", "")),
        ({}, ("", "")),
        ({"name": 1, "version": "2"}, ("", "2")),
        ({"name": "n" * 1_000, "version": "v" * 1_000}, ("n" * 200, "v" * 200)),
    ],
)
def test_an_odd_client_info_is_no_obstacle(value: Any, expected: tuple[str, str]) -> None:
    assert client_identity(value) == expected
