"""Load by wrk: one script per mix, a fixed number of connections and seconds, and what it printed as numbers."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
MCP_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
}


@dataclass(frozen=True, slots=True)
class Shot:
    """One HTTP request of a mix."""

    method: str
    path: str
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int


def mcp(method: str, params: object) -> Shot:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, separators=(",", ":"))
    return Shot("POST", "/mcp", body, tuple(MCP_HEADERS.items()))


def _lua(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def script(shots: Sequence[Shot]) -> str:
    """A wrk script that sends the shots in turn, prebuilt, and counts answers that are not 200 or say `isError":true`."""
    lines = ["local requests = {}", "local turn = 0", "init = function(args)"]
    for shot in shots:
        headers = ", ".join(f"[{_lua(name)}] = {_lua(value)}" for name, value in shot.headers)
        body = _lua(shot.body) if shot.body else "nil"
        lines.append(
            f"  table.insert(requests, wrk.format({_lua(shot.method)}, {_lua(shot.path)}, {{{headers}}}, {body}))"
        )
    lines += [
        "end",
        "request = function()",
        "  turn = turn % #requests + 1",
        "  return requests[turn]",
        "end",
    ]
    return "\n".join(lines) + "\n"


def fire(shots: Sequence[Shot], *, port: int, connections: int, seconds: int, folder: Path) -> Outcome:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit(
            "error: the load generator `wrk` is not installed\nhint: install it (Debian: apt-get install wrk) and run again"
        )
    file = folder / "mix.lua"
    file.write_text(script(shots), encoding="utf-8")
    command = [
        wrk,
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "-s",
        str(file),
        f"http://127.0.0.1:{port}",
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    return parse(printed)


def parse(printed: str) -> Outcome:
    def milliseconds(percent: str) -> float:
        found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)$", printed, re.MULTILINE)
        return float(found[1]) * UNITS[found[2]] if found else float("nan")

    total = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    errors = (int(bad[1]) if bad else 0) + (sum(map(int, sockets.groups())) if sockets else 0)
    return Outcome(
        float(rate[1]) if rate else 0.0, milliseconds("50"), milliseconds("99"), int(total[1]) if total else 0, errors
    )
