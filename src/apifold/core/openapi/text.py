"""Bytes to text: which encoding a file has, told without reading its content (YAML 1.2 5.2, RFC 8259 8.1)."""

import codecs

import msgspec

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED = ((b"\0\0\0", "utf-32-be"), (b"\0", "utf-16-be"))
_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)


class Text(msgspec.Struct, frozen=True):
    utf8: bytes
    """The text in UTF-8, without a byte order mark."""
    broken: int
    """Bytes that were not valid in the encoding and now stand as U+FFFD."""


def looks_binary(data: bytes) -> str:
    """What kind of binary file this is ("a ZIP archive"), or an empty string."""
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), "")


def read_text(data: bytes) -> Text:
    """Text from bytes in UTF-8, UTF-16 or UTF-32. Bytes that are no text become U+FFFD and are counted."""
    encoding, data = _encoding(data)
    if encoding == "utf-8" and _is_valid(data):
        return Text(data, 0)
    text = data.decode(encoding, errors="replace")
    return Text(text.encode("utf-8", errors="replace"), text.count("\ufffd"))


def _encoding(data: bytes) -> tuple[str, bytes]:
    for mark, name in _MARKS:
        if data.startswith(mark):
            # The UTF-16 and UTF-32 codecs read their own mark; UTF-8's would stay in the first key.
            return name, data[len(mark) :] if name == "utf-8" else data
    for zeros, name in _UNMARKED:
        if data.startswith(zeros):
            return name, data
    if data[1:4] == b"\0\0\0":
        return "utf-32-le", data
    return ("utf-16-le" if data[1:2] == b"\0" else "utf-8"), data


def _is_valid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
