"""Headers that follow from the document rather than from arguments: what answer is wanted, what content is named."""

from collections.abc import Iterator

from apifold.core.openapi.media import MediaKind, essence, is_wildcard, media_kind
from apifold.core.openapi.model import MediaType, Node, Operation, Response
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.requests.serialize import Unwritable, header_text, text_of
from apifold.core.values import JSON


def accept_header(operation: Operation, resolver: Resolver) -> str:
    """The one media type that is asked for.

    What an `Accept` parameter fixes, because vendors version their APIs by it, although the specification ignores
    such parameters. Else JSON if a good answer may be JSON, else the first type declared, else anything. One type
    and no list: some servers (Elasticsearch) take no list.
    """
    fixed = fixed_header(operation, "accept", resolver)
    if fixed:
        return fixed
    media = [one for one in _good_answers(operation.responses) if not is_wildcard(one.content_type)]
    if not media:
        return "*/*"
    best = min(media, key=_answer_rank)
    try:
        return header_text(best.content_type)
    except Unwritable:
        return "*/*"


def _good_answers(responses: tuple[Response, ...]) -> tuple[MediaType, ...]:
    for kind in ("2", "default"):
        found = tuple(media for response in responses if response.status.startswith(kind) for media in response.content)
        if found:
            return found
    return ()


def _answer_rank(media: MediaType) -> int:
    if essence(media.content_type) == "application/json":
        return 0
    return 1 if media_kind(media) is MediaKind.JSON else 2


def fixed_header(operation: Operation, name: str, resolver: Resolver) -> str:
    """The value that the document fixes for a header which is no parameter of ours; empty when it fixes none."""
    for node in _declared_parameters(operation, resolver):
        said = node.value
        if isinstance(said, dict) and said.get("in") == "header" and str(said.get("name")).lower() == name:
            schema = said.get("schema", said)
            value = fixed_value(Node(schema, node.base, node.pointer), resolver)
            try:
                return header_text(text_of(value)) if isinstance(value, str) else ""
            except Unwritable:
                return ""
    return ""


def _declared_parameters(operation: Operation, resolver: Resolver) -> Iterator[Node]:
    """The parameter lists of an operation and of its path, as written."""
    path = operation.pointer
    for _ in range(3):  # the operation; its path item; and, below `additionalOperations`, one level more
        try:
            holder = resolver.resolve(f"#{path}", operation.base)
        except Unresolved:
            return
        found = holder.value.get("parameters") if isinstance(holder.value, dict) else None
        for entry in found if isinstance(found, list) else ():
            try:
                yield resolver.follow(Node(entry, holder.base, holder.pointer))
            except Unresolved:
                continue
        path = path.rpartition("/")[0]


def fixed_value(node: Node | None, resolver: Resolver) -> JSON:
    """The value a schema leaves no choice about, or falls back to: `const`, `default`, the only `enum` member."""
    if node is None:
        return None
    try:
        schema = resolver.follow(node).value
    except Unresolved:
        return None
    if not isinstance(schema, dict):
        return None
    for keyword in ("const", "default"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    options = schema.get("enum")
    return options[0] if isinstance(options, list) and len(options) == 1 else None
