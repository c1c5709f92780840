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
from apifold.core.openapi.media import MediaKind, essence, find_media_type, media_kind, selectable_media_types
from apifold.core.openapi.model import Location, MediaType, Node, Parameter, RequestBody
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.openapi.shapes import json_type, shape_of
from apifold.core.openapi.wire import CONNECTION_HEADERS, IGNORED_HEADERS
from apifold.core.requests.binary import is_media_type, looks_binary, media_type_text
from apifold.core.requests.content import Payload, WriteBody, compile_body, compile_content_parameter
from apifold.core.requests.headers import accept_header, fixed_header, fixed_value
from apifold.core.requests.repair import legal_names
from apifold.core.requests.serialize import Rule, Unwritable, Write, compile_rule
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
_MAX_WRITERS: Final = 64
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


class BodyPlan:
    """The body of a request: which media type, and how a value is written in it. Writers are made when first used."""

    __slots__ = ("_body", "_byte_type", "_choices", "_resolver", "_types", "_writers", "argument", "is_selectable")

    def __init__(
        self, body: RequestBody, resolver: Resolver, *, argument: str, is_selectable: bool, byte_type: str
    ) -> None:
        self.argument = argument
        self.is_selectable = is_selectable
        """Whether `_contentType` chooses a media type; not where a parameter has taken that name."""
        self._body = body
        self._resolver = resolver
        self._byte_type = byte_type
        self._choices = selectable_media_types(body)
        self._writers: dict[str, WriteBody] = {}
        self._types: dict[str, frozenset[str]] = {}

    @property
    def may_hold_files(self) -> bool:
        """Whether a string in the schema may stand for a file on the wire: bodies that are not JSON or a form."""
        kinds = (MediaKind.MULTIPART, MediaKind.TEXT, MediaKind.BYTES)
        return any(media_kind(media) in kinds for media in self._body.content)

    def write(self, value: JSON, content_type: str = "") -> Payload:
        """The body for a value, in the media type asked for or else the one it fits. Raises `Unwritable`."""
        name = content_type or (self._fitting(value) if len(self._body.content) > 1 else "")
        return (self._writers.get(name) or self._compiled(name))(value)

    def admits(self, content_type: str) -> bool:
        """Whether the body can be sent in a media type: a declared one, or any where bytes of any kind are taken."""
        return self._media(content_type) is not None

    def _media(self, content_type: str) -> MediaType | None:
        found = find_media_type(self._body, content_type)
        if found is not None or not is_media_type(content_type):
            return found
        octets = (one for one in self._body.content if essence(one.content_type) == "application/octet-stream")
        return next(octets, None)

    def _compiled(self, name: str) -> WriteBody:
        media = self._media(name) if name else self._choices[0]
        if media is None:
            allowed = ", ".join(one.content_type for one in self._body.content)
            raise Unwritable(f"cannot be sent as {name[:80]!r}; possible are: {allowed}")
        asked = media_type_text(name) if name and name != media.content_type else ""
        writer = compile_body(media, self._resolver, content_type=asked, byte_type=self._byte_type)
        if len(self._writers) < _MAX_WRITERS:
            self._writers[name] = writer
        return writer

    def _fitting(self, value: JSON) -> str:
        """The media type for a value when the caller names none: of those that can write it, the first.

        A file that names its type chooses among the types for bytes.
        """
        if isinstance(value, dict) and looks_binary(value) and isinstance(name := value.get("contentType"), str):
            named = find_media_type(self._body, name)
            if named is not None and media_kind(named) is MediaKind.BYTES:
                return named.content_type
        fitting = (media for media in self._choices if self._takes(media, value))
        return next(fitting, self._choices[0]).content_type

    def _takes(self, media: MediaType, value: JSON) -> bool:
        kind = media_kind(media)
        if kind is MediaKind.BYTES:
            return isinstance(value, str) or looks_binary(value)
        if kind in (MediaKind.TEXT, MediaKind.XML):
            return not isinstance(value, dict | list)
        if kind is MediaKind.JSON_LINES and isinstance(value, str | list):
            return True
        types = self._types.get(media.content_type)
        if types is None:
            types = self._types[media.content_type] = shape_of(self._resolver, media.schema).types
        return json_type(value) in types


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
    defaults: dict[str, JSON] = {}
    for argument in tool.arguments:
        parameter = argument.parameter
        if parameter is None or (parameter.location is Location.HEADER and _belongs_to_us(parameter.name)):
            continue
        default = fixed_value(_schema_node(parameter), resolver) if parameter.required else None
        if default is not None:
            defaults[argument.name] = default
        by_location[_place(parameter)].append(
            Slot(argument.name, parameter.name, compile_parameter(parameter, resolver))
        )
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
        body=_body_plan(tool, resolver),
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


def compile_parameter(parameter: Parameter, resolver: Resolver) -> Write:
    """The writer of a parameter: by its `content` if it has one, else by its style."""
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


def _body_plan(tool: Tool, resolver: Resolver) -> BodyPlan | None:
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
    )
