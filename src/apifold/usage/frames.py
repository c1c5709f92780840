"""The lines of a journal: a checksum and a record each, so that every cut and every damage is seen when it is read.

A line is eight hexadecimal digits of CRC-32, a space, the record as JSON and a line feed. JSON with names, so that a
newer program reads what an older one left behind. Lines, because zero bytes after a power loss are never one: an empty
binary frame has the checksum zero and would pass.
"""

from zlib import crc32

import msgspec

from apifold.core.record import CallRecord

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CallRecord).decode

LONGEST_LINE = 128 * 1024
"""Bytes. No line is longer: the texts of a longer one are cut before it is written."""
_COMMON_LINE = 8 * 1024
_LONGEST_TEXT = 500
_MOST_REPAIRS = 10
_NUL = b"\\u0000"


class Scan(msgspec.Struct, frozen=True):
    records: tuple[CallRecord, ...]
    unreadable: tuple[bytes, ...]
    """Whole lines that this program does not understand; they were written, so they are not thrown away."""
    damaged: int
    """Lines whose checksum is wrong."""
    end: int
    """Offset after the last line feed."""


def frame(record: CallRecord) -> bytes:
    """The line to write. Texts that no database would take (too long, with NUL or half a surrogate pair) are mended."""
    try:
        payload = _encode(record)
    except UnicodeEncodeError:
        payload = _encode(_mended(record))
    if len(payload) > _COMMON_LINE or _NUL in payload:
        payload = _encode(_mended(record))
    return b"%08x %b\n" % (crc32(payload), payload)


def _mended(record: CallRecord) -> CallRecord:
    """The client chose some of the texts; what it chose must not keep its call from being recorded."""
    mended: dict[str, str] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if type(value) is str:
            mended[name] = _mended_text(value)
    repairs = tuple(map(_mended_text, record.repairs[:_MOST_REPAIRS]))
    return msgspec.structs.replace(record, **mended, repairs=repairs)


def _mended_text(text: str) -> str:
    return text[:_LONGEST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def scan(data: bytes) -> Scan:
    """Everything that whole lines say. What follows the last line feed is the start of another line, or a torn one."""
    records: list[CallRecord] = []
    unreadable: list[bytes] = []
    damaged = position = 0
    while (feed := data.find(b"\n", position)) >= 0:
        line = data[position:feed]
        position = feed + 1
        if not _is_whole(line):
            damaged += 1
            continue
        try:
            records.append(_decode(line[9:]))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            unreadable.append(line)
    return Scan(tuple(records), tuple(unreadable), damaged, position)


def _is_whole(line: bytes) -> bool:
    return len(line) > 9 and line[:9] == b"%08x " % crc32(line[9:])
