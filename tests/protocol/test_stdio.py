"""MCP on standard input and output: lines, both eras in one process, and the end."""

import asyncio
import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from apifold.core.limits import WireLimits
from apifold.core.mcp.content import TextContent, ToolResult
from apifold.gateway.ports import ToolCall
from apifold.gateway.stdio import TOO_LONG, read_lines
from support.fixture_backend import FixtureBackend
from support.loops import on_loop
from support.mcp_client import STDIO_FIXTURE
from support.raw_http import META, message, modern_message
from support.stdio_lines import lines_to
from support.waiting import until

pytestmark = pytest.mark.wire


@on_loop
async def test_both_eras_are_served_at_the_same_time() -> None:
    async with lines_to(FixtureBackend()) as client:
        assert (await client.modern("server/discover"))["result"]["supportedVersions"] == ["2026-07-28"]
        assert (await client.initialize("2025-06-18"))["result"]["protocolVersion"] == "2025-06-18"
        modern = await client.modern("tools/call", {"name": "test_structured", "arguments": {"shape": "array"}})
        assert modern["result"]["structuredContent"] == [1, "two"]
        legacy = await client.ask("tools/call", {"name": "test_structured", "arguments": {"shape": "array"}})
        assert "structuredContent" not in legacy["result"]
        assert "resultType" not in legacy["result"]


@pytest.mark.parametrize(
    ("line", "code", "identifier"),
    [
        (b"{\n", -32700, None),
        (b"\xff\n", -32700, None),
        (b"5\n", -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"nope"}\n', -32601, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"server/discover"}\n', -32601, 1),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600, None),
        (b'{"jsonrpc":"2.0","id":"x","method":"ping","params":[]}\n', -32602, "x"),
    ],
)
def test_what_is_wrong_is_answered_and_the_next_line_is_read(line: bytes, code: int, identifier: Any) -> None:
    @on_loop
    async def run() -> None:
        async with lines_to(FixtureBackend()) as client:
            client.send(line)
            said = await client.hear()
            assert (said["error"]["code"], said["id"]) == (code, identifier)
            client.send(b"\n  \r\n")
            assert (await client.ask("ping"))["result"] == {}

    run()


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({**META, "io.modelcontextprotocol/protocolVersion": "v9"}, -32022),
        ({"io.modelcontextprotocol/protocolVersion": "2026-07-28"}, -32602),
        ({**META, "io.modelcontextprotocol/protocolVersion": 5}, -32602),
    ],
)
def test_a_modern_probe_is_refused_in_modern_words(meta: Any, code: int) -> None:
    @on_loop
    async def run() -> None:
        async with lines_to(FixtureBackend()) as client:
            assert (await client.ask("server/discover", {"_meta": meta}))["error"]["code"] == code

    run()


@pytest.mark.parametrize("modern", [True, False])
def test_a_cancelled_call_stops_and_is_not_answered(modern: bool) -> None:
    @on_loop
    async def run() -> None:
        backend = FixtureBackend()
        async with lines_to(backend) as client:
            make = modern_message if modern else message
            client.send(make("tools/call", {"name": "test_slow"}, identifier="slow"))
            await backend.started.wait()
            client.send(message("notifications/cancelled", {"requestId": "slow"}, identifier=None))
            await backend.cancelled.wait()
            assert (await client.ask("ping", identifier="next"))["id"] == "next"

    run()


@on_loop
async def test_calls_do_not_wait_for_one_another() -> None:
    backend = FixtureBackend()
    async with lines_to(backend) as client:
        client.send(modern_message("tools/call", {"name": "test_slow"}, identifier=1))
        await backend.started.wait()
        assert (await client.modern("tools/call", {"name": "test_simple_text"}, identifier=2))["id"] == 2
        backend.let_go.set()
        assert (await client.hear())["id"] == 1


@on_loop
async def test_an_id_in_use_is_refused() -> None:
    backend = FixtureBackend()
    async with lines_to(backend) as client:
        client.send(modern_message("tools/call", {"name": "test_slow"}, identifier=1))
        await backend.started.wait()
        assert (await client.modern("tools/call", {"name": "test_simple_text"}))["error"]["code"] == -32600
        backend.let_go.set()


@on_loop
async def test_no_more_is_read_than_can_be_worked_on() -> None:
    backend = FixtureBackend()
    async with lines_to(backend, limits=WireLimits(calls_per_session=2)) as client:
        for number in range(6):
            client.send(modern_message("tools/call", {"name": "test_slow"}, identifier=number))
        await backend.started.wait()
        await asyncio.sleep(0.02)
        assert len(backend.callers) == 2
        backend.let_go.set()
        assert sorted([(await client.hear())["id"] for _ in range(6)]) == list(range(6))


@on_loop
async def test_no_more_is_read_than_the_client_reads_answers_to() -> None:
    async with lines_to(FixtureBackend(), limits=WireLimits(backlog_bytes=10_000)) as client:
        client.reading.clear()
        for number in range(200):
            client.send(message("tools/list", identifier=number))
        await until(lambda: client.sent.qsize() < 200)
        await asyncio.sleep(0.05)
        assert client.sent.qsize() > 150
        client.reading.set()
        assert [(await client.hear())["id"] for _ in range(200)] == list(range(200))


@on_loop
async def test_a_reader_that_goes_away_while_answers_wait_for_it_ends_the_server() -> None:
    async with lines_to(FixtureBackend(), limits=WireLimits(backlog_bytes=10_000)) as client:
        client.reading.clear()
        for number in range(200):
            client.send(message("tools/list", identifier=number))
        await asyncio.sleep(0.05)
        client.gone = True
        client.reading.set()


@on_loop
async def test_a_client_is_heard_while_no_more_calls_can_begin() -> None:
    """The cancellation that makes room comes in behind the calls that there is no room for."""
    backend = FixtureBackend()
    async with lines_to(backend, limits=WireLimits(calls_per_session=1)) as client:
        client.send(modern_message("tools/call", {"name": "test_slow"}, identifier=1))
        await backend.started.wait()
        client.send(message("notifications/cancelled", {"requestId": 1}, identifier=None))
        await backend.cancelled.wait()
        assert (await client.ask("ping", identifier=2))["id"] == 2


@on_loop
async def test_changes_are_told_by_subscription_and_end_with_a_result() -> None:
    backend = FixtureBackend()
    async with lines_to(backend) as client:
        for identifier, wish in ((1, {"toolsListChanged": True}), ("two", {"promptsListChanged": True})):
            client.send(modern_message("subscriptions/listen", {"notifications": wish}, identifier=identifier))
            said = await client.hear()
            assert said["params"]["notifications"] == wish
        backend.announce("prompts")
        backend.announce("tools")
        heard = {(await client.hear())["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] for _ in range(2)}
        assert heard == {1, "two"}
        client.send(message("notifications/cancelled", {"requestId": 1}, identifier=None))
        client.end()
        (last,) = [await client.hear() for _ in range(1)]
        assert (last["id"], last["result"]["resultType"]) == ("two", "complete")
    assert backend.watchers == 0


@on_loop
async def test_a_legacy_client_is_told_of_changes_unasked() -> None:
    backend = FixtureBackend()
    async with lines_to(backend) as client:
        await client.initialize("2025-11-25")
        backend.announce("tools")
        assert await client.hear() == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


@on_loop
async def test_the_end_of_input_waits_for_calls_at_work() -> None:
    """`printf … | apifold serve --transport stdio` shows the answers."""
    backend = FixtureBackend()
    async with lines_to(backend) as client:
        client.send(modern_message("tools/call", {"name": "test_slow"}))
        await backend.started.wait()
        client.end()
        backend.let_go.set()
        assert (await client.hear())["result"]["content"][0]["text"] == "test_slow is over"


@on_loop
async def test_the_end_of_input_waits_only_so_long() -> None:
    backend = FixtureBackend()
    async with lines_to(backend, grace=0.01) as client:
        client.send(modern_message("tools/call", {"name": "test_slow"}))
        await backend.started.wait()
    assert backend.cancelled.is_set()


class Pretty(FixtureBackend):
    async def call_tool(self, call: ToolCall) -> ToolResult:
        del call
        raw = b'{\n  "a": [\r\n    1\n  ]\n}'
        return ToolResult(
            (TextContent(raw.decode()),), structured_raw=raw, has_structured=True, structured_is_object=True
        )


@on_loop
async def test_an_answer_is_one_line_whatever_the_upstream_sent() -> None:
    async with lines_to(Pretty()) as client:
        said = await client.modern("tools/call", {"name": "any"})
        assert said["result"]["structuredContent"] == {"a": [1]}
        assert said["result"]["content"][0]["text"] == '{\n  "a": [\r\n    1\n  ]\n}'
        assert client.raw.count(b"\n") == 1


@on_loop
async def test_a_line_that_is_too_long_is_passed_over() -> None:
    source = io.BytesIO(b"a" * 10 + b"\n" + b"b" * 50 + b"\n" + b"c" * 10 + b"\nlast")
    found = [line async for line in read_lines(source, 11)]
    assert found == [b"a" * 10 + b"\n", TOO_LONG, b"c" * 10 + b"\n", b"last"]
    async with lines_to(FixtureBackend()) as client:
        client.send(TOO_LONG)
        assert (await client.hear())["error"]["code"] == -32600
        assert (await client.ask("ping"))["result"] == {}


@on_loop
async def test_a_reader_that_went_away_ends_the_server() -> None:
    async with lines_to(FixtureBackend()) as client:
        client.gone = True
        client.send(modern_message("server/discover"))
        client.send(modern_message("server/discover"))


def run_fixture(stdin: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-W", "error", str(STDIO_FIXTURE)], input=stdin, capture_output=True, timeout=30, check=False
    )


def test_a_process_answers_what_is_piped_into_it_and_prints_nothing_else() -> None:
    call = modern_message("tools/call", {"name": "test_simple_text"}, identifier=1)
    hello = message("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}}, identifier=2)
    lines = [json.dumps(said).encode() for said in (call, hello)]
    done = run_fixture(b"\n".join(lines))  # the last line has no end
    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(said["id"] for said in heard) == [1, 2]
    assert b"stray" in done.stderr


def test_a_process_ends_with_its_input() -> None:
    done = run_fixture(b"")
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_process_reads_from_and_writes_to_files(tmp_path: Any) -> None:
    """A shell redirects to files as readily as to pipes."""
    (tmp_path / "in").write_bytes(json.dumps(modern_message("server/discover")).encode() + b"\n")
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, str(STDIO_FIXTURE)],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out").read_bytes())["result"]["supportedVersions"] == ["2026-07-28"]


def test_a_large_answer_goes_through_a_pipe_that_is_read_late() -> None:
    process = subprocess.Popen([sys.executable, str(STDIO_FIXTURE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for number in range(200):
            process.stdin.write(json.dumps(modern_message("tools/list", identifier=number)).encode() + b"\n")
        process.stdin.close()
        heard = [json.loads(line)["id"] for line in process.stdout]
    assert sorted(heard) == list(range(200))
    assert os.waitstatus_to_exitcode(0) == process.returncode
