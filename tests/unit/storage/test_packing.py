"""Documents come back as they were, and nothing larger than was expected comes out of a row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apifold.storage.packing import NotPacked, pack, unpack

DOCUMENT = b'{"openapi": "3.1.0", "paths": {}}' * 1_000


@given(st.binary(max_size=2_000))
def test_what_was_packed_comes_back(data: bytes) -> None:
    assert unpack(pack(data), limit=len(data)) == data


def test_document_is_kept_small() -> None:
    assert len(pack(DOCUMENT)) < len(DOCUMENT) / 50


@pytest.mark.parametrize(
    "packed",
    [b"", b"not packed", pack(DOCUMENT)[:-5], pack(DOCUMENT) + b"more", pack(DOCUMENT) * 2, pack(bytes(10_000_000))],
    ids=["nothing", "something else", "cut off", "followed by more", "twice", "more than expected"],
)
def test_bytes_that_are_not_one_packed_document_are_refused(packed: bytes) -> None:
    with pytest.raises(NotPacked):
        unpack(packed, limit=len(DOCUMENT))
