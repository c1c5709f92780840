"""Where a document comes from: a path, standard input or a URL, with the other files it refers to.

Local files are read only inside the folder of the document, whatever links say. Files over HTTP are fetched through an
`Upstream`, so the destination policy is asked for every hop; without one, or when not allowed, none is fetched.
"""

import stat
import sys
from pathlib import Path
from typing import BinaryIO

from apifold.core.errors import ErrorCategory
from apifold.core.limits import DOCUMENT, DocumentLimits
from apifold.core.openapi.bundle import Bundle, read_bytes
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.openapi.document import Document

_CHUNK = 1 << 20


def load_path(path: Path | str, *, limits: DocumentLimits = DOCUMENT, folder: Path | None = None) -> Document:
    """A document in a file, with its other files from inside `folder` (default: where it lies).

    Raises `DocumentRefused`. References to URLs count as missing.
    """
    place = Path(path)
    try:
        root = place.resolve(strict=True)
        data = _read(root, limits)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DocumentRefused(
            "document.unreadable",
            f"cannot read {str(path)!r}: {reason}",
            category=ErrorCategory.NOT_FOUND,
            hint="Give the path of an OpenAPI document, its URL, or - for standard input.",
        ) from None
    bundle = Bundle(data, name=root.name, limits=limits)
    home = root.parent
    allowed = folder.resolve() if folder is not None else home
    while wanted := bundle.wanted():
        for base in wanted:
            _add_local(bundle, base, home, allowed, limits)
    return bundle.document()


def _add_local(bundle: Bundle, base: str, home: Path, allowed: Path, limits: DocumentLimits) -> None:
    if "://" in base:
        bundle.miss(base, "files on the network are not fetched", "Allow remote references if you trust them.")
        return
    try:
        path = (home / base).resolve()
        if not path.is_relative_to(allowed):
            bundle.miss(base, "it lies outside of the document's folder", "Move the document up, or the file in.")
            return
        bundle.add(base, _read(path, limits))
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        bundle.miss(base, getattr(error, "strerror", None) or str(error), "Put the file there, or correct the reference.")


def _read(path: Path, limits: DocumentLimits) -> bytes:
    with path.open("rb", buffering=0) as file:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(limits.file_bytes + 1) or b""


def load_stdin(stream: BinaryIO | None = None, *, limits: DocumentLimits = DOCUMENT) -> Document:
    """A document on standard input, or another binary stream. Raises `DocumentRefused`."""
    source = stream if stream is not None else sys.stdin.buffer
    return read_bytes(source.read(limits.file_bytes + 1), limits=limits)
