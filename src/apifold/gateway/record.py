"""Phase 4 of a call: what is kept of it. Never fails a call."""

from collections.abc import Callable

from apifold.core.record import CallRecord
from apifold.gateway.ports import RecordSink


def keep(record: CallRecord, sink: RecordSink, on_failure: Callable[[BaseException], None]) -> None:
    """Give the record to the sink; whatever goes wrong there is reported and does not reach the caller."""
    try:
        sink.record(record)
    except Exception as error:  # noqa: BLE001  a full disk must not fail an answer that is already there
        on_failure(error)
