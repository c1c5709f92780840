"""The parts below a schema: its properties, its items, what else it takes, and what its alternatives share.

Each is given as nodes where they stand, read from the members that all apply (see `composition`).
"""

from collections.abc import Iterable

from apifold.core.openapi.model import Node
from apifold.core.tools import vocabulary as words
from apifold.core.tools.composition import ANNOTATIONS, Composition, Source
from apifold.core.tools.places import escape
from apifold.core.values import JSON, JSONObject

BINARY: JSONObject = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "content": {"type": "string", "description": "The bytes in base64."},
                "filename": {"type": "string"},
                "contentType": {"type": "string"},
            },
            "required": ["content"],
            "additionalProperties": False,
        },
        {"type": "string", "description": "A data: URI, or the bytes in base64."},
    ]
}
"""How a model gives bytes, wherever they stand."""

MAX_EITHER = 200
"""Different schemas that one property may have in joined alternatives."""

_COMPOSITION = frozenset(("allOf", "anyOf", "oneOf", "discriminator"))


def children(node: Node, complain: words.Complaint | None = None) -> list[tuple[str, Node]]:
    written = node.value.get("properties") if isinstance(node.value, dict) else None
    if not isinstance(written, dict):
        if written is not None and complain is not None:
            complain("schema.repaired", "properties that are not an object were dropped")
        return []
    start = f"{node.pointer}/properties/"
    return [
        (name, Node(child, node.base, start + escape(name))) for name, child in written.items() if child is not False
    ]


def either(nodes: list[Node]) -> Node:
    """A schema that any of the given ones satisfies; anything, where one schema cannot say that."""
    first = nodes[0]
    differing: list[JSON] = []
    for node in nodes:
        if node.value not in differing:
            differing.append(node.value)
    if len(differing) == 1:
        return first
    if len(differing) > MAX_EITHER or any(node.base != first.base for node in nodes):
        return Node({}, first.base, first.pointer)  # references mean something only from the file they stand in
    return Node({"anyOf": differing}, first.base, first.pointer)


def conditional_children(parts: Composition) -> Iterable[tuple[str, Node]]:
    """Properties that only a condition brings in: they may be there, so the schema has to allow them."""
    for node, _ in parts.members:
        if not isinstance(node.value, dict):
            continue
        for keyword in ("then", "else"):
            if keyword in node.value:
                yield from children(Node(node.value[keyword], node.base, f"{node.pointer}/{keyword}"))
        dependent = node.value.get("dependentSchemas")
        for name, schema in dependent.items() if isinstance(dependent, dict) else ():
            yield from children(Node(schema, node.base, f"{node.pointer}/dependentSchemas/{escape(name)}"))


def additional_of(parts: Composition) -> Source | bool:
    """`additionalProperties` of all members together; `patternProperties` count as it, for portable schemas have none."""
    found: list[Node] = []
    closed = False
    for node, _ in parts.members:
        if not isinstance(node.value, dict):
            continue
        written = node.value.get("additionalProperties")
        if isinstance(written, dict) and written:
            found.append(Node(written, node.base, f"{node.pointer}/additionalProperties"))
        closed = closed or written is False
        patterns = node.value.get("patternProperties")
        if isinstance(patterns, dict) and patterns:
            nodes = [Node(v, node.base, f"{node.pointer}/patternProperties/{escape(k)}") for k, v in patterns.items()]
            return (either(nodes),)
    return tuple(found) if found else not closed


def items_of(node: Node) -> Node | None:
    """The schema of every item; positions (`prefixItems`, or `items` as a list before 2020-12) become alternatives."""
    if not isinstance(node.value, dict):
        return None
    written, prefix = node.value.get("items"), node.value.get("prefixItems")
    if isinstance(written, list):
        written, prefix = node.value.get("additionalItems"), written
    if isinstance(prefix, list) and prefix:
        rest: list[JSON] = [written] if isinstance(written, dict) else []
        nodes = [Node(item, node.base, f"{node.pointer}/prefixItems/{at}") for at, item in enumerate([*prefix, *rest])]
        return either(nodes)
    return Node(written, node.base, f"{node.pointer}/items") if isinstance(written, dict) else None


def shared_part(parts: Composition, *but: str) -> list[Node]:
    """The members as the shared part of alternatives: no composition, and no words that the whole already says.

    New objects, so that meeting them inside their own alternative does not look like recursion.
    """
    found = []
    left_out = _COMPOSITION | ANNOTATIONS | set(but)
    for node, _ in parts.members:
        if isinstance(node.value, dict):
            rest = {k: v for k, v in node.value.items() if k not in left_out and k[:2] != "x-"}
            if rest:
                found.append(Node(rest, node.base, node.pointer))
    return found
