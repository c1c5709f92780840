"""The way of records from the calls through the journal into the database, in batches, beside the calls.

There is one way only: what is inserted was read from the journal, after a start as in the middle of the day, so memory
is bounded by one batch. Inserting again what is there already must do nothing: a process that ends between the insert
and the journal's trimming inserts the last batch again.
"""

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec

from apifold.core.effects import Clock, Entropy
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.record import CallRecord
from apifold.usage.frames import frame
from apifold.usage.journal import BATCH_BYTES, Batch, Journal

GATHER_SECONDS = 0.2
"""Records of so long go into one batch: the log is that much behind."""
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0


class RecordStore(Protocol):
    async def insert(self, records: Sequence[CallRecord]) -> AbstractSet[str]:
        """Insert those whose call id is new, all in one transaction with the counters that they raise, and give their ids.

        Raises an `AppError` of category UNAVAILABLE when the database is away or busy: nothing is wrong with the records
        then. Any other exception: something is wrong with one of them. A batch may name a call id twice.
        """


class RecorderFigures(msgspec.Struct, frozen=True):
    """How far recording is. Counts are since the start."""

    waiting_bytes: int
    journal_bytes: int
    lag_seconds: float
    """Age of the oldest record that the database was offered and did not take yet; 0 when there is none."""
    failures: int
    """Attempts in a row that failed."""
    inserted: int
    repeated: int
    """Were there already."""
    set_aside: int
    """Refused by the database for good, or not understood by this program."""
    damaged: int
    """Lines of the journal whose checksum was wrong; a torn end counts as one."""
    lost: int
    """Set aside without room for it, or of calls that were refused because nothing can be recorded."""


class Recorder:
    """A `RecordSink` for the gateway. `run` is a task for the process's life; `close` ends it."""

    def __init__(
        self,
        journal: Journal,
        store: RecordStore,
        *,
        clock: Clock,
        entropy: Entropy,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`on_failure` hears of every attempt that failed."""
        self._journal = journal
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._on_failure = on_failure
        self._news = asyncio.Event()
        self._end = asyncio.Event()
        self._oldest: float | None = None
        self._failures = self._inserted = self._repeated = self._set_aside = self._damaged = self._lost = 0

    # --- for the calls ---

    def admit(self) -> None:
        """Raises `CannotRecord` when a call made now could not be recorded."""
        self._journal.admit()

    def record(self, record: CallRecord) -> None:
        """Written down when this returns."""
        if record.refusal.startswith("records."):
            self._lost += 1  # refused because nothing can be written down: nor can that
            return
        self._journal.append(record)
        self._news.set()

    # --- for the database ---

    async def run(self) -> None:
        """Insert what waits, and what comes, until `close`."""
        while not self._end.is_set():
            pause = await self.step()
            if pause is None:
                await self._news.wait()
                pause = GATHER_SECONDS
            await self._rest(pause)
        while await self.step() is not None and not self._failures:
            pass

    async def _rest(self, seconds: float) -> None:
        """The end of the process cuts it short."""
        try:
            async with asyncio.timeout(seconds):
                await self._end.wait()
        except TimeoutError:
            return

    async def step(self) -> float | None:
        """Offer the database one batch. Gives the seconds until the next step is due; `None`: when there is news."""
        self._news.clear()
        try:
            batch = self._journal.read()
            if batch is None:
                self._oldest = None
                return None
            if batch.records:
                self._oldest = batch.records[0].started_at
            inserted = await self._insert(batch)
            self._journal.discard(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, the records are safe and the calls go on
            return self._failed(error)
        self._failures = 0
        self._oldest = None
        self._inserted += inserted
        self._damaged += batch.damaged
        return self._next()

    def _next(self) -> float | None:
        waiting = self._journal.waiting
        if waiting >= BATCH_BYTES:
            return 0.0
        return GATHER_SECONDS if waiting else None

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        self._on_failure(error)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures - 1, 16))
        return pause * (0.5 + self._entropy.uniform() / 2)

    async def _insert(self, batch: Batch) -> int:
        """How many were new. Raises when the batch has to be tried again."""
        inserted = 0
        refused: list[bytes] = list(batch.unreadable)
        if batch.records:
            try:
                new = await self._store.insert(batch.records)
            except Exception as error:
                if _is_away(error):
                    raise
                new = await self._insert_singly(batch.records, refused, error)
            inserted = len(new)
            self._repeated += len(batch.records) - inserted - (len(refused) - len(batch.unreadable))
        if refused:
            kept = self._journal.set_aside(tuple(refused))
            self._set_aside += kept
            self._lost += len(refused) - kept
        return inserted

    async def _insert_singly(
        self, records: Sequence[CallRecord], refused: list[bytes], error: Exception
    ) -> AbstractSet[str]:
        """One bad record must not hold up the others; but when not a single one goes in, it is not the records' fault."""
        new: set[str] = set()
        failed: list[CallRecord] = []
        for record in records:
            try:
                new |= await self._store.insert((record,))
            except Exception as reason:
                if _is_away(reason):
                    raise
                failed.append(record)
                self._on_failure(reason)
        if len(failed) == len(records):
            raise error
        refused.extend(map(frame, failed))
        return new

    @property
    def figures(self) -> RecorderFigures:
        return RecorderFigures(
            waiting_bytes=self._journal.waiting,
            journal_bytes=self._journal.size,
            lag_seconds=0.0 if self._oldest is None else max(0.0, self._clock.now() - self._oldest),
            failures=self._failures,
            inserted=self._inserted,
            repeated=self._repeated,
            set_aside=self._set_aside,
            damaged=self._damaged,
            lost=self._lost,
        )

    async def close(self, running: "asyncio.Task[None]", *, seconds: float = 10.0) -> None:
        """End `run` (its task is `running`): what waits is offered once more, and stays in the journal if not taken.

        An insert under way is not cut off before `seconds` have passed: its outcome would be unknown.
        """
        self._end.set()
        self._news.set()
        try:
            await asyncio.wait({running}, timeout=seconds)
            if not running.done():
                running.cancel()
                await asyncio.wait({running})
        finally:
            self._journal.close()


def _is_away(error: Exception) -> bool:
    return isinstance(error, AppError) and error.category is ErrorCategory.UNAVAILABLE
