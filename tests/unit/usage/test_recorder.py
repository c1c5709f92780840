"""From the journal into a database that is there, away, or will not take a record."""

import asyncio
import resource
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.record import CallRecord
from apifold.usage.frames import scan
from apifold.usage.journal import Journal, JournalRule
from apifold.usage.recorder import GATHER_SECONDS, Recorder, RecorderFigures
from support.effects import CountingEntropy, ManualClock
from support.loops import on_loop
from support.records import SqliteRecords, make_record


class Store(SqliteRecords):
    """A database that can be away, and that will not take some records."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.bad: set[str] = set()
        self.batches: list[int] = []
        self.took_some = asyncio.Event()

    async def insert(self, records: Sequence[CallRecord]) -> AbstractSet[str]:
        self.batches.append(len(records))
        if self.away:
            raise AppError("database.away", "It does not answer.", category=ErrorCategory.UNAVAILABLE)
        if not self.bad.isdisjoint(record.call_id for record in records):
            raise ValueError("a record is not right")
        new = await super().insert(records)
        self.took_some.set()
        return new


class Bench:
    """A recorder on a clock that stands still."""

    def __init__(self, root: Path, rule: JournalRule | None = None) -> None:
        self.root = root
        self.clock = ManualClock()
        self.store = Store()
        self.failures: list[BaseException] = []
        self.journal = Journal.open(root, rule or JournalRule())
        self.recorder = Recorder(
            self.journal, self.store, clock=self.clock, entropy=CountingEntropy(), on_failure=self.failures.append
        )

    def record(self, *names: str) -> None:
        for name in names:
            self.recorder.record(make_record(name, started_at=self.clock.now()))

    def close(self) -> None:
        self.journal.close()
        self.store.close()


def left_in(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


def figures(**expected: float) -> RecorderFigures:
    """What the figures should be; those that are not named are 0."""
    return msgspec.structs.replace(RecorderFigures(0, 0, 0.0, 0, 0, 0, 0, 0, 0), **expected)


@on_loop
async def test_records_are_inserted_in_one_batch_and_the_journal_is_empty_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record("a", "b", "c")
    assert await bench.recorder.step() is None
    assert (bench.store.ids, bench.store.batches) == (["a", "b", "c"], [3])
    assert bench.recorder.figures == figures(inserted=3)
    bench.close()


@on_loop
async def test_record_that_is_there_already_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record("a")
    await bench.recorder.step()
    bench.record("a", "b", "b")
    await bench.recorder.step()
    assert (bench.store.ids, bench.store.counted) == (["a", "b"], 2)
    assert bench.recorder.figures == figures(inserted=2, repeated=2)
    bench.close()


@on_loop
async def test_while_the_database_is_away_records_wait_and_are_offered_ever_less_often(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.away = True
    bench.record("a")
    pauses: list[float | None] = []
    for _ in range(10):
        pauses.append(await bench.recorder.step())
        bench.clock.time += pauses[-1] or 0.0
    assert pauses == [0.1875, 0.375, 0.75, 1.5, 3.0, 6.0, 11.25, 11.25, 11.25, 11.25]
    assert len(bench.failures) == 10
    lag = bench.recorder.figures.lag_seconds
    assert lag == sum(pause or 0.0 for pause in pauses)
    bench.record("b")
    waiting = bench.journal.size
    assert bench.recorder.figures == figures(failures=10, lag_seconds=lag, waiting_bytes=waiting, journal_bytes=waiting)
    bench.store.away = False
    assert await bench.recorder.step() is None
    assert bench.store.ids == ["a", "b"]
    assert bench.recorder.figures == figures(inserted=2)
    bench.close()


@on_loop
async def test_records_of_the_time_away_survive_the_process(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.store.away = True
    task = asyncio.create_task(first.recorder.run())
    first.record("a", "b")
    await first.recorder.close(task)
    assert first.store.ids == []
    second = Bench(tmp_path)
    await second.recorder.step()
    assert second.store.ids == ["a", "b"]
    first.store.close()
    second.close()


@on_loop
async def test_one_bad_record_does_not_hold_up_the_others_and_is_kept_for_a_person(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.bad = {"b"}
    bench.record("a", "b", "c")
    assert await bench.recorder.step() is None
    assert bench.store.ids == ["a", "c"]
    assert bench.recorder.figures == figures(inserted=2, set_aside=1)
    assert scan((tmp_path / "set-aside.log").read_bytes()).records == (make_record("b"),)
    assert [str(failure) for failure in bench.failures] == ["a record is not right"]
    bench.close()


@on_loop
async def test_database_that_takes_no_record_at_all_is_broken_and_none_is_given_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.bad = {"a", "b"}
    bench.record("a", "b")
    assert await bench.recorder.step() == 0.1875
    assert bench.recorder.figures.set_aside == 0
    bench.store.bad = set()
    assert await bench.recorder.step() is None
    assert bench.store.ids == ["a", "b"]
    bench.close()


@on_loop
async def test_database_that_goes_away_between_single_records_gets_all_of_them_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.bad = {"a"}
    bench.record("b", "a", "c")

    class Leaving(Store):
        async def insert(self, records: Sequence[CallRecord]) -> AbstractSet[str]:
            if len(self.batches) == 2:
                self.away = True
            return await super().insert(records)

    leaving = Leaving()
    leaving.bad = {"a"}
    recorder = Recorder(bench.journal, leaving, clock=bench.clock, entropy=CountingEntropy())
    assert await recorder.step() == 0.1875
    assert (leaving.ids, recorder.figures.set_aside) == (["b"], 0)
    leaving.away = False
    leaving.batches.extend([0] * 3)
    assert await recorder.step() is None
    assert leaving.ids == ["b", "c"]
    assert (recorder.figures.inserted, recorder.figures.repeated, recorder.figures.set_aside) == (1, 1, 1)
    leaving.close()
    bench.close()


@on_loop
async def test_backlog_is_worked_off_without_pauses_one_bounded_batch_after_the_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record(*(f"call_{number}" for number in range(1_000)))
    pauses = []
    while (pause := await bench.recorder.step()) is not None:
        pauses.append(pause)
    assert pauses[0] == 0.0
    assert pauses[-1] in {0.0, GATHER_SECONDS}
    assert max(bench.store.batches) < 300
    assert bench.store.counted == 1_000
    bench.close()


@on_loop
async def test_running_recorder_inserts_what_comes_and_flushes_at_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    task = asyncio.create_task(bench.recorder.run())
    await asyncio.sleep(0)
    bench.record("a")
    await bench.store.took_some.wait()
    bench.record("b")
    await bench.recorder.close(task)
    assert bench.store.ids == ["a", "b"]
    assert left_in(tmp_path) == ["lock"]
    bench.store.close()


@on_loop
async def test_insert_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    class Hanging(Store):
        async def insert(self, records: Sequence[CallRecord]) -> AbstractSet[str]:
            await asyncio.get_running_loop().create_future()
            raise AssertionError(f"nothing ever comes for {len(records)}")

    store = Hanging()
    recorder = Recorder(Journal.open(tmp_path), store, clock=ManualClock(), entropy=CountingEntropy())
    recorder.record(make_record("a"))
    task = asyncio.create_task(recorder.run())
    await recorder.close(task, seconds=0.05)
    assert task.cancelled()
    next_one = Bench(tmp_path)
    await next_one.recorder.step()
    assert next_one.store.ids == ["a"]
    store.close()
    next_one.close()


@on_loop
async def test_calls_refused_because_nothing_can_be_recorded_are_counted_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.recorder.record(msgspec.structs.replace(make_record(), refusal="records.full", billable=False))
    assert bench.recorder.figures == figures(lost=1)
    bench.close()


@on_loop
async def test_journal_that_cannot_be_read_for_a_while_is_read_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record("a")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))  # every connection has taken a descriptor
    try:
        pause = await bench.recorder.step()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (pause, [type(failure) for failure in bench.failures]) == (0.1875, [OSError])
    assert await bench.recorder.step() is None
    assert bench.store.ids == ["a"]
    bench.close()
