"""All that can be known about a tool's requests before it is called, worked out once.

A plan holds the path in pieces, one writer per parameter, the body writers by media type and the headers that never
change. Building a request from it is `core.requests.build`. Whoever keeps plans bounds how many.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import msgspec
import msgspec.structs

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.openapi.media import essence
from apifold.core.openapi.model import Location, Node, Parameter
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.openapi.wire import CONNECTION_HEADERS, IGNORED_HEADERS
from apifold.core.requests.body import BodyPlan
from apifold.core.requests.content import compile_content_parameter
from apifold.core.requests.files import find_places, shows_files, with_texts
from apifold.core.requests.headers import accept_header, fixed_header, fixed_value
from apifold.core.requests.repair import legal_names
from apifold.core.requests.serialize import Rule, Write, compile_rule
from apifold.core.requests.servers import Base, ServerChoice, choose_base
from apifold.core.requests.template import parse_template, path_writer
from apifold.core.tools.model import Argument, Renames, Role, Tool, ToolInput
from apifold.core.tools.naming import CONTENT_TYPE
from apifold.core.values import JSON

if TYPE_CHECKING:
    from apifold.core.requests.validate import ArgumentSchema

STATIC_HEADERS: Final = (
    # What every upstream adapter removes again before the answer is read (RFC 9110 12.5.3).
    ("Accept-Encoding", "gzip, br, zstd"),
    # Some APIs refuse a request that does not say who calls (RFC 9110 10.1.5).
    ("User-Agent", "APIFold"),
)
"""Headers of every request that arguments do not say otherwise."""

_NOTHING_SAID: Final = ServerChoice()
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"})
_NEVER_EMPTY: Final = (
    "date",
    "date-time",
    "time",
    "duration",
    "uuid",
    "email",
    "ipv4",
    "ipv6",
    "uri",
    "url",
    "hostname",
)
"""Formats without an empty value. Strict function calling makes models give every argument, `""` for "none"."""
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class UncallableOperation(AppError):
    """The document describes something that cannot be an HTTP request."""

    category = ErrorCategory.INVALID

    def __init__(self, key: str) -> None:
        super().__init__("operation.uncallable", f"{key[:80]!r} is not a method that HTTP allows (RFC 9110 9.1).")


class Slot(msgspec.Struct, frozen=True):
    """One argument that becomes a part of the request."""

    argument: str
    wire_name: str
    write: Write
    fallback: str | None = None
    """What is sent when the argument is missing: for a header that is also sent on our own account, and for a query
    parameter whose value the path template fixes."""


class PathSlot(msgspec.Struct, frozen=True):
    argument: str
    write: Callable[[JSON], str]


class RequestPlan(msgspec.Struct, frozen=True):
    """How the arguments of one tool become a request."""

    key: str
    """`Operation.key`."""
    method: str
    base: Base
    literals: tuple[str, ...]
    """The path around its slots; the first one does not include the base path."""
    path: tuple[PathSlot, ...]
    slashes: int
    """How many slashes a path has, base path left out."""
    query_literals: tuple[str, ...]
    """Pairs of every request."""
    query: tuple[Slot, ...]
    headers: tuple[Slot, ...]
    cookies: tuple[Slot, ...]
    static_headers: tuple[tuple[str, str], ...]
    body: BodyPlan | None
    arguments: "ArgumentSchema"
    renames: Mapping[str, Renames]
    legal_names: Mapping[str, str]
    """Wire names that are accepted in place of an argument's name."""
    defaults: Mapping[str, JSON] = msgspec.field(default_factory=dict)
    """Required arguments that the document gives a value for, by legal name."""
    never_empty: tuple[str, ...] = ()
    """Optional arguments for which an empty text cannot be meant, because of their format."""
    idempotent: bool = False


def compile_plan(
    tool: Tool,
    tool_input: ToolInput,
    resolver: Resolver,
    *,
    servers: ServerChoice = _NOTHING_SAID,
    headers: tuple[tuple[str, str], ...] = STATIC_HEADERS,
) -> RequestPlan:
    """The plan of a tool. `headers` are sent with every request. Raises `UncallableOperation`, and `InvalidServer` for
    a base URL that cannot be used.
    """
    from apifold.core.requests.validate import ArgumentSchema  # noqa: PLC0415  no start waits for the validator

    operation = tool.operation
    if not _METHOD.fullmatch(operation.method):
        raise UncallableOperation(operation.key)
    template = parse_template(operation.path)
    by_location: dict[Location, list[Slot]] = {location: [] for location in Location}
    has_files = shows_files(tool_input.schema)
    defaults: dict[str, JSON] = {}
    for argument in tool.arguments:
        parameter = argument.parameter
        if parameter is None or (parameter.location is Location.HEADER and _belongs_to_us(parameter.name)):
            continue
        default = fixed_value(_schema_node(parameter), resolver) if parameter.required else None
        if default is not None:
            defaults[argument.name] = default
        write = compile_parameter(parameter, resolver, shows_files=has_files)
        by_location[_place(parameter)].append(Slot(argument.name, parameter.name, write))
    path = {slot.wire_name: slot for slot in by_location[Location.PATH]}
    given = {slot.wire_name.lower() for slot in by_location[Location.HEADER]}
    query = (*by_location[Location.QUERY], *by_location[Location.QUERYSTRING])
    asked = {slot.wire_name for slot in query}
    pairs = [(unquote(pair.partition("=")[0]), pair) for pair in template.query]
    fixed = (("Accept", accept_header(operation, resolver)), *headers)
    return RequestPlan(
        key=operation.key,
        method=operation.method,
        base=choose_base(operation.servers, servers),
        literals=template.literals,
        path=tuple(_path_slot(path, name) for name in template.names),
        slashes=template.slashes,
        query_literals=tuple(pair for key, pair in pairs if key not in asked),
        query=tuple(_or_literal(slot, dict(pairs)) for slot in query),
        headers=tuple(_with_fallback(slot, fixed) for slot in by_location[Location.HEADER]),
        cookies=tuple(by_location[Location.COOKIE]),
        static_headers=tuple(header for header in fixed if header[0].lower() not in given),
        body=_body_plan(tool, resolver, has_files=has_files),
        arguments=ArgumentSchema(tool_input.schema),
        renames=tool_input.renames,
        legal_names=legal_names(tool),
        defaults=defaults,
        never_empty=tuple(argument.name for argument in tool.arguments if _is_never_empty(argument, resolver)),
        idempotent=operation.method.upper() in _IDEMPOTENT,
    )


def _is_never_empty(argument: Argument, resolver: Resolver) -> bool:
    if argument.required or argument.parameter is None or (node := _schema_node(argument.parameter)) is None:
        return False
    try:
        schema = resolver.follow(node).value
    except Unresolved:
        return False
    return isinstance(schema, dict) and schema.get("format") in _NEVER_EMPTY


def _belongs_to_us(header: str) -> bool:
    """The reading of documents leaves these out already; a plan must not depend on it."""
    return header.lower() in IGNORED_HEADERS or header.lower() in CONNECTION_HEADERS


def _place(parameter: Parameter) -> Location:
    """Where a parameter is put; a header parameter named `Cookie` joins the cookies, for a request has one such header."""
    is_cookie = parameter.location is Location.HEADER and parameter.name.lower() == "cookie"
    return Location.COOKIE if is_cookie else parameter.location


def _schema_node(parameter: Parameter) -> Node | None:
    return parameter.content.schema if parameter.content is not None else parameter.schema


def compile_parameter(parameter: Parameter, resolver: Resolver, *, shows_files: bool = False) -> Write:
    """The writer of a parameter: by its `content` if it has one, else by its style.

    `shows_files`: the caller was told of files that may stand in the value.
    """
    places = find_places(resolver, _schema_node(parameter)) if shows_files else None
    write = _writer(parameter, resolver)
    return write if places is None else lambda value: write(with_texts(value, places))


def _writer(parameter: Parameter, resolver: Resolver) -> Write:
    if parameter.content is not None:
        return compile_content_parameter(parameter, parameter.content, resolver)
    location = Location.QUERY if parameter.location is Location.QUERYSTRING else parameter.location
    return compile_rule(
        Rule(
            parameter.name,
            location,
            parameter.style,
            parameter.explode,
            allow_reserved=parameter.allow_reserved,
            allow_empty=parameter.allow_empty_value,
        )
    )


def _path_slot(slots: Mapping[str, Slot], name: str) -> PathSlot:
    slot = slots.get(name)
    if slot is None:  # every `{name}` of a path has a parameter; a tool that hides it cannot be called
        return PathSlot(name, path_writer(lambda _: None))
    return PathSlot(slot.argument, path_writer(slot.write))


def _with_fallback(slot: Slot, fixed: tuple[tuple[str, str], ...]) -> Slot:
    """A header parameter that is also sent on our own account falls back to our value."""
    ours = next((text for name, text in fixed if name.lower() == slot.wire_name.lower()), None)
    return slot if ours is None else msgspec.structs.replace(slot, fallback=ours)


def _or_literal(slot: Slot, pairs: Mapping[str, str]) -> Slot:
    """A parameter that the template's query fixes as well, as Azure's documents do, stands once: not given, it is that."""
    pair = pairs.get(slot.wire_name)
    return slot if pair is None else msgspec.structs.replace(slot, fallback=pair)


def _body_plan(tool: Tool, resolver: Resolver, *, has_files: bool) -> BodyPlan | None:
    body = tool.operation.body
    names = {argument.role: argument.name for argument in tool.arguments if argument.role is not Role.PARAMETER}
    if body is None or Role.BODY not in names:
        return None
    return BodyPlan(
        body,
        resolver,
        argument=names[Role.BODY],
        is_selectable=Role.CONTENT_TYPE in names or all(one.name != CONTENT_TYPE for one in tool.arguments),
        byte_type=essence(fixed_header(tool.operation, "content-type", resolver)),
        shows_files=has_files,
    )
