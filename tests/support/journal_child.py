"""A process that records calls under load until it is killed, and says on stdout which ones it has answered.

Arguments: journal directory, database file, prefix of its call ids.
"""

import asyncio
import os
import sys
from pathlib import Path

from apifold.usage.journal import Journal, JournalRule
from apifold.usage.recorder import Recorder
from support.effects import CountingEntropy, ManualClock
from support.records import SqliteRecords, make_record

_AT_ONCE = 32


async def answer_calls(recorder: Recorder, prefix: str, numbers: "list[int]") -> None:
    while True:
        numbers[0] += 1
        name = f"{prefix}-{numbers[0]}"
        recorder.admit()
        recorder.record(make_record(name))
        os.write(1, f"{name}\n".encode())  # the answer's bytes
        await asyncio.sleep(0)


async def main(root: str, database: str, prefix: str) -> None:
    journal = Journal.open(Path(root), JournalRule(file=64 * 1024))
    recorder = Recorder(journal, SqliteRecords(database), clock=ManualClock(), entropy=CountingEntropy())
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        numbers = [0]
        for _ in range(_AT_ONCE):
            group.create_task(answer_calls(recorder, prefix, numbers))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
