"""One walk over a decoded value: how deep and how large it is, and which other files it refers to."""

from dataclasses import dataclass, field

from apifold.core.values import JSON

_FILE_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(slots=True)
class Survey:
    depth: int = 0
    nodes: int = 1
    keys: int = 0
    """Members of all objects together; fewer than the text has when a key stands twice in one object."""
    links: dict[str, None] = field(default_factory=dict)
    """File parts of the references that leave the file, in order (a dict is an ordered set)."""


def survey(value: JSON) -> Survey:
    """Level by level instead of recursively: the depth of a hostile value must not become ours."""
    found = Survey()
    level = [value] if isinstance(value, dict | list) else []
    while level:
        found.depth += 1
        below: list[JSON] = []
        for container in level:
            if type(container) is dict:
                found.keys += len(container)
                note_links(container, found.links)
                below += [child for child in container.values() if type(child) is dict or type(child) is list]
            elif type(container) is list:
                found.nodes += len(container)
                below += [child for child in container if type(child) is dict or type(child) is list]
        level = below
    found.nodes += found.keys
    return found


def note_links(members: dict[str, JSON], links: dict[str, None]) -> None:
    """Add the files that one object's `$ref` and discriminator `mapping` name."""
    if "$ref" in members:
        reference = members["$ref"]
        if type(reference) is str and not reference.startswith("#"):
            _add(reference, links)
    if "mapping" in members:
        mapping = members["mapping"]
        if type(mapping) is dict:
            for target in mapping.values():
                # A bare word in a mapping is the name of a schema, not a file (Discriminator Object).
                if type(target) is str and target.partition("#")[0].endswith(_FILE_SUFFIXES):
                    _add(target, links)


def _add(reference: str, links: dict[str, None]) -> None:
    name = reference.partition("#")[0].strip()
    if name:
        links[name] = None
