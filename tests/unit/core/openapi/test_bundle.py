"""A document in several files, without I/O."""

import pytest
from msgspec.structs import replace

from apifold.core.limits import DOCUMENT
from apifold.core.openapi.bundle import Bundle, read_bytes
from apifold.core.openapi.decode import DocumentRefused
from support.documents import problems

ROOT = b"""
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /a: {$ref: paths/a.yaml}
  /b: {$ref: "b.json#/item"}
"""
A = b"get: {parameters: [{$ref: ../shared.yaml#/limit}]}\npost: {$ref: ../api.yaml#/paths/~1b/put}"
B = b'{"item": {"put": {"operationId": "putB"}}}'
SHARED = b"limit: {name: limit, in: query}"


def loaded(files: dict[str, bytes], root: bytes = ROOT) -> Bundle:
    bundle = Bundle(root, names=("api.yaml",))
    while wanted := bundle.wanted():
        for base in wanted:
            if base in files:
                bundle.add(base, files[base])
            else:
                bundle.miss(base, "it is not there")
    return bundle


def test_files_are_wanted_until_all_are_there() -> None:
    bundle = Bundle(ROOT, names=("api.yaml",))
    assert bundle.wanted() == ("paths/a.yaml", "b.json")
    bundle.add("b.json", B)
    assert bundle.wanted() == ("paths/a.yaml",)
    bundle.add("paths/a.yaml", A)
    assert bundle.wanted() == ("shared.yaml",)
    bundle.add("shared.yaml", SHARED)
    assert bundle.wanted() == ()
    document = bundle.document()
    assert [(operation.key, operation.operation_id) for operation in document.operations] == [
        ("GET /a", ""),
        ("POST /a", "putB"),
        ("PUT /b", "putB"),
    ]
    assert document.diagnostics == ()


def test_missing_file_is_named_with_who_wants_it_and_the_rest_lives() -> None:
    document = loaded({"paths/a.yaml": A, "b.json": B}).document()
    assert [operation.key for operation in document.operations] == ["POST /a", "PUT /b"]
    assert problems(document) == [
        ("reference.file_missing", "paths/a.yaml#", ""),
        ("reference.unresolved", "paths/a.yaml#/get/parameters/0", "GET /a"),
    ]


def test_unreadable_file_counts_as_missing() -> None:
    document = loaded({"paths/a.yaml": A, "b.json": b"a: b: c", "shared.yaml": SHARED}).document()
    assert [operation.key for operation in document.operations] == ["GET /a"]
    assert [code for code, _, _ in problems(document)] == [
        "reference.file_missing",
        "reference.unresolved",
        "reference.unresolved",
    ]
    assert "line 1, column 5" in document.diagnostics[0].message


def test_hash_depends_on_every_byte_and_not_on_the_order() -> None:
    files = {"paths/a.yaml": A, "b.json": B, "shared.yaml": SHARED}
    first = loaded(files).document().source_hash
    turned = Bundle(ROOT, names=("api.yaml",))
    for base in ("b.json", "paths/a.yaml", "shared.yaml"):
        turned.add(base, files[base])
    assert turned.document().source_hash == first
    assert loaded({**files, "shared.yaml": SHARED + b" "}).document().source_hash != first
    assert len(first) == 64


def test_files_and_bytes_are_bounded() -> None:
    few = Bundle(ROOT, limits=replace(DOCUMENT, files=2))
    few.add("paths/a.yaml", A)
    few.add("b.json", B)
    small = Bundle(ROOT, limits=replace(DOCUMENT, total_bytes=len(ROOT) + 10))
    small.add("b.json", B)
    assert "more than 2 files" in few.document().diagnostics[0].message
    assert "bytes" in small.document().diagnostics[0].message


def test_root_that_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(DocumentRefused):
        Bundle(b"a: b: c")


def test_references_to_ids_need_no_file() -> None:
    text = b"""
openapi: 3.1.0
$self: https://example.com/api.yaml
paths: {/a: {get: {responses: {"200": {$ref: "https://example.com/api.yaml#/components/responses/R"}}}}}
components:
  responses: {R: {description: D, content: {application/json: {schema: {$ref: "https://example.com/pet"}}}}}
  schemas: {Pet: {$id: "https://example.com/pet", type: object}}
"""
    bundle = Bundle(text)
    assert bundle.wanted() == ()
    document = bundle.document()
    assert document.operations[0].responses[0].description == "D"
    assert document.diagnostics == ()


def test_document_that_comes_alone_misses_the_others() -> None:
    document = read_bytes(ROOT)
    assert document.operations == ()
    assert [code for code, _, _ in problems(document)][:2] == ["reference.file_missing"] * 2
