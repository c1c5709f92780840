"""Lines of the journal: what was cut, damaged or hostile is seen, and everything else is read back as it was."""

from zlib import crc32

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from apifold.usage.frames import LONGEST_LINE, Scan, frame, scan
from support.records import make_record

RECORDS = tuple(make_record(f"call_{number}", client_name="é\n" * number) for number in range(5))
LINES = tuple(map(frame, RECORDS))
WHOLE = b"".join(LINES)
ENDS = tuple(len(b"".join(LINES[:number])) for number in range(len(LINES) + 1))


def test_every_cut_leaves_exactly_the_records_before_it() -> None:
    for cut in range(len(WHOLE) + 1):
        whole = sum(end <= cut for end in ENDS) - 1
        assert scan(WHOLE[:cut]) == Scan(RECORDS[:whole], (), 0, ENDS[whole])


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_damaged_byte_costs_the_lines_it_touches_and_nothing_else(position: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[position] ^= change
    found = scan(bytes(data))
    touched = sum(end <= position for end in ENDS) - 1
    at_the_end = position + 1 in ENDS  # a line feed: two lines have become one
    gone = {touched, touched + 1} if at_the_end else {touched}
    assert found.records == tuple(record for number, record in enumerate(RECORDS) if number not in gone)
    assert found.unreadable == ()


@given(st.binary(max_size=300))
def test_anything_else_is_never_a_record(data: bytes) -> None:
    assert scan(data).records == ()


def test_zero_bytes_after_a_power_loss_are_not_a_line() -> None:
    assert scan(WHOLE + bytes(500)) == Scan(RECORDS, (), 0, len(WHOLE))
    assert scan(b"00000000 \n").damaged == 1


def test_whole_line_that_is_not_understood_is_kept_for_a_person() -> None:
    line = b'%08x {"a":1}' % crc32(b'{"a":1}')
    assert scan(line + b"\n" + LINES[0]) == Scan((RECORDS[0],), (line,), 0, len(line) + 1 + len(LINES[0]))


@given(st.text(st.characters(), max_size=40))
def test_texts_are_read_back_as_they_were_but_for_what_no_database_takes(text: str) -> None:
    (record,) = scan(frame(make_record(client_name=text))).records
    plain = "\0" not in text and text.isprintable()
    assert record.client_name == text if plain else len(record.client_name) <= len(text)


def test_client_cannot_keep_its_calls_from_being_recorded_by_its_name() -> None:
    names = {"\0nul": "nul", "half \ud800": "half ?", "long" * 100_000: ("long" * 100_000)[:500]}
    for name, kept in names.items():
        assert scan(frame(make_record(client_name=name))).records == (make_record(client_name=kept),)


def test_no_line_is_longer_than_what_is_read_at_a_time() -> None:
    worst = "\x01" * 100_000
    texts = {
        name: worst
        for name in make_record().__struct_fields__
        if isinstance(getattr(make_record(), name), str) and name != "kind"
    }
    record = msgspec.structs.replace(make_record(), **texts, repairs=(worst,) * 20)
    assert len(frame(record)) < LONGEST_LINE
