"""A document in several files, without I/O: says which files are missing, takes them in, and reads the whole.

Whoever loads files asks `wanted()`, gives each by `add` or explains its absence by `miss`, and asks again. Which
files may be loaded is the loader's decision; how many and how large they may be is decided here.
"""

import hashlib
from collections.abc import Callable

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.limits import DOCUMENT, DocumentLimits
from apifold.core.openapi.decode import DecodedFile, DocumentRefused, decode_file
from apifold.core.openapi.document import Document
from apifold.core.openapi.operations import read_document
from apifold.core.openapi.references import locate
from apifold.core.values import JSON


class Bundle:
    """The files of one document while they come in. Raises `DocumentRefused` only for the root."""

    def __init__(self, root: bytes, *, name: str = "", limits: DocumentLimits = DOCUMENT) -> None:
        """`name` is the root's own file name, so that a part that refers back to it finds it."""
        self._limits = limits
        self._files: dict[str, JSON] = {}
        self._digests: dict[str, bytes] = {}
        self._bytes = 0
        self._diagnostics: list[Diagnostic] = []
        self._known = {""}
        self._wanted: dict[str, str] = {}
        self._take("", root, decode_file(root, limits=limits))
        if name:
            self._known.add(name)
            self._files[name] = self._files[""]

    def wanted(self) -> tuple[str, ...]:
        """Bases of files that are referred to and neither here nor missed: paths relative to the root, or URLs."""
        return tuple(self._wanted)

    def add(self, base: str, data: bytes) -> None:
        """Take in a file. One that cannot be read, or that goes over a bound, counts as missing and is named."""
        if base not in self._wanted:
            return
        if len(self._files) >= self._limits.files:
            self.miss(base, f"the document has more than {self._limits.files:,} files")
        elif self._bytes + len(data) > self._limits.total_bytes:
            self.miss(base, f"the files together have more than {self._limits.total_bytes:,} bytes")
        else:
            self._try(base, data)

    def miss(self, base: str, reason: str, advice: str = "") -> None:
        """A file will not come. What refers to it is left out or cut where it stands; everything else lives."""
        referrer = self._wanted.pop(base, "")
        self._known.add(base)
        message = f"the file {base[:200]!r} is not used: {reason}"
        where = f"{referrer}#" if referrer else ""
        self._diagnostics.append(Diagnostic("reference.file_missing", Severity.WARNING, where, message, advice))

    def document(self) -> Document:
        """Read the operations. Raises `DocumentRefused` when the root is no OpenAPI document."""
        digest = hashlib.sha256()
        for base in sorted(self._digests):
            digest.update(base.encode("utf-8", errors="replace") + b"\0" + self._digests[base])
        return read_document(
            self._files, limits=self._limits, source_hash=digest.hexdigest(), diagnostics=self._diagnostics
        )

    def _try(self, base: str, data: bytes) -> None:
        try:
            decoded = decode_file(data, base=base, limits=self._limits)
        except DocumentRefused as refusal:
            self.miss(base, refusal.message)
            return
        self._wanted.pop(base, None)
        self._known.add(base)
        self._take(base, data, decoded)

    def _take(self, base: str, data: bytes, decoded: DecodedFile) -> None:
        self._files[base] = decoded.value
        self._digests[base] = hashlib.sha256(data).digest()
        self._bytes += len(data)
        self._diagnostics += decoded.diagnostics
        for link in decoded.links:
            target = locate(link, base)
            if target not in self._known:
                self._wanted.setdefault(target, base)


def read_bytes(
    data: bytes,
    *,
    limits: DocumentLimits = DOCUMENT,
    reason: Callable[[str], str] = lambda _base: "the document was given alone",
) -> Document:
    """A document that comes by itself (standard input, an upload): every other file it refers to is missing."""
    bundle = Bundle(data, limits=limits)
    for base in bundle.wanted():
        bundle.miss(base, reason(base))
    return bundle.document()
