"""What every reader of a part needs: the document, its rules, its bounds, and where to report; and tolerant access."""

import msgspec

from apifold.core.limits import DocumentLimits
from apifold.core.openapi.model import Dialect, Node, Parameter, RequestBody, Response
from apifold.core.openapi.references import Resolver, Unresolved, is_reference
from apifold.core.openapi.report import Report, Unusable, place
from apifold.core.values import JSON, JSONObject

_UNRESOLVED_ADVICE = "Correct the reference, or give the file it points to."


class Memory(msgspec.Struct):
    """Parts that many operations share are read once. Keys are identities of values, which the document keeps alive."""

    parameters: dict[int, Parameter] = msgspec.field(default_factory=dict)
    bodies: dict[int, RequestBody] = msgspec.field(default_factory=dict)
    responses: dict[tuple[int, str], Response] = msgspec.field(default_factory=dict)


class Reading(msgspec.Struct):
    resolver: Resolver
    dialect: Dialect
    limits: DocumentLimits
    report: Report
    memory: Memory = msgspec.field(default_factory=Memory)

    def follow(self, node: Node) -> Node:
        """The node itself, or what its `$ref` means. Raises `Unusable` when that is nowhere."""
        if not is_reference(node.value):
            return node
        try:
            return self.resolver.follow(node)
        except Unresolved as problem:
            message = f"the reference {problem.message}"
            raise Unusable(problem.code, place(node), message, _UNRESOLVED_ADVICE) from None

    def object_at(self, node: Node, key: str, code: str) -> Node | None:
        """A member that should be an object, reference followed; another kind of value is reported and counts as absent."""
        if not isinstance(node.value, dict) or node.value.get(key) is None:
            return None
        try:
            found = self.follow(child(node, key))
        except Unusable as problem:
            self.report.warning(problem.code, problem.place, problem.message, problem.advice)
            return None
        if isinstance(found.value, dict):
            return found
        self.report.warning(
            code, place(found), f"{key!r} should be an object and is {kind_of(found.value)}; it is ignored"
        )
        return None


def child(node: Node, key: str) -> Node:
    """The member `key` of an object node; `None` as value when it has none."""
    value = node.value.get(key) if isinstance(node.value, dict) else None
    if "/" in key or "~" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    return Node(value, node.base, f"{node.pointer}/{key}")


def items(node: Node) -> list[Node]:
    """The elements of a list node."""
    if not isinstance(node.value, list):
        return []
    return [Node(value, node.base, f"{node.pointer}/{index}") for index, value in enumerate(node.value)]


def members(node: Node) -> JSONObject:
    return node.value if isinstance(node.value, dict) else {}


def members_at(node: Node, key: str) -> JSONObject:
    """The members of the object under a key; empty when there is none."""
    value = node.value.get(key) if isinstance(node.value, dict) else None
    return value if isinstance(value, dict) else {}


def text_of(value: JSON) -> str:
    """Text, also where the document wrote a number or a boolean; empty for everything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def flag_of(value: JSON, *, default: bool = False) -> bool:
    """A boolean, also where the document wrote it as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return default


def texts_of(value: JSON) -> tuple[str, ...]:
    """The texts in a list; a lone text counts as a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def kind_of(value: JSON) -> str:
    """What a value is, in words for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"


def schema_at(reading: Reading, node: Node, key: str = "schema") -> Node | None:
    """The schema under a key as it is written, references and all; a schema is an object or a boolean."""
    if not isinstance(node.value, dict) or node.value.get(key) is None:
        return None
    found = child(node, key)
    if isinstance(found.value, (dict, bool)):
        return found
    message = f"a schema should be an object and is {kind_of(found.value)}; any value is taken"
    reading.report.warning("schema.malformed", place(found), message)
    return None


def sibling(reading: Reading, node: Node, key: str) -> str:
    """What stands beside a `$ref` to override what it leads to (Reference Object since 3.1), or an empty string."""
    if reading.dialect in (Dialect.SWAGGER_2_0, Dialect.OPENAPI_3_0) or not is_reference(node.value):
        return ""
    return text_of(node.value.get(key))


def example_at(reading: Reading, node: Node) -> Node | None:
    """The first example of a parameter or media type, wherever the versions put it."""
    holder = members(node)
    for key in ("example", "x-example"):
        if key in holder:
            return child(node, key)
    first = next(iter(members_at(node, "examples")), None)
    if first is None:
        return None
    try:
        found = reading.follow(child(child(node, "examples"), first))
    except Unusable:
        return None
    return next((child(found, key) for key in ("value", "dataValue") if key in members(found)), None)
