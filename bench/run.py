"""`make bench`: us as shipped, FastMCP, and the floor, side by side in one run; prints ratios and writes docs/benchmarks.md.

Every figure is the median of five rounds with its spread; the contestants alternate within a round, so that a busy
moment of the machine hits them alike. Timings are never asserted anywhere: this prints what it saw, misses included.
"""

import argparse
import datetime as dt
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from load import MCP_HEADERS, Outcome, Shot, fire, mcp
from processes import cpu_seconds, free_port, peak_megabytes, pss_megabytes, running, until

import documents

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
APIFOLD = Path(sys.executable).with_name("apifold")
STRIPE = "stripe-spec3-2022.json"


@dataclass
class Series:
    """The rounds of one figure."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self, unit: str = "", digits: int = 0) -> str:
        if not self.values:
            return "not measured"
        return f"{self.median:,.{digits}f}{unit} ({min(self.values):,.{digits}f} to {max(self.values):,.{digits}f})"


@dataclass
class Contestant:
    name: str
    port: int
    pid: int
    rate: Series = field(default_factory=Series)
    cpu: Series = field(default_factory=Series)
    p50: Series = field(default_factory=Series)
    errors: int = 0


@dataclass
class Report:
    rounds: int
    seconds: int
    lines: list[str] = field(default_factory=list)

    def say(self, line: str = "") -> None:
        print(line, flush=True)
        self.lines.append(line)


def measure(contestant: Contestant, shots: Sequence[Shot], *, connections: int, seconds: int, folder: Path) -> Outcome:
    before = cpu_seconds(contestant.pid)
    outcome = fire(shots, port=contestant.port, connections=connections, seconds=seconds, folder=folder)
    spent = cpu_seconds(contestant.pid) - before
    contestant.rate.values.append(outcome.per_second)
    contestant.p50.values.append(outcome.p50_ms)
    contestant.cpu.values.append(spent / max(outcome.requests, 1) * 1e6)
    contestant.errors += outcome.errors
    return outcome


def rounds(
    contestants: Sequence[tuple[Contestant, Sequence[Shot]]], report: Report, folder: Path, *, connections: int
) -> None:
    for contestant, shots in contestants:  # warm up: connections, caches, lazily built schemas
        fire(shots, port=contestant.port, connections=connections, seconds=1, folder=folder)
    for _ in range(report.rounds):
        for contestant, shots in contestants:
            measure(contestant, shots, connections=connections, seconds=report.seconds, folder=folder)


def table(report: Report, contestants: Sequence[Contestant], *, ours: Contestant) -> None:
    report.say("| | calls/s | server CPU, µs a call | p50, ms | errors | calls/s of ours over this |")
    report.say("|---|---|---|---|---|---|")
    for one in contestants:
        ratio = "" if one is ours else f"{ours.rate.median / one.rate.median:,.2f} ×"
        report.say(
            f"| {one.name} | {one.rate.text()} | {one.cpu.text()} | {one.p50.text(digits=2)} | {one.errors} | {ratio} |"
        )
    report.say()


def call_mix() -> list[Shot]:
    def call(name: str, arguments: object) -> Shot:
        return mcp("tools/call", {"name": name, "arguments": arguments})

    return [
        call("get_item", {"id": "item 7", "q": "oak & co", "limit": 10}),
        call("create_order", {"body": documents.order()}),
        call("get_report", {"month": "2026-11"}),
    ]


def direct_mix() -> list[Shot]:
    body = json.dumps(documents.order(), separators=(",", ":"))
    return [
        Shot("GET", "/items/item%207?q=oak%20%26%20co&limit=10"),
        Shot("POST", "/orders", body, (("content-type", "application/json"),)),
        Shot("GET", "/reports?month=2026-11"),
    ]


def request(port: int, shot: Shot) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(shot.method, shot.path, shot.body.encode() or None, dict(shot.headers))
        return connection.getresponse().read()
    finally:
        connection.close()


def ours_command(document: Path, port: int, *more: str) -> list[str]:
    return [str(APIFOLD), "serve", str(document), "--port", str(port), *more]


class Bench:
    def __init__(self, report: Report, folder: Path, fastmcp: Path | None, corpus: Path | None) -> None:
        self.report = report
        self.folder = folder
        self.fastmcp = fastmcp
        self.corpus = corpus
        self.log = folder / "servers.log"

    def start(self, stack: ExitStack, name: str, command: Callable[[int], list[str]]) -> Contestant:
        port = free_port()
        process = stack.enter_context(running(command(port), port=port, log=self.log))
        return Contestant(name, port, process.pid)

    def start_fastmcp(self, stack: ExitStack, document: Path, base: str) -> Contestant | None:
        if self.fastmcp is None:
            return None
        command = [str(self.fastmcp), str(HERE / "fastmcp_server.py"), str(document)]
        return self.start(stack, "FastMCP", lambda port: [*command, str(port), base])

    def calls(self) -> None:
        report = self.report
        with ExitStack() as stack:
            upstream = self.start(
                stack, "the API itself", lambda port: [sys.executable, str(HERE / "upstream.py"), str(port)]
            )
            base = f"http://127.0.0.1:{upstream.port}"
            document = self.folder / "calls.json"
            document.write_text(json.dumps(documents.calls(base)))
            ours = self.start(stack, "apifold serve", lambda port: ours_command(document, port))
            floor = self.start(
                stack,
                "floor: our server and client, nothing else",
                lambda port: [sys.executable, str(HERE / "floor.py"), str(port), base],
            )
            best = self.start(
                stack,
                "best floor: bare protocols",
                lambda port: [sys.executable, str(HERE / "floor.py"), str(port), base, "--bare"],
            )
            peer = self.start_fastmcp(stack, document, base)
            for shot in call_mix():
                self.check(ours.port, shot)
            contestants = [one for one in (ours, peer, floor, best) if one is not None]
            rounds([(one, call_mix()) for one in contestants], report, self.folder, connections=32)
            report.say("## tools/call, 32 connections, one worker\n")
            table(report, contestants, ours=ours)
            target = "15 × FastMCP, 0.6 × the floor"
            against = f"{ours.rate.median / peer.rate.median:.1f} × FastMCP, " if peer else ""
            report.say(
                f"To reach: {target}. Reached: {against}{ours.rate.median / floor.rate.median:.2f} × the floor.\n"
            )
            self.latency(ours, peer, upstream)

    def check(self, port: int, shot: Shot) -> None:
        answer = json.loads(request(port, shot))
        if answer.get("result", {}).get("isError") or "error" in answer:
            raise SystemExit(f"error: a call of the mix does not work: {json.dumps(answer)[:500]}")

    def latency(self, ours: Contestant, peer: Contestant | None, upstream: Contestant) -> None:
        report = self.report
        single = [Contestant(one.name, one.port, one.pid) for one in (ours, peer) if one is not None]
        direct = Contestant("the API itself", upstream.port, upstream.pid)
        rounds([(direct, direct_mix()), *((one, call_mix()) for one in single)], report, self.folder, connections=1)
        report.say("## Added latency, one connection\n")
        table(report, [*single, direct], ours=single[0])
        added = single[0].p50.median - direct.p50.median
        report.say(f"To reach: at most 1 ms added at p50. Reached: {added:.3f} ms added.\n")

    def lists(self) -> None:
        report = self.report
        with ExitStack() as stack:
            document = self.folder / "many.json"
            base = "http://127.0.0.1:9"
            document.write_text(json.dumps(documents.many(base)))
            ours = self.start(stack, "apifold serve", lambda port: ours_command(document, port))
            peer = self.start_fastmcp(stack, document, base)
            contestants = [one for one in (ours, peer) if one is not None]
            shot = mcp("tools/list", {})
            rounds([(one, [shot]) for one in contestants], report, self.folder, connections=8)
            report.say("## tools/list of 500 tools, 8 connections\n")
            table(report, contestants, ours=ours)
            sizes = ", ".join(f"{one.name} {len(request(one.port, shot)):,} bytes" for one in contestants)
            report.say(f"To reach: 100 × FastMCP. The list itself: {sizes}.\n")

    def cold(self) -> None:
        report = self.report
        if self.corpus is None:
            report.say("## Cold start\n\nNot measured: the corpus of real documents is not here.\n")
            return
        document = self.corpus / "specs" / STRIPE
        seconds, memory, size = Series(), Series(), 0
        for _ in range(report.rounds):
            port = free_port()
            started = time.perf_counter()
            with running(ours_command(document, port), port=port, log=self.log) as process:
                body = all_pages(port)
                seconds.values.append(time.perf_counter() - started)
                memory.values.append(peak_megabytes(process.pid))
                size = len(body)
        report.say(f"## Cold `apifold serve {STRIPE}` until tools/list is answered\n")
        report.say(f"{seconds.text(' s', 2)}, peak memory {memory.text(' MB')}, list of {size:,} bytes.\n")
        report.say("To reach: 1.5 s, 150 MB, 1.2 MB.\n")

    def compile_all(self) -> None:
        report = self.report
        if self.corpus is None:
            return
        printed = subprocess.run(
            [sys.executable, str(HERE / "compile_all.py"), str(self.corpus)], check=True, capture_output=True, text=True
        ).stdout
        report.say("## All documents of the corpus compiled in one process\n")
        report.say(printed)

    def idle(self) -> None:
        port = free_port()
        with running([str(APIFOLD), "demo", "--serve", "--port", str(port)], port=port, log=self.log) as process:
            request(port, mcp("tools/list", {}))
            settled = time.monotonic() + 2
            until(lambda: time.monotonic() > settled)
            self.report.say("## An idle server with the demo\n")
            self.report.say(f"{pss_megabytes(process.pid):.0f} MB PSS of the process tree. To reach: 80 MB.\n")


def all_pages(port: int) -> bytes:
    """Every page of `tools/list`, concatenated."""
    body, cursor = b"", None
    while True:
        page = request(port, mcp("tools/list", {"cursor": cursor} if cursor else {}))
        body += page
        cursor = json.loads(page)["result"].get("nextCursor")
        if not cursor:
            return body


def machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fastmcp", type=Path, help="the python of an environment that has fastmcp")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", choices=["calls", "lists", "cold", "compile_all", "idle"], action="append")
    parser.add_argument("--write", type=Path, help="where to write the report")
    chosen = parser.parse_args()
    report = Report(chosen.rounds, chosen.seconds)
    report.say("# Benchmarks\n")
    report.say(
        f"Made by `make bench` on {machine()}: median of {chosen.rounds} rounds (lowest to highest), contestants alternating."
    )
    report.say("Server, upstream and load share the machine, so the ratios mean more than the figures.")
    report.say(f"MCP requests carry {', '.join(f'`{name}: {value}`' for name, value in MCP_HEADERS.items())}.\n")
    with tempfile.TemporaryDirectory() as folder:
        corpus = chosen.corpus if chosen.corpus.is_dir() else None
        bench = Bench(report, Path(folder), chosen.fastmcp, corpus)
        for name in chosen.only or ["calls", "lists", "cold", "compile_all", "idle"]:
            getattr(bench, name)()
    if chosen.write:
        chosen.write.write_text("\n".join(report.lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
