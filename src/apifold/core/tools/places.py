"""Where a schema stands, in words of JSON pointers, and what stands at the end of its references."""

from apifold.core.openapi.model import Node
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.values import JSON


def escape(token: str) -> str:
    """A name as a token of a JSON pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def where(node: Node) -> str:
    """A pointer, behind the file when that is not the root document."""
    return f"{node.base}#{node.pointer}" if node.base else node.pointer


def end_of(node: Node, resolver: Resolver) -> JSON:
    """The value at the end of a chain of references; the node's own value when it leads nowhere."""
    try:
        return resolver.follow(node).value
    except Unresolved:
        return node.value
