"""Where documents come from: paths, pipes, standard input and URLs, and what they may bring along."""

import asyncio
import io
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from apifold.bootstrap.download import Download
from apifold.bootstrap.sources import is_url, load_path, load_source, load_stdin, load_url
from apifold.core.errors import ErrorCategory
from apifold.core.limits import DOCUMENT
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.document import Document
from support.documents import DOCUMENTS

T = TypeVar("T")

ROOT = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /a: {$ref: REFERENCE}
  /b: {get: {}}
"""
ITEM = b"get: {summary: there}"


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def root(reference: str) -> bytes:
    return ROOT.replace("REFERENCE", f'"{reference}"').encode()


def keys(document: Document) -> list[str]:
    return [operation.key for operation in document.operations]


def reasons(document: Document) -> list[str]:
    found = document.diagnostics
    return [each.message.partition(": ")[2] for each in found if each.code.startswith("reference.file_")]


class Web:
    """What stands at which URL, and what was asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.asked: list[str] = []

    async def __call__(self, url: str) -> Download:
        self.asked.append(url)
        await asyncio.sleep(0)
        if url not in self._files:
            raise DocumentRefused("document.unreachable", f"cannot fetch {url}: the answer is 404")
        return Download(url, self._files[url])


# --- local files ---


def test_document_and_its_files_are_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "api.yaml").write_bytes(root("parts/a%20b.yaml"))
    (tmp_path / "parts" / "a b.yaml").write_bytes(b"get: {$ref: '../api.yaml#/paths/~1b/get'}")
    document = load_path(tmp_path / "api.yaml")
    assert (keys(document), document.diagnostics, document.source_url) == (["GET /a", "GET /b"], (), "")


def test_files_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_bytes(ITEM)
    (tmp_path / "home-other").mkdir()
    (tmp_path / "home-other" / "x.yaml").write_bytes(ITEM)
    for reference in (
        "../secret.yaml",
        str(secret),
        "../home-other/x.yaml",
        "x/../../secret.yaml",
        "%2e%2e/secret.yaml",
    ):
        (home / "api.yaml").write_bytes(root(reference))
        document = load_path(home / "api.yaml")
        assert (keys(document), reasons(document)) == (["GET /b"], ["it lies outside of the document's folder"])


def test_symbolic_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "inside").mkdir(parents=True)
    (home / "inside" / "real.yaml").write_bytes(ITEM)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_bytes(ITEM)
    (home / "link.yaml").symlink_to(outside / "x.yaml")
    (home / "folder").symlink_to(outside)
    (home / "fine.yaml").symlink_to(home / "inside" / "real.yaml")
    expected = {"link.yaml": ["GET /b"], "folder/x.yaml": ["GET /b"], "fine.yaml": ["GET /a", "GET /b"]}
    for reference, found in expected.items():
        (home / "api.yaml").write_bytes(root(reference))
        assert keys(load_path(home / "api.yaml")) == found


def test_document_that_is_itself_a_link_brings_the_files_from_where_it_really_is(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "api.yaml").write_bytes(root("a.yaml"))
    (real / "a.yaml").write_bytes(ITEM)
    (tmp_path / "link.yaml").symlink_to(real / "api.yaml")
    assert keys(load_path(tmp_path / "link.yaml")) == ["GET /a", "GET /b"]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("none.yaml", "No such file or directory"),
        ("folder", "it is not a regular file"),
        ("pipe", "it is not a regular file"),
        ("large.yaml", "it has more than 2,000 bytes"),
        ("api.yaml/x", "Not a directory"),
        ("a\\u0000b", "embedded null"),
        ("file:///etc/passwd", "files on the network are not fetched"),
        ("https://example.com/a.yaml", "files on the network are not fetched"),
    ],
)
def test_file_that_cannot_be_read_is_named_and_the_rest_lives(tmp_path: Path, reference: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.yaml").write_bytes(b"x" * 2001)
    (tmp_path / "api.yaml").write_bytes(root(reference))
    document = load_path(tmp_path / "api.yaml", limits=replace(DOCUMENT, file_bytes=2000))
    assert keys(document) == ["GET /b"]
    assert [each.startswith(reason) for each in reasons(document)] == [True], reasons(document)


@pytest.mark.parametrize("name", ["none.yaml", "", "a\x00b", "."])
def test_document_that_is_not_there_is_refused_with_the_next_step(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        load_path(tmp_path / name if name != "a\x00b" else name)
    assert (caught.value.code, caught.value.category) == ("document.unreadable", ErrorCategory.NOT_FOUND)
    assert "URL" in caught.value.hint


def test_document_from_a_pipe_comes_alone() -> None:
    reader, writer = os.pipe()
    os.write(writer, root("a.yaml"))
    os.close(writer)
    try:
        document = load_path(f"/dev/fd/{reader}")
    finally:
        os.close(reader)
    assert (keys(document), reasons(document)) == (["GET /b"], ["the document was given alone"])


def test_document_on_standard_input_comes_alone() -> None:
    document = load_stdin(io.BytesIO(root("a.yaml")))
    assert (keys(document), reasons(document)) == (["GET /b"], ["the document was given alone"])


def test_file_over_the_bound_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_bytes(b"x" * 5000)
    with pytest.raises(DocumentRefused) as caught:
        load_path(tmp_path / "api.yaml", limits=replace(DOCUMENT, file_bytes=100))
    assert caught.value.code == "document.too_large"


# --- the web ---


def test_document_on_the_web_brings_what_lies_beside_it() -> None:
    web = Web(
        {
            "https://example.com/v1/api.yaml": root("parts/a%20b.yaml"),
            "https://example.com/v1/parts/a%20b.yaml": b"get: {$ref: '../api.yaml#/paths/~1b/get'}",
        }
    )
    document = run(load_url("https://example.com/v1/api.yaml", fetch=web))
    assert (keys(document), document.diagnostics) == (["GET /a", "GET /b"], ())
    assert document.source_url == "https://example.com/v1/api.yaml"
    assert web.asked == ["https://example.com/v1/api.yaml", "https://example.com/v1/parts/a%20b.yaml"]


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.yaml",
        "/secret.yaml",
        "https://other.example.com/v1/a.yaml",
        "http://example.com/v1/a.yaml",
        "https://example.com/v10/a.yaml",
        "//other.example.com/v1/a.yaml",
        "file:///etc/passwd",
    ],
)
def test_other_places_on_the_web_are_asked_only_when_allowed(reference: str) -> None:
    web = Web({"https://example.com/v1/api.yaml": root(reference)})
    document = run(load_url("https://example.com/v1/api.yaml", fetch=web))
    assert (keys(document), reasons(document)) == (["GET /b"], ["it lies in another place on the network"])
    assert web.asked == ["https://example.com/v1/api.yaml"]

    web.asked.clear()
    run(load_url("https://example.com/v1/api.yaml", fetch=web, allow_remote=True))
    assert len(web.asked) == 2


def test_part_that_refers_back_by_url_finds_the_root() -> None:
    url = "https://example.com/v1/api.yaml"
    web = Web({url: root("a.yaml"), "https://example.com/v1/a.yaml": f"get: {{$ref: '{url}#/paths/~1b/get'}}".encode()})
    document = run(load_url(url, fetch=web))
    assert (keys(document), len(web.asked)) == (["GET /a", "GET /b"], 2)


def test_part_that_cannot_be_fetched_is_named_and_the_rest_lives() -> None:
    web = Web({"https://example.com/api.yaml": root("a.yaml")})
    document = run(load_url("https://example.com/api.yaml", fetch=web))
    assert keys(document) == ["GET /b"]
    assert "the answer is 404" in document.diagnostics[0].message


def test_too_many_files_on_the_web_are_not_fetched() -> None:
    paths = "".join(f"  /p{i}: {{$ref: p{i}.yaml}}\n" for i in range(1100))
    web = Web({"https://example.com/api.yaml": f"openapi: 3.1.0\npaths:\n{paths}".encode()})
    document = run(load_url("https://example.com/api.yaml", fetch=web))
    assert len(web.asked) == 1001
    assert len([each for each in reasons(document) if "too many files" in each]) == 100


def test_local_document_fetches_remote_parts_only_when_allowed(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_bytes(root("https://example.com/a.yaml"))
    source = str(tmp_path / "api.yaml")
    web = Web({"https://example.com/a.yaml": ITEM})
    assert keys(run(load_source(source, fetch=web))) == ["GET /b"]
    assert web.asked == []
    assert keys(run(load_source(source, fetch=web, allow_remote=True))) == ["GET /a", "GET /b"]


def test_source_may_be_a_path_or_a_url() -> None:
    web = Web({"https://example.com/api.yaml": root("a.yaml"), "https://example.com/a.yaml": ITEM})
    assert keys(run(load_source("https://example.com/api.yaml", fetch=web))) == ["GET /a", "GET /b"]
    assert len(run(load_source(str(DOCUMENTS / "harbour-2.0.json"))).operations) == 7
    with pytest.raises(DocumentRefused, match="nothing may be fetched"):
        run(load_source("https://example.com/api.yaml"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [("http://a", True), ("HTTPS://a", True), ("a.yaml", False), ("-", False), ("ftp://a", False)],
)
def test_url_is_told_from_a_path(source: str, expected: bool) -> None:
    assert is_url(source) is expected
