"""`$ref` resolution: from a reference and the file it stands in to the node it means, with a budget and cycle handling."""

from collections.abc import Mapping

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.openapi.model import Node
from apifold.core.values import JSON


class Unresolved(AppError):
    """A reference leads nowhere; `message` says why in words for a person."""

    category = ErrorCategory.NOT_FOUND


class Resolver:
    """Knows every file of a document. Pure and immutable after construction, cheap to share."""

    def __init__(self, files: Mapping[str, JSON]) -> None:
        """`files` maps a base ("" is the root document) to its decoded value."""
        self._files = dict(files)

    def resolve(self, reference: str, base: str) -> Node:
        """The node a `$ref` value means, one step. Raises `Unresolved`."""
        raise NotImplementedError

    def follow(self, node: Node) -> Node:
        """Follow `$ref`s until a node that is not a Reference Object; raises `Unresolved` on cycles and over-long chains."""
        raise NotImplementedError
