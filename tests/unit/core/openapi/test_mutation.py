"""Nothing in a document may raise but `DocumentRefused`: our own documents, broken at random places, again and again."""

import random
from pathlib import Path

import pytest

from apifold.core.diagnostics import Severity
from apifold.core.openapi.decode import DocumentRefused, decode, decode_file
from apifold.core.openapi.document import Document
from apifold.core.openapi.operations import read_document
from apifold.core.values import JSON
from support.documents import DOCUMENTS
from support.mutation import mutants

FILES = sorted(path for path in DOCUMENTS.iterdir() if path.is_file())
ODD_BYTES = (b"\x00", b"\xff", b"{", b"]", b"&a ", b"*a", b"<<: ", b'"', b"\t", b"!x ", b"---\n", b"- ", b"? ", b"\r")


def read_or_refuse(document: JSON) -> Document | None:
    try:
        return read_document({"": document})
    except DocumentRefused:
        return None


def decode_or_refuse(data: bytes) -> bool:
    try:
        decode_file(data)
    except DocumentRefused:
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_of_a_document_with_broken_nodes_every_operation_lives_or_is_named(path: Path) -> None:
    documents = [read_or_refuse(each) for each in mutants(decode(path.read_bytes()), seed=1, count=200, changes=6)]
    read = [document for document in documents if document is not None]
    assert len(read) > 100
    for document in read:
        left_out = [each for each in document.diagnostics if each.severity is Severity.ERROR and each.operation]
        assert len(document.operations) + len(left_out) == document.declared_operations


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_with_broken_bytes_is_read_or_refused(path: Path) -> None:
    data = path.read_bytes()[:6000]
    chance = random.Random(7)  # noqa: S311  repeatable, not secret
    read = 0
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(broken))
            broken[at : at + chance.randrange(3)] = chance.choice(ODD_BYTES)
        read += decode_or_refuse(bytes(broken))
    assert read < 150
