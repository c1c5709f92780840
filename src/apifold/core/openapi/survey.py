"""One walk over a decoded value: how deep and how large it is, and which other files it refers to."""

from collections.abc import Iterable

import msgspec

from apifold.core.values import JSON

_FILE_SUFFIXES = (".json", ".yaml", ".yml")


def identity_names(identity: str) -> set[str]:
    """What an `$id` is referred to by: the whole of it, and its end, for references relative to a neighbour."""
    whole = identity.removesuffix("#")
    return {whole, whole.rpartition("/")[2]} - {""}


class Links(msgspec.Struct):
    """What one file says of others."""

    files: dict[str, None] = msgspec.field(default_factory=dict)
    """File parts of the references that leave the file, in order (a dict is an ordered set)."""
    identities: set[str] = msgspec.field(default_factory=set)
    """Every `$id`: a reference to one of them needs no file."""

    def note(self, members: dict[str, JSON]) -> None:
        """Take in what one object says: its `$ref`, its `$id`, and a discriminator's `mapping`."""
        if "$ref" in members:
            reference = members["$ref"]
            if isinstance(reference, str) and not reference.startswith("#"):
                self._add(reference)
        if "$id" in members:
            identity = members["$id"]
            if isinstance(identity, str):
                self.identities |= identity_names(identity)
        if "mapping" in members:
            mapping = members["mapping"]
            if isinstance(mapping, dict):
                self._note_mapping(mapping)

    def _note_mapping(self, mapping: dict[str, JSON]) -> None:
        for target in mapping.values():
            # A bare word in a mapping is the name of a schema, not a file (Discriminator Object).
            if isinstance(target, str) and target.partition("#")[0].endswith(_FILE_SUFFIXES):
                self._add(target)

    def _add(self, reference: str) -> None:
        name = reference.partition("#")[0].strip()
        if name:
            self.files[name] = None


class Survey(msgspec.Struct):
    depth: int = 0
    nodes: int = 1
    keys: int = 0
    """Members of all objects together; fewer than the text has when a key stands twice in one object."""
    links: Links = msgspec.field(default_factory=Links)


def survey(value: JSON) -> Survey:
    """Level by level instead of recursively: the depth of a hostile value must not become ours.

    It looks at every value of a document of megabytes, so it is written to be fast.
    """
    found = Survey()
    level: list[dict[str, JSON] | list[JSON]] = [value] if isinstance(value, dict | list) else []
    while level:
        found.depth += 1
        below: list[dict[str, JSON] | list[JSON]] = []
        for container in level:
            children: Iterable[JSON]
            if type(container) is dict:
                found.keys += len(container)
                found.links.note(container)
                children = container.values()
            else:
                found.nodes += len(container)
                children = container
            for child in children:
                if type(child) is dict or type(child) is list:
                    below.append(child)  # noqa: PERF401  a comprehension is slower here: it must use isinstance
        level = below
    found.nodes += found.keys
    return found
