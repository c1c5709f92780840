"""The local journal of calls: what was appended is there after SIGKILL, until it was really inserted elsewhere.

One `write` per record, made before the answer's first byte and without fsync: the page cache outlives the process. It
is made at once, not gathered per turn of the loop: that costs the same 4 µs with many calls and half with one, and
nobody has to wait for it. Nothing is ever appended to a file of an earlier process, so a torn end needs no repair: the
reader steps over it. A file is deleted when all of it was inserted; the one in use is emptied whenever it was.

Every process has a directory with a lock that dies with it. Whoever starts adopts the files of the dead.
"""

import errno
import os
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.record import CallRecord
from apifold.usage.frames import LONGEST_LINE, frame, scan
from apifold.usage.locks import locked, try_lock

BATCH_BYTES = LONGEST_LINE
"""Read at a time: some 250 records, half a millisecond of the loop's time."""
_LOCK = "lock"
_FILES = "*.log"
_SET_ASIDE = "set-aside.log"


class JournalRule(msgspec.Struct, frozen=True):
    """Bytes, all of them."""

    most: int = 1024 * 1024 * 1024
    """On disk, for one process."""
    reserve: int = 16 * 1024 * 1024
    """Calls are refused when no more than this is left: calls under way still have to be written down."""
    file: int = 4 * 1024 * 1024
    """A file is closed and the next begun beyond this."""
    owed: int = 16 * 1024 * 1024
    """In memory, of calls that were under way when the disk was full."""
    set_aside: int = 16 * 1024 * 1024
    """For records that the database refuses for good; shared by all processes."""


RULE = JournalRule()


class CannotRecord(AppError):
    """A call made now could not be recorded, so it is not made. `code` says why: `records.full`, `records.disk`."""

    category = ErrorCategory.UNAVAILABLE


class Batch(msgspec.Struct, frozen=True):
    """The oldest records, in the order they were written in."""

    records: tuple[CallRecord, ...]
    unreadable: tuple[bytes, ...]
    damaged: int
    """Lines whose checksum is wrong, and torn ends."""
    end: int
    """Where it ends in the oldest file."""


class _File(msgspec.Struct, frozen=True):
    path: Path
    size: int


class Journal:
    """Of one process, and for one thread of it. `Journal.open` makes one."""

    _path: Path
    """The file in use."""
    _file: int
    _end: int
    """Bytes of whole lines in it."""
    _spoiled: bool
    """There is a part of a line after them which could not be removed."""

    def __init__(self, root: Path, directory: Path, lock: int, rule: JournalRule) -> None:
        self._root = root
        self._directory = directory
        self._lock = lock
        self._rule = rule
        self._number = 0
        self._sealed: deque[_File] = deque()
        self._sealed_size = 0
        self._position = 0
        """In the oldest file: everything before it was inserted."""
        self._offered: Batch | None = None
        self._owed: deque[bytes] = deque()
        self._owed_size = 0
        self._cause: CannotRecord | None = None
        self._closed = False

    @classmethod
    def open(cls, root: Path, rule: JournalRule = RULE) -> "Journal":
        """Begin a journal in a directory of its own below `root`, and take over the files of processes that are gone.

        Raises `OSError` when the place cannot be written to.
        """
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(root / _LOCK):  # a directory without a lock yet looks like one of the dead
            directory = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
            lock = try_lock(directory / _LOCK)
            if lock is None:
                raise AssertionError("somebody else locked a directory that was made this instant")
            journal = cls(root, directory, lock, rule)
            journal._adopt()
        journal._begin()
        return journal

    # --- writing ---

    def admit(self) -> None:
        """Raises `CannotRecord` while a call made now could not be recorded."""
        if self._owed:
            self._settle()
            if self._cause is not None:
                raise CannotRecord(self._cause.code, self._cause.message, hint=self._cause.hint)
        if self.size > self._rule.most - self._rule.reserve:
            raise self._full()

    def append(self, record: CallRecord) -> None:
        """Write a record down; it survives the end of the process as soon as this returns.

        When the disk will not take it, it is kept in memory until it does, and `admit` refuses calls until then: those
        that were under way are the only ones that can be lost, and only if the process is killed meanwhile. Raises
        `CannotRecord` when the memory for these is used up too.
        """
        line = frame(record)
        if not self._owed:
            try:
                self._write(line)
            except (OSError, CannotRecord) as error:
                self._cause = _why(error)
            else:
                return
        if self._owed_size + len(line) > self._rule.owed:
            raise self._cause or self._full()
        self._owed.append(line)
        self._owed_size += len(line)

    def _settle(self) -> None:
        """Write down what is owed, as far as the disk takes it."""
        try:
            while self._owed:
                self._write(self._owed[0])
                self._owed_size -= len(self._owed.popleft())
        except (OSError, CannotRecord) as error:
            self._cause = _why(error)
        else:
            self._cause = None

    def _write(self, line: bytes) -> None:
        if self._end + len(line) > self._rule.file or self._spoiled:
            self._roll()
        if self.size + len(line) > self._rule.most:
            raise self._full()
        try:
            done = os.write(self._file, line)
            while done < len(line):  # a disk that is nearly full takes a part, and says why at the next attempt
                done += os.write(self._file, line[done:])
        except OSError:
            self._take_back()
            raise
        self._end += len(line)

    def _take_back(self) -> None:
        """A part of a line must not stay: the next one would be glued to it."""
        try:
            os.ftruncate(self._file, self._end)
        except OSError:
            self._spoiled = True

    def _full(self) -> CannotRecord:
        held = self.size // (1024 * 1024)
        return CannotRecord(
            "records.full",
            "Calls are not made at the moment because they cannot be recorded: the database has been away for long.",
            hint=f"{held} MiB of records wait for it in {self._root}. Calls go on as soon as it takes them.",
        )

    # --- reading ---

    def read(self) -> Batch | None:
        """The oldest records that were not discarded yet; the same again until `discard`. `None`: there are none.

        A batch may be without records, when all there is is damaged.
        """
        if self._owed:
            self._settle()
        head = self._sealed[0] if self._sealed else _File(self._path, self._end)
        start = self._position
        wanted = min(BATCH_BYTES, head.size - start)
        if wanted <= 0:
            return None
        found = scan(_read(head.path, start, wanted))
        damaged, end = found.damaged, found.end
        if end < wanted and (end == 0 or start + wanted >= head.size):
            damaged, end = damaged + 1, wanted  # a torn end, or a stretch that is no line
        self._offered = Batch(found.records, found.unreadable, damaged, start + end)
        return self._offered

    def discard(self, batch: Batch) -> None:
        """The batch is safe elsewhere. Only the batch that was read last can be discarded, and once."""
        if batch is not self._offered:
            raise ValueError("this is not the batch that was read last")
        self._offered = None
        self._position = batch.end
        if self._sealed:
            if batch.end >= self._sealed[0].size:
                self._drop_oldest()
        elif batch.end >= self._end:
            with suppress(OSError):  # the file only stays longer
                os.ftruncate(self._file, 0)
                self._end = self._position = 0

    def set_aside(self, lines: tuple[bytes, ...]) -> int:
        """Keep lines that no database will take where a person can look at them; how many found room."""
        kept = 0
        descriptor = os.open(self._root / _SET_ASIDE, _APPEND, 0o600)
        try:
            for line in lines:
                whole = line if line.endswith(b"\n") else line + b"\n"
                if os.fstat(descriptor).st_size + len(whole) > self._rule.set_aside:
                    break
                os.write(descriptor, whole)
                kept += 1
        finally:
            os.close(descriptor)
        return kept

    @property
    def size(self) -> int:
        """Bytes on disk, in this process's directory."""
        return self._sealed_size + self._end

    @property
    def waiting(self) -> int:
        """Bytes, on disk and in memory, that were not discarded yet."""
        return self.size - self._position + self._owed_size

    # --- files ---

    def _begin(self) -> None:
        path = self._next_path()
        self._file = os.open(path, _APPEND | os.O_EXCL, 0o600)
        self._path = path
        self._end = 0
        self._spoiled = False

    def _roll(self) -> None:
        """The file in use is full: begin the next. When that fails nothing has changed."""
        before, path, end = self._file, self._path, self._end
        size = os.fstat(before).st_size
        self._begin()
        os.close(before)
        if end:
            self._sealed.append(_File(path, size))
            self._sealed_size += size
        else:
            path.unlink()

    def _drop_oldest(self) -> None:
        oldest = self._sealed.popleft()
        self._sealed_size -= oldest.size
        self._position = 0
        oldest.path.unlink(missing_ok=True)

    def _next_path(self) -> Path:
        self._number += 1
        return self._directory / f"{self._number:012d}.log"

    def _adopt(self) -> None:
        """Move the files of processes that are gone here. Whoever is killed in between leaves the rest to the next."""
        for directory in sorted(self._root.iterdir()):
            if directory == self._directory or not directory.is_dir():
                continue
            lock = try_lock(directory / _LOCK)
            if lock is None:
                continue
            try:
                for path in sorted(directory.glob(_FILES)):
                    self._take_over(path)
                (directory / _LOCK).unlink()
                with suppress(OSError):  # something that is not ours lies there
                    directory.rmdir()
            finally:
                os.close(lock)

    def _take_over(self, path: Path) -> None:
        size = path.stat().st_size
        if not size:
            path.unlink()
            return
        here = self._next_path()
        path.rename(here)
        self._sealed.append(_File(here, size))
        self._sealed_size += size

    def close(self) -> None:
        """Let go of the directory; it disappears when nothing waits in it, and is the next one's heritage otherwise."""
        if self._closed:
            return
        self._closed = True
        self._settle()
        os.close(self._file)
        if not self._sealed and not self._end:
            with locked(self._root / _LOCK):
                self._path.unlink(missing_ok=True)
                (self._directory / _LOCK).unlink(missing_ok=True)
                with suppress(OSError):
                    self._directory.rmdir()
        os.close(self._lock)


_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def _read(path: Path, start: int, size: int) -> bytes:
    """Less than `size` when somebody took the file away or cut it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, size, start)
    finally:
        os.close(descriptor)


def _why(error: OSError | CannotRecord) -> CannotRecord:
    if isinstance(error, CannotRecord):
        return error
    reason = os.strerror(error.errno) if error.errno else str(error)
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return CannotRecord(
        "records.disk",
        f"Calls are not made at the moment because they cannot be recorded: {reason}.",
        hint="Make room on the disk that holds the data directory." if full else "",
    )
