"""Documents are kept compressed (zstd). Unpacking is bounded: a row is not trusted to be what we wrote."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 6
"""A document of 1 MB takes some 10 ms and a tenth of its size; higher levels gain a few percent."""


class NotPacked(ValueError):
    """These bytes are not what `pack` makes, or hold more than was expected."""


def pack(data: bytes) -> bytes:
    return zstd.compress(data, level=_LEVEL)


def unpack(packed: bytes, *, limit: int) -> bytes:
    """The bytes that were packed, at most `limit`."""
    decompressor = zstd.ZstdDecompressor()
    try:
        data = decompressor.decompress(packed, max_length=limit + 1)
    except zstd.ZstdError as error:
        raise NotPacked("the bytes are damaged") from error
    if len(data) > limit:
        raise NotPacked("the bytes hold more than was expected")
    if not decompressor.eof or decompressor.unused_data:
        raise NotPacked("the bytes are cut off or more than one piece")
    return data
