"""Where a document comes from: a path, standard input or a URL, with the other files it refers to.

Local files are read only from inside the document's folder, whatever links say. Files on the network are fetched
through a `Fetch`, which asks the destination policy; of these, only what lies beside a fetched document comes without
being allowed.
"""

import asyncio
import gc
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from apifold.bootstrap.download import Download
from apifold.core.errors import ErrorCategory
from apifold.core.limits import DOCUMENT, DOWNLOAD, DocumentLimits
from apifold.core.openapi.bundle import Bundle, read_bytes
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.document import Document

Fetch = Callable[[str], Awaitable[Download]]
"""The bytes at a URL; raises `DocumentRefused`. A `Downloader` is one."""

_SOURCE_HINT = "Give the path of an OpenAPI document, its URL, or - for standard input."
_BESIDE_HINT = "Put the document in a folder above all its files, or bundle it into one file."
_REMOTE_HINT = "Allow files on other hosts with --remote-refs, if you trust them."
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


async def load_source(
    source: str, *, fetch: Fetch | None = None, allow_remote: bool = False, limits: DocumentLimits = DOCUMENT
) -> Document:
    """A document from a path, a URL, or `-` for standard input. Raises `DocumentRefused`.

    `allow_remote` lets references lead to other places on the network; each goes through `fetch`.
    """
    if source == "-":
        return load_stdin(limits=limits)
    if is_url(source):
        if fetch is None:
            raise DocumentRefused("document.url", f"{source[:300]!r} is a URL, and nothing may be fetched here")
        return await load_url(source, fetch=fetch, allow_remote=allow_remote, limits=limits)
    if not (allow_remote and fetch is not None):
        return load_path(source, limits=limits)
    place = _Folder(_existing(source))
    bundle = place.open(limits)
    remote = _Remote(fetch, "", allow_remote=True)
    while wanted := bundle.wanted():
        place.load(bundle, [base for base in wanted if not is_url(base)], limits)
        await remote.load(bundle, [base for base in wanted if is_url(base)])
    return bundle.document()


def load_path(path: Path | str, *, limits: DocumentLimits = DOCUMENT) -> Document:
    """A document in a file, with its other files from inside its folder; those on the network count as missing.

    Raises `DocumentRefused`.
    """
    root = _existing(path)
    if not root.is_file():  # a pipe, as the shell's <(…) makes one
        return read_bytes(_read(root, limits), limits=limits)
    place = _Folder(root)
    with _uncollected():
        bundle = place.open(limits)
        while wanted := bundle.wanted():
            place.load(bundle, wanted, limits)
        return bundle.document()


def load_stdin(stream: BinaryIO | None = None, *, limits: DocumentLimits = DOCUMENT) -> Document:
    """A document on standard input, or on another binary stream. Raises `DocumentRefused`."""
    source = stream if stream is not None else sys.stdin.buffer
    data = source.read(limits.file_bytes + 1)
    with _uncollected():
        return read_bytes(data, limits=limits)


async def load_url(
    url: str, *, fetch: Fetch, allow_remote: bool = False, limits: DocumentLimits = DOCUMENT
) -> Document:
    """A document on the web with the files beside it (same origin, same folder or below). Raises `DocumentRefused`."""
    root = await fetch(url)
    address = root.url.partition("#")[0]
    name = urlsplit(address).path.rpartition("/")[2]
    names = tuple(dict.fromkeys(filter(None, (name, address, url.partition("#")[0]))))
    with _uncollected():
        bundle = Bundle(root.data, names=names, url=address, limits=limits)
    remote = _Remote(fetch, address, allow_remote=allow_remote)
    while wanted := bundle.wanted():
        await remote.load(bundle, wanted)
    with _uncollected():
        return bundle.document()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic collector: a large document is a million new objects and no garbage, and looking for some
    again and again made decoding ten times slower. Not held across an `await`.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _existing(path: Path | str) -> Path:
    try:
        found = Path(path)
        if found.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        found.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from None
    return found


def _read(path: Path, limits: DocumentLimits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.file_bytes + 1)
    except OSError as error:
        raise _unreadable(str(path), error) from None


def _unreadable(path: str, error: Exception) -> DocumentRefused:
    message = f"cannot read {path[:300]!r}: {_reason(error)}"
    return DocumentRefused("document.unreadable", message, category=ErrorCategory.NOT_FOUND, hint=_SOURCE_HINT)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


class _Outside(Exception):
    """A file that exists or not, and is none of the document's."""


class _Folder:
    """The folder of a local document: nothing outside of it is read, also not through symbolic links."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._home = root.resolve().parent
        self._parents: dict[Path, Path] = {}
        """Folders and where they really are; looking it up for every file costs more than reading the file."""

    def open(self, limits: DocumentLimits) -> Bundle:
        names = tuple(dict.fromkeys((self._root.name, self._root.resolve().name)))
        return Bundle(_read(self._root, limits), names=names, limits=limits)

    def load(self, bundle: Bundle, bases: "list[str] | tuple[str, ...]", limits: DocumentLimits) -> None:
        for base in bases:
            if "://" in base:
                bundle.miss(base, "files on the network are not fetched", _REMOTE_HINT, is_allowed=False)
                continue
            try:
                data = self._content(base, limits)
            except _Outside:
                bundle.miss(base, "it lies outside of the document's folder", _BESIDE_HINT, is_allowed=False)
            except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
                bundle.miss(base, _reason(error), "Put the file there, or correct the reference.")
            else:
                bundle.add(base, data)

    def _content(self, base: str, limits: DocumentLimits) -> bytes:
        path = self._located(base)
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            path = self._inside(path.resolve())
            status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_size > limits.file_bytes:
            raise OSError(0, f"it has more than {limits.file_bytes:,} bytes")
        with path.open("rb", buffering=0) as file:
            return file.read(status.st_size) or b""

    def _located(self, base: str) -> Path:
        path = self._home / base
        parent = self._parents.get(path.parent)
        if parent is None:
            parent = self._parents[path.parent] = path.parent.resolve()
        return self._inside(parent / path.name)

    def _inside(self, path: Path) -> Path:
        if not path.is_relative_to(self._home):
            raise _Outside
        return path


class _Remote:
    """Files on the network: fetched a few at a time, within a budget for all of them together."""

    def __init__(self, fetch: Fetch, root: str, *, allow_remote: bool) -> None:
        self._fetch = fetch
        self._root = root
        self._folder = root.rpartition("/")[0] + "/" if root else ""
        self._allow_remote = allow_remote
        self._left = DOWNLOAD.files
        self._deadline = asyncio.get_running_loop().time() + DOWNLOAD.total_seconds

    async def load(self, bundle: Bundle, bases: "list[str] | tuple[str, ...]") -> None:
        at_once = asyncio.Semaphore(DOWNLOAD.concurrency)
        async with asyncio.TaskGroup() as tasks:
            for base in bases:
                tasks.create_task(self._one(bundle, base, at_once))

    async def _one(self, bundle: Bundle, base: str, at_once: asyncio.Semaphore) -> None:
        url = urljoin(self._root, quote(base, safe=_URL_CHARACTERS))
        if not (self._allow_remote or self._is_beside(url)):
            bundle.miss(base, "it lies in another place on the network", _REMOTE_HINT, is_allowed=False)
            return
        async with at_once:
            self._left -= 1
            if self._left < 0 or asyncio.get_running_loop().time() > self._deadline:
                bundle.miss(base, "the document refers to too many files, or they take too long to come")
                return
            try:
                bundle.add(base, (await self._fetch(url)).data)
            except DocumentRefused as refusal:
                bundle.miss(base, refusal.message, refusal.hint)

    def _is_beside(self, url: str) -> bool:
        return bool(self._folder) and url.startswith(self._folder)
