"""`$ref` resolution: from a reference and the file it stands in to the node it means, with a budget and cycle handling.

Beyond plain JSON pointers this understands what real documents contain: percent escapes, pointers that lead through
another reference, `$id` and `$anchor` (2020-12, 8.2), and a bare schema name as early Swagger 2.0 allowed it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeGuard
from urllib.parse import unquote, urljoin

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import DOCUMENT
from apifold.core.openapi.model import Node
from apifold.core.openapi.survey import identity_names
from apifold.core.values import JSON

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SCOPES_TRIED = 50
"""How many `$id`s are tried as the start of a pointer that leads nowhere from the file."""
_NAMING = frozenset(("$id", "$anchor", "$dynamicAnchor"))
_ROOT_NAMES = ("/components/schemas/", "/definitions/")


class Unresolved(AppError):
    """A reference leads nowhere; `message` says why in words for a person."""

    category = ErrorCategory.NOT_FOUND

    def __init__(self, reference: str, reason: str) -> None:
        super().__init__("reference.unresolved", f"{reference[:200]!r} {reason}")
        self.reference = reference


def locate(file: str, base: str) -> str:
    """The base of a file that a reference in `base` names: an absolute URL, or a path relative to the root's folder."""
    if _ABSOLUTE.match(file):
        return file
    if _ABSOLUTE.match(base):
        try:
            return urljoin(base, file)
        except ValueError:  # not a URL after all, e.g. `http://[`
            return file
    path = unquote(file).replace("\\", "/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))


def is_reference(value: JSON) -> TypeGuard[dict[str, JSON]]:
    return isinstance(value, dict) and "$ref" in value


class Resolver:
    """Knows every file of a document. Pure after construction but for what it remembers; cheap to share."""

    def __init__(self, files: Mapping[str, JSON], *, chain: int = DOCUMENT.reference_chain) -> None:
        """`files` maps a base ("" is the root document) to its decoded value."""
        root = files.get("")
        # A part that refers back to the root by its file name must find the root, not a twin of it.
        self._files = {base: value for base, value in files.items() if not base or value is not root}
        self._twins = frozenset(files).difference(self._files)
        self._chain = chain
        self._memory: dict[tuple[str, str], Node] = {}
        self._names: dict[str, Node] | None = None
        self._scopes: dict[str, list[Node]] = {}

    def resolve(self, reference: str, base: str) -> Node:
        """The node a `$ref` value means, one step. Raises `Unresolved`."""
        try:
            return self._step(reference, base, self._chain)
        except Unresolved:
            found = self._within_scope(reference, base) or self._in_root(reference, base)
            if found is None:
                raise
            self._memory[reference, base] = found
            return found

    def follow(self, node: Node) -> Node:
        """Follow `$ref`s until a node that is not a Reference Object; raises `Unresolved` on cycles and over-long chains.

        Siblings of `$ref` are not looked at; where they mean something (3.1 schemas) the caller reads them first.
        """
        seen: set[tuple[str, str]] = set()
        while is_reference(node.value):
            reference = _text(node.value["$ref"])
            if (reference, node.base) in seen:
                raise Unresolved(reference, "leads back to itself")
            seen.add((reference, node.base))
            if len(seen) > self._chain:
                raise Unresolved(reference, f"leads on through more than {self._chain} references")
            node = self.resolve(reference, node.base)
        return node

    def _step(self, reference: str, base: str, budget: int) -> Node:
        """What was found once is remembered, so that references through references cost no more than their number."""
        known = self._memory.get((reference, base))
        if known is None:
            known = self._memory[reference, base] = self._find(reference, base, budget)
        return known

    def _find(self, reference: str, base: str, budget: int) -> Node:
        file, _, fragment = reference.strip().partition("#")
        target = self._base(file, base)
        if target is None:
            return self._by_name(reference, base)
        start = Node(self._files[target], target)
        if not fragment or (fragment == "/" and not _has(start.value, "/")):  # `file.yaml#/` is meant as the whole file
            return start
        if "/" not in fragment:
            return self._by_name(reference, base)
        return self._walk(start, fragment, reference, budget)

    def _base(self, file: str, base: str) -> str | None:
        """The base the file part of a reference means, when that file is here."""
        target = locate(file, base) if file else base
        if target in self._twins:
            return ""
        return target if target in self._files else None

    def _walk(self, node: Node, pointer: str, reference: str, budget: int) -> Node:
        """Follow a JSON pointer (RFC 6901), through references where it leads through them."""
        for raw in pointer.removeprefix("/").split("/"):
            value = node.value
            token = raw.replace("~1", "/").replace("~0", "~") if "~" in raw else raw
            while is_reference(value) and token not in value and budget > 0:
                budget -= 1
                node = self._step(_text(value["$ref"]), node.base, budget)
                value = node.value
            key = _member(value, token)
            if key is None:
                raise Unresolved(reference, f"leads nowhere: there is no {token[:80]!r} at {_place(node)}")
            below = value[int(key)] if isinstance(value, list) else value[key]  # type: ignore[index]  # _member looked
            node = Node(below, node.base, f"{node.pointer}/{key.replace('~', '~0').replace('/', '~1')}")
        return node

    def _by_name(self, reference: str, base: str) -> Node:
        """An `$id`, an `$anchor`, or the bare name of a schema."""
        names = self._index()
        file, _, fragment = reference.partition("#")
        absolute = f"{locate(file, base) if file else base}#{fragment}".removesuffix("#")
        for name in (absolute, reference.removesuffix("#")):
            if name in names:
                return names[name]
        found = self._by_absolute_id(file, fragment, reference)
        if found is not None:
            return found
        for place in _ROOT_NAMES:
            name = fragment or file
            home = self._files.get(base if not (file and fragment) else "")
            node = Node(home, base)
            if name and "/" not in name and _has(home, f"{place}{name}"):
                return self._walk(node, f"{place}{name}", reference, 0)
        if file and self._base(file, base) is None:
            raise Unresolved(reference, "is in a file that is not here")
        raise Unresolved(reference, "names nothing in this document")

    def _by_absolute_id(self, file: str, fragment: str, reference: str) -> Node | None:
        start = self._index().get(file) if file and fragment else None
        return self._walk(start, fragment, reference, 0) if start is not None and "/" in fragment else None

    def _within_scope(self, reference: str, base: str) -> Node | None:
        """A pointer may be meant from an enclosing `$id` (2020-12, 8.2.1) instead of from the file."""
        file, _, fragment = reference.strip().partition("#")
        target = self._base(file, base)
        if target is None or "/" not in fragment:
            return None
        self._index()
        return self._first(self._scopes.get(target, []), fragment, reference)

    def _in_root(self, reference: str, base: str) -> Node | None:
        """Parts are often written as if they already stood in the root document."""
        if not base or not reference.startswith("#/"):
            return None
        return self._first([Node(self._files.get(""))], reference[1:], reference)

    def _first(self, starts: Iterable[Node], fragment: str, reference: str) -> Node | None:
        for start in starts:
            try:
                return self._walk(start, fragment, reference, 1)
            except Unresolved:
                continue
        return None

    def _index(self) -> dict[str, Node]:
        """Every `$id`, `$anchor` and `$dynamicAnchor`, looked for once, when a reference needs it."""
        if self._names is None:
            self._names = {}
            for base, root in self._files.items():
                if not _has_names(root):
                    continue
                scopes = self._scopes.setdefault(base, [])
                for name, node in _named(Node(root, base)):
                    self._names.setdefault(name, node)
                    if len(scopes) < _SCOPES_TRIED and "#" not in name and node not in scopes[-1:]:
                        scopes.append(node)
        return self._names


def _has_names(root: JSON) -> bool:
    """Whether anything is named at all: most documents name nothing, and writing down every way is costly."""
    level = [root]
    while level:
        below: list[JSON] = []
        for value in level:
            if isinstance(value, dict):
                if not _NAMING.isdisjoint(value):
                    return True
                below += value.values()
            elif isinstance(value, list):
                below += value
        level = below
    return False


_Trail = tuple["_Trail", str | int] | None  # the way to a value, from its end; written out only where it is wanted


def _named(root: Node) -> Iterator[tuple[str, Node]]:
    pending: list[tuple[JSON, _Trail, str]] = [(root.value, None, root.base)]
    while pending:
        value, trail, scope = pending.pop()
        if isinstance(value, list):
            pending += [(item, (trail, i), scope) for i, item in enumerate(value) if isinstance(item, (dict, list))]
        elif isinstance(value, dict):
            if not _NAMING.isdisjoint(value):
                node = Node(value, root.base, _pointer(trail))
                scope, names = _names(value, scope, root.base)
                yield from ((name, node) for name in names)
            pending += [(item, (trail, key), scope) for key, item in value.items() if isinstance(item, (dict, list))]


def _names(value: dict[str, JSON], scope: str, base: str) -> tuple[str, list[str]]:
    """The scope inside an object, and everything the object is called."""
    names: list[str] = []
    identity = value.get("$id")
    if isinstance(identity, str):
        scope = locate(identity, scope).removesuffix("#")
        names += [scope, *sorted(identity_names(identity), key=len, reverse=True)]
    for keyword in ("$anchor", "$dynamicAnchor"):
        anchor = value.get(keyword)
        if isinstance(anchor, str):
            names += [f"{scope}#{anchor}", f"{base}#{anchor}"]
    return scope, names


def _pointer(trail: _Trail) -> str:
    tokens: list[str] = []
    while trail is not None:
        trail, token = trail
        tokens.append(str(token).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{token}" for token in reversed(tokens))


def _text(reference: JSON) -> str:
    if isinstance(reference, str):
        return reference
    raise Unresolved("$ref", "is not text, so it refers to nothing")


def _member(value: JSON, token: str) -> str | None:
    """The key that a pointer token means in a value, or `None`. Tokens in URI fragments may be percent-encoded."""
    if isinstance(value, dict):
        if token in value:
            return token
        decoded = unquote(token).replace("~1", "/").replace("~0", "~") if "%" in token else token
        return decoded if decoded in value else None
    if isinstance(value, list) and token.isascii() and token.isdigit() and int(token[:9]) < len(value):
        return str(int(token[:9]))
    return None


def _has(value: JSON, pointer: str) -> bool:
    for token in pointer[1:].split("/"):
        key = _member(value, token)
        if key is None or not isinstance(value, dict):
            return False
        value = value[key]
    return True


def _place(node: Node) -> str:
    where = f"{node.base}#{node.pointer}" if node.base else f"#{node.pointer}"
    return "the top of the file" if where.endswith("#") else where[:200]
