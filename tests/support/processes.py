"""Real `apifold` processes: started, read until they say what a test waits for, and ended."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 60.0

APIFOLD: tuple[str, ...] = (sys.executable, "-W", "error", "-m", "apifold")


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment of a test's process: nothing that changes what apifold prints or reads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APIFOLD_")}
    return {**kept, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", **variables}


def run(
    *arguments: str,
    program: Sequence[str] = APIFOLD,
    stdin: str = "",
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return subprocess.run(
        [*program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean_environment(**(variables or {})),
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class Running:
    """A process that goes on; what it prints can be waited for."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.seen: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: "Iterator[str] | None") -> None:
        for line in stream or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, pattern: str, *, seconds: float = PATIENCE_SECONDS) -> "re.Match[str]":
        """The first line, on either stream, that has the pattern in it. Fails when the process ends before."""
        ended = 0
        deadline = time.monotonic() + seconds
        for line in self.seen:
            if match := re.search(pattern, line):
                return match
        while ended < len(self._readers):
            line_or_end = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            if line_or_end is None:
                ended += 1
                continue
            self.seen.append(line_or_end)
            if match := re.search(pattern, line_or_end):
                return match
        raise AssertionError(f"{pattern!r} was not printed before the end:\n" + "\n".join(self.seen))

    @property
    def text(self) -> str:
        """Everything printed so far that was waited for, and after `stop` everything."""
        return "\n".join(self.seen)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; the exit code comes back."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        while not self._lines.empty():
            line = self._lines.get()
            if line is not None:
                self.seen.append(line)
        return code


@contextmanager
def started(
    *arguments: str,
    program: Sequence[str] = APIFOLD,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A command that runs until it is stopped; killed at the end of the block when it still runs."""
    with subprocess.Popen(
        [*program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=clean_environment(**(variables or {})),
    ) as process:
        running = Running(process)
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE_SECONDS)
            for reader in running._readers:
                reader.join(PATIENCE_SECONDS)
