"""A document in several files, without I/O: says which files are missing, takes them in, and reads the whole.

Whoever loads files asks `wanted()`, gives each by `add` or explains its absence by `miss`, and asks again. Which
files may be loaded is the loader's decision; how many and how large they may be is decided here.
"""

import hashlib
import posixpath

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.limits import DOCUMENT, DocumentLimits
from apifold.core.openapi.decode import DecodedFile, DocumentRefused, decode_file
from apifold.core.openapi.document import Document
from apifold.core.openapi.operations import read_document
from apifold.core.openapi.references import locate
from apifold.core.values import JSON


class Bundle:
    """The files of one document while they come in."""

    def __init__(
        self, root: bytes, *, names: tuple[str, ...] = (), url: str = "", limits: DocumentLimits = DOCUMENT
    ) -> None:
        """`names` are what parts call the root when they refer back to it; `url` is where it was found on the web.

        Raises `DocumentRefused` when the root cannot be decoded.
        """
        self._limits = limits
        self._url = url
        self._files: dict[str, JSON] = {}
        self._digests: dict[str, bytes] = {}
        self._bytes = 0
        self._diagnostics: list[Diagnostic] = []
        self._names = names
        self._wanted: dict[str, str] = {}
        self._identities: set[str] = set()
        self._located: dict[tuple[str, str], str] = {}
        decoded = decode_file(root, limits=limits)
        own = decoded.value.get("$self") if isinstance(decoded.value, dict) else None  # 3.2
        if isinstance(own, str):
            self._names = (*names, own.partition("#")[0])
        self._known = {"", *self._names}
        self._take("", root, decoded)

    def wanted(self) -> tuple[str, ...]:
        """Bases of files that are referred to and neither here nor missed: paths relative to the root, or URLs."""
        return tuple(base for base in self._wanted if base not in self._identities)

    def add(self, base: str, data: bytes) -> None:
        """Take in a file. One that cannot be read, or that goes over a bound, counts as missing and is named."""
        if len(self._files) >= self._limits.files:
            self.miss(base, f"the document has more than {self._limits.files:,} files")
        elif self._bytes + len(data) > self._limits.total_bytes:
            self.miss(base, f"the files together have more than {self._limits.total_bytes:,} bytes")
        else:
            self._try(base, data)

    def miss(self, base: str, reason: str, advice: str = "", *, is_allowed: bool = True) -> None:
        """A file will not come. What refers to it is left out or cut where it stands; everything else lives.

        `is_allowed` is False when it may be there and was not looked at.
        """
        referrer = self._wanted.pop(base, "")
        self._known.add(base)
        message = f"the file {base[:200]!r} is not used: {reason}"
        where = f"{referrer}#" if referrer else ""
        code = "reference.file_missing" if is_allowed else "reference.file_not_allowed"
        self._diagnostics.append(Diagnostic(code, Severity.WARNING, where, message, advice))

    def document(self) -> Document:
        """Read the operations. Raises `DocumentRefused` when the root is no OpenAPI document."""
        digest = hashlib.sha256()
        for base in sorted(self._digests):
            digest.update(base.encode("utf-8", errors="replace") + b"\0" + self._digests[base])
        root = self._files[""]
        return read_document(
            {**self._files, **dict.fromkeys(self._names, root)},
            limits=self._limits,
            source_hash=digest.hexdigest(),
            source_url=self._url,
            diagnostics=self._diagnostics,
        )

    def _try(self, base: str, data: bytes) -> None:
        try:
            decoded = decode_file(data, base=base, limits=self._limits)
        except DocumentRefused as refusal:
            self.miss(base, refusal.message, refusal.hint)
            return
        self._wanted.pop(base, None)
        self._known.add(base)
        self._take(base, data, decoded)

    def _take(self, base: str, data: bytes, decoded: DecodedFile) -> None:
        self._files[base] = decoded.value
        self._digests[base] = hashlib.sha256(data).digest()
        self._bytes += len(data)
        self._diagnostics += decoded.diagnostics
        self._identities |= decoded.links.identities
        for link in decoded.links.files:
            target = self._locate(link, base)
            if target not in self._known:
                self._wanted.setdefault(target, base)

    def _locate(self, link: str, base: str) -> str:
        """Files of one folder name the same others again and again."""
        identity = (link, base if "://" in base else posixpath.dirname(base))
        target = self._located.get(identity)
        if target is None:
            target = self._located[identity] = locate(link, base)
        return target


def read_bytes(data: bytes, *, url: str = "", limits: DocumentLimits = DOCUMENT) -> Document:
    """A document that comes by itself (standard input, an upload): every other file it refers to is missing."""
    bundle = Bundle(data, url=url, limits=limits)
    for base in bundle.wanted():
        bundle.miss(base, "the document was given alone", "Give the path or URL of the document instead.")
    return bundle.document()
