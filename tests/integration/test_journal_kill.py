"""A call that was answered is recorded, and counted once, though the process is killed in the next instant."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apifold.usage.journal import Journal
from apifold.usage.recorder import Recorder, RecorderFigures
from support import journal_child
from support.effects import CountingEntropy, ManualClock
from support.processes import clean_environment
from support.records import SqliteRecords

ROUNDS = 20
PATIENCE_SECONDS = 30.0
CHILD = Path(journal_child.__file__)


def run_until_killed(place: Path, prefix: str, chance: random.Random) -> list[str]:
    """The ids that a process answered before SIGKILL, at a moment within a quarter of a second under load."""
    answers = place / f"{prefix}.txt"
    with (
        answers.open("wb") as stdout,
        subprocess.Popen(
            [sys.executable, "-m", "support.journal_child", str(place / "journal"), str(place / "calls.db"), prefix],
            stdout=stdout,
            cwd=CHILD.parents[1],
            env=clean_environment(),
        ) as process,
    ):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers.stat().st_size and time.monotonic() < deadline:
            assert process.poll() is None, "the process ended by itself"
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.25))
        process.kill()
    return answers.read_text().split("\n")[:-1]


async def replay(place: Path, store: SqliteRecords) -> RecorderFigures:
    """What the next process does at its start."""
    journal = Journal.open(place)
    recorder = Recorder(journal, store, clock=ManualClock(), entropy=CountingEntropy())
    while await recorder.step() is not None:
        pass
    journal.close()
    return recorder.figures


@pytest.mark.wire
def test_calls_answered_before_twenty_kills_are_all_recorded_and_counted_once(tmp_path: Path) -> None:
    chance = random.Random(20)  # noqa: S311  the moments, the same in every run
    answered: list[str] = []
    for number in range(ROUNDS):
        answered += run_until_killed(tmp_path, f"round{number}", chance)
    store = SqliteRecords(tmp_path / "calls.db")
    before = len(store.ids)
    figures = asyncio.run(replay(tmp_path / "journal", store))
    kept = store.ids
    assert len(answered) > ROUNDS * 32
    assert set(answered) - set(kept) == set()
    assert len(kept) == len(set(kept)) == store.counted
    assert len(kept) - len(answered) <= ROUNDS  # written down and killed before the answer: one at a time
    assert before < len(kept), "the kills never met records that were waiting"
    assert (figures.waiting_bytes, figures.set_aside, figures.lost) == (0, 0, 0)
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["lock"]
    store.close()
