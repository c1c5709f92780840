"""All documents of the corpus: each loads, or is refused for a reason that stands here; every operation lives or is named."""

import csv
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from apifold.bootstrap.sources import load_path
from apifold.core.diagnostics import Severity
from apifold.core.openapi.decode import DocumentRefused, decode
from apifold.core.openapi.document import Document
from apifold.core.openapi.operations import read_document
from apifold.core.values import JSON
from support.corpus import CORPUS, available, needs_corpus
from support.mutation import mutants

pytestmark = [needs_corpus(), pytest.mark.corpus]

REFUSED = {
    # A trailing comma is tolerated. At the end of the file braces are too many, so where its last part belongs nobody knows.
    "github-octokit.json": "document.syntax",
}
"""Documents that do not load, and why."""

WITHOUT_PARTS = {
    "digitalocean-root-only.yaml": "each of its 290 operations is a reference to a file that is not in the corpus",
}
"""Left out of the share of operations that can be called."""

LEFT_OUT = {
    "ogc-features-1-example1.yaml": {
        "GET /collections/{collectionId}": "a required parameter is in a file on the network",
        "GET /collections/{collectionId}/items": "a required parameter is in a file on the network",
        "GET /collections/{collectionId}/items/{featureId}": "a required parameter is in a file on the network",
    },
}
"""Operations that cannot be called, by document."""


@dataclass(frozen=True, slots=True)
class Entry:
    file: str
    operations: int


def entries() -> list[Entry]:
    if not available():
        return []
    with (CORPUS / "index.csv").open(encoding="utf-8", newline="") as table:
        return [Entry(row["file"], int(row["operations"])) for row in csv.DictReader(table)]


ENTRIES = entries()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document; the documents themselves together would fill the memory."""

    declared: int
    keys: tuple[str, ...]
    left_out: tuple[str, ...]
    codes: frozenset[str]


@functools.cache
def load(file: str) -> Outcome:
    document = load_path(CORPUS / "specs" / file)
    keys = tuple(operation.key for operation in document.operations)
    codes = frozenset(each.code for each in document.diagnostics)
    return Outcome(document.declared_operations, keys, left_out(document), codes)


def left_out(document: Document) -> tuple[str, ...]:
    return tuple(each.operation for each in document.diagnostics if each.severity is Severity.ERROR and each.operation)


def test_corpus_is_whole() -> None:
    assert len(ENTRIES) == 180


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.file)
def test_document_loads_or_is_refused_for_a_reason_that_is_known(entry: Entry) -> None:
    if entry.file in REFUSED:
        with pytest.raises(DocumentRefused) as caught:
            load(entry.file)
        assert caught.value.code == REFUSED[entry.file]
        assert entry.operations == 0
        return
    outcome = load(entry.file)
    # Azure's `x-ms-paths` and operations behind path references are not in the index's count; none may be missing.
    assert outcome.declared >= entry.operations
    assert len(outcome.keys) + len(outcome.left_out) == outcome.declared
    assert len(set(outcome.keys)) == len(outcome.keys)
    if entry.file not in WITHOUT_PARTS:
        assert set(outcome.left_out) == set(LEFT_OUT.get(entry.file, {}))


def test_documents_without_their_parts_name_every_operation() -> None:
    for file in WITHOUT_PARTS:
        outcome = load(file)
        assert (outcome.keys, len(outcome.left_out), outcome.declared) == ((), 290, 290)
        assert outcome.codes == {"reference.file_missing", "reference.unresolved"}


def test_all_documents_with_operations_load_and_nearly_all_operations_can_be_called(
    record_property: Callable[[str, object], None],
) -> None:
    loaded = [entry for entry in ENTRIES if entry.file not in REFUSED]
    assert [entry.file for entry in ENTRIES if entry.operations and entry.file in REFUSED] == []
    counted = [load(entry.file) for entry in loaded if entry.file not in WITHOUT_PARTS]
    declared = sum(outcome.declared for outcome in counted)
    callable_ = sum(len(outcome.keys) for outcome in counted)
    record_property("documents", f"{len(loaded)} of {len(ENTRIES)} load")
    record_property("operations", f"{callable_} of {declared} can be called")
    assert len(loaded) == 179
    assert declared >= 13_722
    assert callable_ / declared >= 0.999


def test_every_reference_that_an_operation_stands_on_leads_somewhere() -> None:
    """But for documents whose parts are elsewhere."""
    loaded = [entry.file for entry in ENTRIES if entry.file not in REFUSED]
    assert {file for file in loaded if "reference.unresolved" in load(file).codes} == {
        "akeneo.yaml",
        "digitalocean-root-only.yaml",
        "ogc-features-1-example1.yaml",
    }


def test_large_documents_are_read_fast() -> None:
    """An order of magnitude above what is measured (0.14 s): this is to notice what is no longer linear."""
    data = (CORPUS / "specs" / "stripe-spec3-2022.json").read_bytes()
    start = time.perf_counter()
    document = read_document({"": decode(data)})
    spent = time.perf_counter() - start
    assert len(document.operations) == 417
    assert spent < 1.5


def small() -> list[str]:
    names = [entry.file for entry in ENTRIES if entry.file not in REFUSED and "/" not in entry.file]
    return [name for name in names if (CORPUS / "specs" / name).stat().st_size < 20_000]


@pytest.mark.parametrize("file", small())
def test_document_that_is_broken_somewhere_is_read_or_refused(file: str) -> None:
    original = decode((CORPUS / "specs" / file).read_bytes())
    for mutant in mutants(original, seed=3, count=25, changes=5):
        document = read_or_refuse(mutant)
        if document is not None:
            assert len(document.operations) + len(left_out(document)) == document.declared_operations


def read_or_refuse(document: JSON) -> Document | None:
    try:
        return read_document({"": document})
    except DocumentRefused:
        return None
