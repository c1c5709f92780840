"""Content decoded piece by piece, and never more of it than the cap."""

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest

from apifold.gateway.upstream.decompress import Content, DecodeFailed, open_content

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(content: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(content) + coder.flush()


def brotli_quick(content: bytes) -> bytes:
    return bytes(brotli.compress(content, quality=5))


CODERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli_quick),
    ("zstd", zstd.compress),
    (" GZip ", gzip.compress),
    ("", bytes),
    ("identity", bytes),
    ("utf-8", bytes),
]
CODINGS = [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli_quick), ("zstd", zstd.compress)]
TEXT = b"".join(b'{"number": %d}' % n for n in range(3000))


def decoded(coding: str, data: bytes, *, cap: int = 1_000_000, step: int = 0) -> tuple[bytes, bool]:
    content = open_content(coding, cap)
    for start in range(0, len(data), step or len(data) or 1):
        content.feed(data[start : start + (step or len(data))])
        if content.full:
            break
    return content.finish(), content.full


@pytest.mark.parametrize("step", [0, 1, 1000])
@pytest.mark.parametrize(("coding", "encode"), CODERS)
def test_content_is_the_same_however_its_bytes_are_cut(
    coding: str, encode: Callable[[bytes], bytes], step: int
) -> None:
    assert decoded(coding, encode(TEXT), step=step) == (TEXT, False)


@pytest.mark.parametrize("step", [0, 7])
@pytest.mark.parametrize(("coding", "encode"), [*CODINGS, ("", bytes)])
def test_cap_is_kept_to_the_byte(coding: str, encode: Callable[[bytes], bytes], step: int) -> None:
    data = encode(TEXT)
    assert decoded(coding, data, cap=len(TEXT), step=step) == (TEXT, False)
    assert decoded(coding, data, cap=len(TEXT) - 1, step=step) == (TEXT[:-1], True)
    assert decoded(coding, data, cap=0, step=step) == (b"", True)


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_bomb_is_stopped_in_bounded_memory(coding: str, encode: Callable[[bytes], bytes]) -> None:
    bomb = encode(bytes(50_000_000))
    tracemalloc.start()
    result = decoded(coding, bomb, cap=500_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result == (bytes(500_000), True)
    assert peak < 5_000_000


@pytest.mark.parametrize("step", [0, 1])
def test_members_and_frames_may_follow_one_another(step: int) -> None:
    assert decoded("gzip", gzip.compress(b"ab", mtime=0) + gzip.compress(b"cd"), step=step) == (b"abcd", False)
    assert decoded("zstd", zstd.compress(b"ab") + zstd.compress(b"cd"), step=step) == (b"abcd", False)
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    assert decoded("zstd", skippable + zstd.compress(b"ab"), step=step) == (b"ab", False)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("coding", "encode"), CODINGS[:2])
def test_what_follows_the_coded_stream_is_dropped(coding: str, encode: Callable[[bytes], bytes], step: int) -> None:
    assert decoded(coding, encode(b"content") + b"\x00\x00", step=step) == (b"content", False)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("coding", "encode"), CODINGS[2:])
def test_what_follows_is_an_error_where_the_coding_says_so(
    coding: str, encode: Callable[[bytes], bytes], step: int
) -> None:
    with pytest.raises(DecodeFailed):
        decoded(coding, encode(b"content") + b"\x00\x00\x00\x00\x00", step=step)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_content_that_ends_inside_its_coding_is_an_error(
    coding: str, encode: Callable[[bytes], bytes], step: int
) -> None:
    data = encode(TEXT)
    for cut in (1, 2, len(data) // 2, len(data) - 1):
        with pytest.raises(DecodeFailed):
            decoded(coding, data[:cut], step=step)


@pytest.mark.parametrize("data", [b"plain text", b"\xff" * 40, b"\x1f\x8b\x00"])
@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_content_that_is_not_coded_as_it_says_is_an_error(
    coding: str, encode: Callable[[bytes], bytes], data: bytes
) -> None:
    del encode
    with pytest.raises(DecodeFailed):
        decoded(coding, data)


def test_endless_empty_members_are_an_error() -> None:
    for coding, empty in (("gzip", gzip.compress(b"", mtime=0)), ("zstd", zstd.compress(b""))):
        with pytest.raises(DecodeFailed, match="too many"):
            decoded(coding, empty * 2000)


def test_zstd_that_needs_more_memory_than_a_decoder_for_http_must_have_is_an_error() -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, (27 - 10) << 3]) + b"\x03\x03\x00" + b"x"
    with pytest.raises(DecodeFailed):
        decoded("zstd", frame)


def test_unknown_coding_is_an_error_once_there_is_content() -> None:
    assert open_content("compress", 10).finish() == b""
    content = open_content("gzip, br", 10)
    with pytest.raises(DecodeFailed, match="'gzip, br' is not known"):
        content.feed(b"x")


def test_content_of_no_bytes_needs_no_coding() -> None:
    assert [open_content(coding, 10).finish() for coding, _ in CODINGS] == [b""] * 4


def test_content_in_one_piece_is_not_copied() -> None:
    content = Content(10)
    piece = b"content"
    content.feed(piece)
    assert content.finish() is piece
