"""The official conformance suite against `apifold serve` with a real API behind it: all but what no API can have."""

import base64
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from apifold.gateway.ports import Exchange
from apifold.gateway.server import HTTPServer
from support.conformance import conformance, patiently
from support.fixture_backend import PNG, WAV
from support.processes import started

pytestmark = [pytest.mark.node, pytest.mark.wire]

FOLDER = Path(__file__).parent / "openapi"
ANSWERS: Mapping[str, tuple[int, str, bytes]] = {
    "/simple-text": (200, "text/plain", b"This is a simple text response for testing."),
    "/image": (200, "image/png", base64.b64decode(PNG)),
    "/audio": (200, "audio/wav", base64.b64decode(WAV)),
    "/resource": (200, "application/octet-stream", b"\x00\x01\x02 of no particular kind"),
    "/error": (500, "text/plain", b"This tool intentionally returns an error for testing"),
}


def answer(exchange: Exchange) -> None:
    status, kind, body = ANSWERS[exchange.path]
    exchange.respond(status, (("content-type", kind),), body)


@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"])
def test_only_what_no_api_can_have_is_missing(revision: str, tmp_path: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    upstream = f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def run(url: str) -> None:
        server = HTTPServer(answer)
        await server.start("127.0.0.1", 0, sock=listening)
        baseline = FOLDER / f"baseline-{revision}.yaml"
        ran, checks = await conformance(url, "--requirements", revision, folder=tmp_path, baseline=baseline)
        await server.close(1.0)
        assert ran.code == 0, ran.stdout[-4000:]
        assert len({check.scenario for check in checks}) >= 30

    with started("serve", str(FOLDER / "suite.yaml"), "--base-url", upstream, "--port", "0") as process:
        patiently(run(process.wait_for(r"http://127\.0\.0\.1:\d+/mcp").group()))
