"""Parameters with their serialisation rule spelled out: one list of them, two lists merged, and their tie to the path."""

import re

import msgspec
import msgspec.structs

from apifold.core.openapi.content import read_content
from apifold.core.openapi.model import Dialect, Location, MediaType, Node, Parameter, Style
from apifold.core.openapi.paths import PathTemplate, read_path
from apifold.core.openapi.reading import (
    Reading,
    child,
    example_at,
    flag_of,
    items,
    kind_of,
    members,
    schema_at,
    sibling,
    text_of,
)
from apifold.core.openapi.report import Unusable, place
from apifold.core.openapi.upgrade import upgrade_parameter
from apifold.core.openapi.wire import CONNECTION_HEADERS, IGNORED_HEADERS, name_problem
from apifold.core.values import JSONObject

_DEFAULT_STYLES = {
    Location.PATH: Style.SIMPLE,
    Location.QUERY: Style.FORM,
    Location.QUERYSTRING: Style.FORM,
    Location.HEADER: Style.SIMPLE,
    Location.COOKIE: Style.FORM,
}
_STYLES = {
    Location.PATH: frozenset((Style.MATRIX, Style.LABEL, Style.SIMPLE)),
    Location.QUERY: frozenset((Style.FORM, Style.SPACE_DELIMITED, Style.PIPE_DELIMITED, Style.DEEP_OBJECT)),
    Location.QUERYSTRING: frozenset((Style.FORM,)),
    Location.HEADER: frozenset((Style.SIMPLE,)),
    Location.COOKIE: frozenset((Style.FORM, Style.COOKIE)),
}
_STYLE_NAMES = {style.value.lower(): style for style in Style}
_EXPLODED = frozenset((Style.FORM, Style.COOKIE))


class Declared(msgspec.Struct):
    """What one or two `parameters` lists declare."""

    parameters: dict[tuple[Location, str], Parameter] = msgspec.field(default_factory=dict)
    body: Node | None = None
    """Swagger 2.0 `in: body`, reference followed."""
    form: dict[str, Node] = msgspec.field(default_factory=dict)
    """Swagger 2.0 `in: formData` by name, reference followed."""
    authorization: Node | None = None
    """An `Authorization` header: no parameter, but a sign of how the API wants to be called."""

    def over(self, shared: "Declared") -> "Declared":
        """These, and what `shared` declares besides; an operation wins over its path by name and location."""
        own_body = self.body is not None or bool(self.form)
        return Declared(
            {**shared.parameters, **self.parameters},
            self.body if own_body else shared.body,
            {**shared.form, **self.form} if self.body is None else {},
            self.authorization or shared.authorization,
        )


def read_parameters(reading: Reading, node: Node) -> Declared:
    """A `parameters` list. Raises `Unusable` when a required parameter cannot be read."""
    declared = Declared()
    entries = _entries(reading, node)
    if len(entries) > reading.limits.parameters_per_operation:
        limit = reading.limits.parameters_per_operation
        raise Unusable(
            "parameter.too_many", place(node), f"{len(entries):,} parameters, more than the {limit:,} allowed"
        )
    for entry in entries:
        _declare(reading, declared, entry)
    return declared


def _entries(reading: Reading, node: Node) -> list[Node]:
    value = node.value
    if isinstance(value, dict):
        message = "'parameters' should be a list and is an object; its members are taken"
        reading.report.warning("parameter.not_a_list", place(node), message)
        return [node] if "name" in value or "$ref" in value else [child(node, name) for name in value]
    if value is not None and not isinstance(value, list):
        reading.report.warning(
            "parameter.not_a_list", place(node), f"'parameters' should be a list and is {kind_of(value)}; it is ignored"
        )
    return items(node)


def _declare(reading: Reading, declared: Declared, entry: Node) -> None:
    found = reading.follow(entry)
    if not isinstance(found.value, dict):
        message = f"a parameter should be an object and is {kind_of(found.value)}; it is left out"
        reading.report.warning("parameter.malformed", place(found), message)
        return
    place_in_request = text_of(found.value.get("in")).strip()
    if place_in_request in ("body", "formData"):
        _declare_body(reading, declared, found, is_form=place_in_request == "formData")
        return
    parameter = _parameter(reading, declared, found)
    if parameter is None:
        return
    said_here = sibling(reading, entry, "description")
    if said_here:
        parameter = msgspec.structs.replace(parameter, description=said_here)
    name = parameter.name.lower() if parameter.location is Location.HEADER else parameter.name
    identity = (parameter.location, name)
    if identity in declared.parameters:
        message = (
            f"the {parameter.location} parameter {parameter.name[:80]!r} stands twice in one list; the first one counts"
        )
        reading.report.warning("parameter.duplicate", place(found), message, "Remove one of them.")
        return
    declared.parameters[identity] = parameter


def _declare_body(reading: Reading, declared: Declared, found: Node, *, is_form: bool) -> None:
    if reading.dialect is not Dialect.SWAGGER_2_0:
        message = "a body as a parameter is Swagger 2.0; it is taken as the request body"
        reading.report.warning("parameter.body_in_openapi_3", place(found), message, "Use requestBody.")
    if not is_form:
        declared.body = found
        return
    name = text_of(members(found).get("name"))
    if name:
        declared.form[name] = found
    else:
        _give_up(reading, found, "the form parameter has no name")


def _give_up(reading: Reading, node: Node, reason: str) -> None:
    """Leave a parameter out, or everything that needs it."""
    if flag_of(members(node).get("required")):
        raise Unusable("parameter.malformed", place(node), f"{reason}, and it is required")
    reading.report.warning("parameter.malformed", place(node), f"{reason}; it is left out")


def _parameter(reading: Reading, declared: Declared, found: Node) -> Parameter | None:
    known = reading.memory.parameters.get(id(found.value))
    if known is not None:
        return known
    said = members(found)
    name = text_of(said.get("name"))
    location = _location(reading, found, text_of(said.get("in")))
    reason = name_problem(name, location) if location else f"a parameter cannot be in {text_of(said.get('in'))[:40]!r}"
    if reason or location is None:
        _give_up(reading, found, reason)
        return None
    if location is Location.HEADER and _is_ours(reading, declared, found, name):
        return None
    parameter = _spelled_out(reading, found, name, location)
    reading.memory.parameters[id(said)] = parameter
    return parameter


def _is_ours(reading: Reading, declared: Declared, found: Node, name: str) -> bool:
    """Whether a header is no parameter, because something else decides what it says."""
    lower = name.lower()
    if lower in IGNORED_HEADERS:
        decided_by = "media types and security schemes decide it"
    elif lower in CONNECTION_HEADERS:
        decided_by = "the connection decides it"
    else:
        return False
    reading.report.note("parameter.ignored_header", place(found), f"the header {name} is not a parameter: {decided_by}")
    if lower == "authorization":
        declared.authorization = found
    return True


def _location(reading: Reading, node: Node, text: str) -> Location | None:
    try:
        location = Location(text.strip().lower())
    except ValueError:
        return None
    known = reading.dialect
    if (location is Location.COOKIE and known is Dialect.SWAGGER_2_0) or (
        location is Location.QUERYSTRING and known is not Dialect.OPENAPI_3_2
    ):
        reading.report.note(
            "parameter.location", place(node), f"{location} parameters are not part of {known}; taken nevertheless"
        )
    return location


def _spelled_out(reading: Reading, found: Node, name: str, location: Location) -> Parameter:
    node = _upgraded(reading, found)
    said = members(node)
    style, explode = _style(reading, node, location)
    schema = schema_at(reading, node)
    content = _content(reading, node) if schema is None or location is Location.QUERYSTRING else None
    return Parameter(
        name=name,
        location=location,
        required=location is Location.PATH or flag_of(said.get("required")),
        style=style,
        explode=explode,
        allow_reserved=flag_of(said.get("allowReserved")) and _may_be_reserved(reading, location),
        schema=schema,
        content=content,
        description=text_of(said.get("description")),
        deprecated=flag_of(said.get("deprecated")),
        allow_empty_value=location is Location.QUERY and flag_of(said.get("allowEmptyValue")),
        example=example_at(reading, node),
        pointer=found.pointer,
    )


def _may_be_reserved(reading: Reading, location: Location) -> bool:
    """Before 3.2 `allowReserved` applies to the query only."""
    return location is Location.QUERY or (reading.dialect is Dialect.OPENAPI_3_2 and location is not Location.HEADER)


def _upgraded(reading: Reading, node: Node) -> Node:
    said = members(node)
    if reading.dialect is not Dialect.SWAGGER_2_0:
        if "type" not in said or "schema" in said or "content" in said:
            return node
        message = "a type beside the name is Swagger 2.0; it is taken as the schema"
        reading.report.warning("parameter.type_in_openapi_3", place(node), message, "Put it under 'schema'.")
    return msgspec.structs.replace(node, value=upgrade_parameter(said))


def _content(reading: Reading, node: Node) -> MediaType | None:
    content = read_content(reading, child(node, "content"))
    if len(content) > 1:
        reading.report.warning(
            "parameter.several_contents", place(node), "'content' has more than one entry; the first one counts"
        )
    return content[0] if content else None


def _style(reading: Reading, node: Node, location: Location) -> tuple[Style, bool]:
    said = members(node)
    style = _DEFAULT_STYLES[location]
    wanted = text_of(said.get("style"))
    known = _STYLE_NAMES.get(wanted.lower())
    # The collection formats of 2.0 have delimiters for every location; they come from `upgrade` and are right.
    if known is not None and (known in _STYLES[location] or reading.dialect is Dialect.SWAGGER_2_0):
        style = known
    elif wanted:
        message = f"style {wanted[:40]!r} is not possible in {location}; {style} is used"
        reading.report.warning("parameter.style", place(node), message)
    if style is Style.DEEP_OBJECT:
        return style, True  # the only form that is defined
    return style, flag_of(said.get("explode"), default=style in _EXPLODED)


def bind_to_path(reading: Reading, declared: Declared, path: str, node: Node) -> tuple[Parameter, ...]:
    """All parameters, with exactly one for each placeholder of the path: others are left out, missing ones are made."""
    template = read_path(path)
    names = template.names
    if "" in names:
        raise Unusable("path.malformed", place(node), "a placeholder of the path has no name")
    found: list[Parameter] = []
    unbound: list[Parameter] = []
    for parameter in declared.parameters.values():
        bound = parameter.location is not Location.PATH or parameter.name in names
        (found if bound else unbound).append(parameter)
    taken = {parameter.name for parameter in found if parameter.location is Location.PATH}
    found += [_for_placeholder(reading, name, unbound, node) for name in names if name not in taken]
    if template.fields or template.mixed:
        found += _in_query(reading, template, found, unbound, node)
    for parameter in unbound:
        message = f"the path has no place for its parameter {parameter.name[:80]!r}; it is left out"
        advice = "Name it in the path, or say where it goes."
        reading.report.warning("parameter.not_in_path", place(node), message, advice)
    return tuple(found)


def _in_query(
    reading: Reading, template: PathTemplate, found: list[Parameter], unbound: list[Parameter], node: Node
) -> list[Parameter]:
    """Placeholders after `?`, as in `/pets?owner={id}`: what they stand for is a query parameter."""
    moved: list[Parameter] = []
    known = {parameter.name for parameter in found if parameter.location is Location.QUERY}
    for key, name in template.fields:
        if key in known:
            continue
        message = f"the placeholder {{{name}}} stands in the query; it is taken as the query parameter {key!r}"
        reading.report.warning("parameter.in_query_of_path", place(node), message, "Declare it with in: query.")
        parameter = _for_placeholder(reading, name, unbound, node)
        moved.append(
            msgspec.structs.replace(parameter, name=key, location=Location.QUERY, style=Style.FORM, explode=True)
        )
        known.add(key)
    for pair in template.mixed:
        message = f"the pair {pair[:80]!r} of the path's query mixes text and placeholders; it is left out"
        reading.report.warning("parameter.in_query_of_path", place(node), message, "Declare it with in: query.")
    return moved


def _for_placeholder(reading: Reading, name: str, unbound: list[Parameter], node: Node) -> Parameter:
    """The declared parameter that is meant by a placeholder that is spelled differently, or a new one.

    The name of a path parameter never stands on the wire, so taking the placeholder's changes nothing.
    """
    alike = [parameter for parameter in unbound if _loose(parameter.name) == _loose(name)]
    if len(alike) == 1:
        unbound.remove(alike[0])
        if alike[0].name == name:
            return alike[0]
        message = f"the placeholder {{{name}}} is taken to mean the parameter {alike[0].name[:80]!r}"
        reading.report.warning("parameter.spelled_differently", place(node), message, "Spell both the same.")
        return msgspec.structs.replace(alike[0], name=name)
    message = f"the placeholder {{{name}}} has no parameter; one that takes any text is made"
    reading.report.warning("parameter.undeclared", place(node), message, "Declare it under 'parameters' with in: path.")
    text: JSONObject = {"type": "string"}
    return Parameter(
        name=name,
        location=Location.PATH,
        required=True,
        style=Style.SIMPLE,
        explode=False,
        allow_reserved=False,
        schema=Node(text, node.base, node.pointer),
        content=None,
        description="",
        deprecated=False,
        allow_empty_value=False,
        example=None,
        pointer=node.pointer,
    )


def _loose(name: str) -> str:
    """`{petId}`, `{pet_id}`, `{petId:[0-9]+}`, `{petId=shops/*}` and `{petId+}` name the same thing."""
    return re.sub(r"[^a-z0-9]", "", re.split("[:=]", name, maxsplit=1)[0].lower())
