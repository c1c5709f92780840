"""The journal on a real disk: crashes, full disks and other processes."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from apifold.core.record import CallRecord
from apifold.usage.frames import frame
from apifold.usage.journal import CannotRecord, Journal, JournalRule
from support.records import make_record

LINE = len(frame(make_record("call_00")))
SMALL = JournalRule(most=100 * LINE, reserve=10 * LINE, file=4 * LINE, owed=21 * LINE, set_aside=3 * LINE)


def records(*numbers: int) -> list[CallRecord]:
    return [make_record(f"call_{number:02}") for number in numbers]


def write(journal: Journal, *numbers: int) -> None:
    for record in records(*numbers):
        journal.append(record)


def drain(journal: Journal) -> list[CallRecord]:
    found: list[CallRecord] = []
    while (batch := journal.read()) is not None:
        found.extend(batch.records)
        journal.discard(batch)
    return found


def crash(journal: Journal) -> Path:
    """What the end of a process leaves: no lock, and every byte."""
    os.close(journal._lock)
    os.close(journal._file)
    return journal._path


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """A disk that takes so much of every file: a short write, then an error (EFBIG here, ENOSPC on a full disk)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_appended_is_read_in_order_and_nothing_is_left_behind(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    write(journal, *range(10))
    assert journal.waiting == journal.size == 10 * LINE
    assert drain(journal) == records(*range(10))
    assert (journal.waiting, journal.size, journal.read()) == (0, 0, None)
    journal.close()
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_batch_is_offered_again_until_it_is_discarded_and_can_be_discarded_once(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    write(journal, 1)
    batch = journal.read()
    assert batch is not None
    write(journal, 2)
    again = journal.read()
    assert again is not None
    assert again.records == tuple(records(1, 2))
    write(journal, 3)
    journal.discard(again)
    for stale in (batch, again):
        with pytest.raises(ValueError, match="not the batch that was read last"):
            journal.discard(stale)
    assert drain(journal) == records(3)
    journal.close()


def test_batch_read_before_its_file_was_closed_can_be_discarded_after(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    write(journal, 1, 2)
    batch = journal.read()
    assert batch is not None
    write(journal, *range(3, 9))
    journal.discard(batch)
    assert drain(journal) == records(*range(3, 9))
    journal.close()


@pytest.mark.parametrize("torn", [b"0", frame(make_record())[:-1], bytes(500), bytes(400_000)])
def test_torn_end_of_a_killed_process_costs_nothing_that_was_acknowledged(tmp_path: Path, torn: bytes) -> None:
    killed = Journal.open(tmp_path, SMALL)
    write(killed, 1, 2, 3)
    with crash(killed).open("ab") as file:
        file.write(torn)
    journal = Journal.open(tmp_path, SMALL)
    write(journal, 4)
    damaged = 0
    found: list[CallRecord] = []
    while (batch := journal.read()) is not None:
        damaged += batch.damaged
        found.extend(batch.records)
        journal.discard(batch)
    assert (found, damaged) == (records(1, 2, 3, 4), 4 if len(torn) > 1000 else 1)
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    living = Journal.open(tmp_path, SMALL)
    write(living, 1)
    other = Journal.open(tmp_path, SMALL)
    assert drain(other) == []
    assert drain(living) == records(1)
    other.close()
    living.close()


def test_what_waits_at_the_end_is_the_next_ones_heritage(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, SMALL)
    write(first, *range(7))
    first.close()
    second = Journal.open(tmp_path, SMALL)
    assert second.size == 7 * LINE
    second.close()
    third = Journal.open(tmp_path, SMALL)
    assert drain(third) == records(*range(7))
    third.close()


def test_calls_are_refused_with_the_cause_before_the_room_is_used_up(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    for number in range(91):
        journal.admit()
        write(journal, number)
    with pytest.raises(CannotRecord, match="the database has been away") as caught:
        journal.admit()
    assert caught.value.code == "records.full"
    write(journal, *range(91, 98))  # those that were under way are written down all the same
    batch = journal.read()
    assert batch is not None
    journal.discard(batch)
    while journal.size > 90 * LINE:
        batch = journal.read()
        assert batch is not None
        journal.discard(batch)
    journal.admit()
    drain(journal)
    journal.close()


def test_disk_is_never_used_beyond_the_bound_and_memory_neither(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    write(journal, *range(119))
    assert journal.size <= SMALL.most
    write(journal, 119)
    with pytest.raises(CannotRecord):
        write(journal, 120)
    assert journal.size <= SMALL.most
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= SMALL.most
    assert drain(journal)[:119] == records(*range(119))
    journal.close()


def test_full_disk_keeps_whole_lines_refuses_calls_and_loses_nothing(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with files_no_longer_than(5 * LINE + 100):
        write(journal, *range(8))
        with pytest.raises(CannotRecord, match="File too large") as caught:
            journal.admit()
        assert (caught.value.code, caught.value.hint[:9]) == ("records.disk", "Make room")
        assert journal._path.stat().st_size == journal.size == 5 * LINE
        assert journal.waiting == 8 * LINE
    journal.admit()
    assert drain(journal) == records(*range(8))
    journal.close()


def test_full_disk_that_recovers_when_the_database_takes_records_needs_no_call_for_it(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with files_no_longer_than(5 * LINE + 100):
        write(journal, *range(8))
        assert drain(journal) == records(*range(8))
        journal.admit()
    journal.close()


def test_part_of_a_line_that_cannot_be_removed_is_left_behind_in_its_own_file(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    write(journal, 1, 2)
    with journal._path.open("ab") as file:
        file.write(b"1234")
    journal._spoiled = True
    write(journal, 3)
    assert drain(journal) == records(1, 2, 3)
    journal.close()


def test_journal_whose_files_were_taken_away_goes_on(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    write(journal, *range(6))
    for path in tmp_path.rglob("*1.log"):
        path.unlink()
    assert drain(journal) == records(4, 5)
    journal.close()


def test_lines_no_database_takes_are_kept_within_bounds(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, SMALL)
    lines = tuple(map(frame, records(1, 2, 3, 4)))
    assert journal.set_aside(lines) == 3
    assert (tmp_path / "set-aside.log").read_bytes() == b"".join(lines[:3])
    journal.close()


def test_only_the_owner_can_read_the_journal(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal", SMALL)
    write(journal, 1)
    journal.set_aside((b"x",))
    for path in (tmp_path / "journal", *(tmp_path / "journal").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0
    journal.close()


class AnyHistory(RuleBasedStateMachine):
    """Appends, batches, crashes and restarts in any order: acknowledged and not discarded is exactly what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.place = TemporaryDirectory()
        self.root = Path(self.place.name)
        self.rule = JournalRule(most=10**9, reserve=0, file=3 * LINE)
        self.journal = Journal.open(self.root, self.rule)
        self.waiting: list[CallRecord] = []
        self.count = 0

    @rule(number=st.integers(1, 8))
    def append(self, number: int) -> None:
        for _ in range(number):
            record = make_record(f"call_{self.count:04}")
            self.count += 1
            self.journal.append(record)
            self.waiting.append(record)

    @rule(appended=st.integers(0, 3), kept=st.booleans())
    def insert(self, appended: int, *, kept: bool) -> None:
        batch = self.journal.read()
        if batch is None:
            assert self.waiting == []
            return
        assert list(batch.records) == self.waiting[: len(batch.records)]
        if appended:
            self.append(appended)
        if kept:
            self.journal.discard(batch)
            del self.waiting[: len(batch.records)]

    @rule(torn=st.binary(max_size=40))
    def kill(self, torn: bytes) -> None:
        torn = torn.replace(b"\n", b"")
        with crash(self.journal).open("ab") as file:
            file.write(torn)
        self.restart()

    @rule()
    def stop(self) -> None:
        self.journal.close()
        self.restart()

    def restart(self) -> None:
        """What was inserted from a file that is still there is read again: inserting it twice does nothing."""
        self.journal = Journal.open(self.root, self.rule)
        seen: list[CallRecord] = []
        position = self.journal._position
        while (batch := self.journal.read()) is not None:
            seen.extend(batch.records)
            self.journal.discard(batch)
        assert position == 0
        missing = len(seen) - len(self.waiting)
        assert missing >= 0
        assert seen[missing:] == self.waiting
        assert len({record.call_id for record in seen}) == len(seen)
        self.waiting.clear()

    @invariant()
    def size_is_that_of_the_files(self) -> None:
        held = sum(path.stat().st_size for path in self.root.rglob("*.log"))
        assert self.journal.size == held

    def teardown(self) -> None:
        self.journal.close()
        self.place.cleanup()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
