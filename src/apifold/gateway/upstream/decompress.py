"""Collect the content of an answer, its coding removed, and never hold more than a given size of it.

Content is decoded piece by piece as it arrives, so a few kilobytes that stand for gigabytes cost no more than the cap.
"""

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE = 65_536
_MEMBERS = 1_000
"""gzip members and zstd frames in one answer: each costs something, even an empty one."""
_ZSTD_WINDOW_LOG = 23
"""RFC 9659 3: a decoder for HTTP need not keep a window of more than 8 MB."""


class DecodeFailed(Exception):
    """The content does not follow its coding, or the coding is not one that we know."""


class Content:
    """Content without a coding. `full` is set once there was more than `cap` bytes; the first `cap` are kept."""

    __slots__ = ("_cap", "_data", "full")

    def __init__(self, cap: int) -> None:
        self.full = False
        self._cap = cap
        self._data: bytes | bytearray = b""

    def feed(self, data: bytes) -> None:
        if not self._data:
            self._data = data
        elif isinstance(self._data, bytearray):
            self._data += data
        else:  # grows in place from the second piece on
            self._data = bytearray(self._data)
            self._data += data
        if len(self._data) > self._cap:
            self._data = self._data[: self._cap]
            self.full = True

    def room(self) -> int:
        return self._cap - len(self._data)

    def finish(self) -> bytes:
        """What was collected. Raises `DecodeFailed` when the content ended inside its coding."""
        return self._data if type(self._data) is bytes else bytes(self._data)


class _Codec(Protocol):
    complete: bool
    """The coded stream has come to an end."""

    def decode(self, data: bytes, most: int) -> bytes:
        """Decode some more, roughly up to `most` bytes (at least 1); stops early only at that size."""


class CodedContent(Content):
    """Content with a coding."""

    __slots__ = ("_codec", "_coding", "_started")

    def __init__(self, cap: int, coding: str, codec: _Codec) -> None:
        super().__init__(cap)
        self._coding = coding
        self._codec = codec
        self._started = False

    def feed(self, data: bytes) -> None:
        if self.full:
            return
        self._started = True
        try:
            decoded = self._codec.decode(data, self.room() + 1)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise DecodeFailed(f"the content is not valid {self._coding}") from error
        if decoded:
            super().feed(decoded)

    def finish(self) -> bytes:
        if self._started and not self.full and not self._codec.complete:
            raise DecodeFailed(f"the content ends inside its {self._coding} coding")
        return super().finish()


def open_content(coding: str, cap: int) -> Content:
    """`coding` as in Content-Encoding. One that is unknown, or more than one, is an error once there is content."""
    if not coding:
        return Content(cap)
    name = coding.strip().lower()
    if name in _NONE:
        return Content(cap)
    codec = _CODECS.get(name)
    return CodedContent(cap, name, codec() if codec is not None else _Unknown(name))


class _Unknown:
    def __init__(self, name: str) -> None:
        self.complete = True
        self._name = name

    def decode(self, data: bytes, most: int) -> bytes:
        del data, most
        raise DecodeFailed(f"the content coding {self._name[:40]!r} is not known")


class _Gzip:
    """RFC 1952: members may follow one another; what follows and is no member is dropped, as everybody does."""

    def __init__(self) -> None:
        self.complete = False
        self._members = 0
        self._member: zlib._Decompress | None = None

    def decode(self, data: bytes, most: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while data and size < most:
            if self._member is None:
                if self.complete and data[0] != 0x1F:
                    break
                self._member = self._open()
            piece = self._member.decompress(data, most - size)
            size += len(piece)
            pieces.append(piece)
            data = self._member.unconsumed_tail
            if self._member.eof:
                data = self._member.unused_data
                self._member = None
                self.complete = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _open(self) -> "zlib._Decompress":
        self._members += 1
        if self._members > _MEMBERS:
            raise DecodeFailed("the content has too many gzip members")
        self.complete = False
        return zlib.decompressobj(wbits=31)


class _Deflate:
    """RFC 9110 8.4.1.2 asks for the zlib format; raw deflate is sent often enough to be told apart."""

    def __init__(self) -> None:
        self.complete = False
        self._first = b""
        self._stream: zlib._Decompress | None = None

    def decode(self, data: bytes, most: int) -> bytes:
        if self.complete:
            return b""
        if self._stream is None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return b""
            wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(wbits=15 if wrapped else -15)
        piece = self._stream.decompress(data, most)
        self.complete = self._stream.eof
        return piece


class _Brotli:
    """RFC 7932: one stream, and nothing may follow it."""

    def __init__(self) -> None:
        self.complete = False
        self._stream = brotli.Decompressor()

    def decode(self, data: bytes, most: int) -> bytes:
        if self.complete:
            raise DecodeFailed("the content goes on after its br coding")
        pieces = [self._stream.process(data, output_buffer_limit=_PIECE)]
        size = len(pieces[0])
        while size < most and not self._stream.can_accept_more_data():
            pieces.append(self._stream.process(b"", output_buffer_limit=_PIECE))
            size += len(pieces[-1])
        self.complete = self._stream.is_finished()
        return b"".join(pieces)


class _Zstd:
    """RFC 8878: frames may follow one another."""

    def __init__(self) -> None:
        self.complete = False
        self._frames = 0
        self._frame: zstd.ZstdDecompressor | None = None

    def decode(self, data: bytes, most: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        more = True
        while more and size < most:
            if self._frame is None:
                self._frame = self._open()
            piece = self._frame.decompress(data, max_length=most - size)
            size += len(piece)
            pieces.append(piece)
            data = b""
            more = not self._frame.needs_input
            if self._frame.eof:
                data = self._frame.unused_data
                more = bool(data)
                self._frame = None
                self.complete = True
        return b"".join(pieces)

    def _open(self) -> zstd.ZstdDecompressor:
        self._frames += 1
        if self._frames > _MEMBERS:
            raise DecodeFailed("the content has too many zstd frames")
        self.complete = False
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


_NONE = frozenset({"", "identity", "none", "utf-8", "utf8"})
"""No coding; the last three are not codings at all, but servers send them."""

_CODECS: dict[str, Callable[[], _Codec]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
