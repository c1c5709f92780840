"""`make up` on a machine with git, make and Python: from a clean checkout to an answer, in one command."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.demo import send
from support.processes import Running, clean_environment

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("make-up")]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would have, and nothing that was built here."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


class Up:
    """`make up` as a person runs it, in a process group of its own so that Ctrl-C reaches all of it."""

    def __init__(self, checkout: Path, arguments: str) -> None:
        self.process = subprocess.Popen(
            ["make", "up", f"ARGS={arguments}"],
            cwd=checkout,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running = Running(self.process)

    def control_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)
        self.running.stop()

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.running.stop()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def up(checkout: Path) -> Iterator[Up]:
    started = Up(checkout, "--port 0 --api-port 0")
    try:
        started.running.wait_for(r"^Ctrl-C", seconds=PATIENCE_SECONDS)
        yield started
    finally:
        started.close()


def test_everything_is_printed_that_one_needs(up: Up) -> None:
    text = up.running.text
    assert "http://127.0.0.1:" in text
    assert "/mcp" in text
    assert "claude mcp add --transport http bookshop http://127.0.0.1:" in text
    assert "listBooks" in text


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_printed_curl_works_when_pasted(up: Up) -> None:
    line = up.running.wait_for(r"^ *(curl .*)$").group(1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    (content,) = json.loads(done.stdout)["result"]["content"]
    assert [book["title"] for book in json.loads(content["text"])["items"]] == ["The Left Hand of Darkness"]


def test_demo_api_answers_next_to_it(up: Up) -> None:
    url = up.running.wait_for(r"http://127\.0\.0\.1:\d+(?=/openapi\.json)").group()
    assert send("GET", f"{url}/api/books/1").json["title"] == "The Left Hand of Darkness"


def test_busy_port_is_named_with_the_next_step(checkout: Path, up: Up) -> None:
    assert up.process.poll() is None
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        second = Up(checkout, f"--port {port} --api-port 0")
        try:
            second.running.wait_for(rf"^error: .*{port}")
            second.running.wait_for(r"^hint: .*--port")
            assert second.process.wait(60) != 0
            second.running.stop()
            assert "Traceback" not in second.running.text
        finally:
            second.close()


def test_control_c_ends_it_cleanly(up: Up) -> None:
    up.control_c()
    assert "Traceback" not in up.running.text
    assert "Error" not in up.running.text
