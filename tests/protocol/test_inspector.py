"""The official Inspector understands the server in both eras and finds nothing to complain about."""

import json
from pathlib import Path

import pytest

from support.conformance import inspector, patiently
from support.fixture_backend import FixtureBackend
from support.mcp_server import serving

pytestmark = [pytest.mark.node, pytest.mark.wire]

NEGOTIATED = {"modern": "2026-07-28", "legacy": "2025-11-25", "auto": "2026-07-28"}


@pytest.mark.parametrize("era", NEGOTIATED)
def test_the_inspector_uses_the_server(era: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            reach = (served.url, "--transport", "http", "--protocol-era", era, "--format", "json")
            hello = await inspector(tmp_path, *reach, "--method", "initialize")
            assert (hello.code, hello.json["result"]["protocolVersion"]) == (0, NEGOTIATED[era])

            listed = await inspector(tmp_path, *reach, "--method", "tools/list", "--strict")
            assert listed.code == 0, listed.stderr
            assert len(listed.json["result"]["tools"]) == len(served.endpoint.backend.listing.items)  # type: ignore[attr-defined]  # the fixture

            call = ("--method", "tools/call", "--tool-name")
            good = await inspector(tmp_path, *reach, *call, "test_structured", "--tool-args-json", '{"shape":"object"}')
            assert (good.code, good.json["result"]["structuredContent"]) == (0, {"id": 3})
            failed = await inspector(tmp_path, *reach, *call, "test_error_handling")
            assert (failed.code, json.loads(failed.stderr)["error"]["code"]) == (5, "tool_is_error")
            assert served.crashes == []

    patiently(run())


def test_the_inspector_reaches_the_old_transport(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            reach = (f"{served.origin}/sse", "--transport", "sse", "--protocol-era", "legacy", "--format", "json")
            listed = await inspector(tmp_path, *reach, "--method", "tools/list", "--strict")
            assert listed.code == 0, listed.stderr
            assert listed.json["result"]["tools"]

    patiently(run())
