"""Operations and options to tools. The cheap part is done for all at once, the schema of a tool when it is asked for."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.limits import SCHEMA, SchemaLimits
from apifold.core.openapi.document import Document
from apifold.core.openapi.media import selectable_media_types
from apifold.core.openapi.model import Location, Operation, Parameter, SecurityKind, SecurityScheme
from apifold.core.openapi.references import Resolver
from apifold.core.tools.annotations import annotate
from apifold.core.tools.model import Argument, Profile, Role, Tool, ToolInput
from apifold.core.tools.naming import (
    BODY,
    CONTENT_TYPE,
    DEFAULT_NAME_LIMIT,
    MAX_NAME_LIMIT,
    argument_names,
    base_name,
    tool_names,
)
from apifold.core.tools.outliner import Outliner
from apifold.core.tools.portable import PortableBuilder
from apifold.core.tools.schema import argument_forms, as_diagnostics, assemble
from apifold.core.tools.text import clean_line, describe, first_sentence, shorten

if TYPE_CHECKING:
    from apifold.core.tools.faithful import FaithfulBuilder

TITLE_LIMIT = 80
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DEPRECATED = "Deprecated."
_LOCATIONS = (Location.PATH, Location.QUERY, Location.QUERYSTRING, Location.HEADER, Location.COOKIE)
_ORDER = {location: rank for rank, location in enumerate(_LOCATIONS)}
# Parameter Object: definitions of these header parameters "SHALL be ignored"; media types and security say them.
_IGNORED_HEADERS = frozenset(("accept", "content-type", "authorization"))


class CompileOptions(msgspec.Struct, frozen=True):
    profile: Profile = Profile.PORTABLE
    name_limit: int = DEFAULT_NAME_LIMIT
    """Characters of a tool name, at most 64."""
    schema: SchemaLimits = SCHEMA


DEFAULTS = CompileOptions()


class Catalogue:
    """Every tool of a document. Immutable but for what it remembers: schemas are built when asked for and kept."""

    __slots__ = ("_builder", "_by_key", "_by_name", "_inputs", "diagnostics", "document", "options", "tools")

    def __init__(
        self, document: Document, options: CompileOptions, tools: tuple[Tool, ...], diagnostics: tuple[Diagnostic, ...]
    ) -> None:
        self.document = document
        self.options = options
        self.tools = tools
        """In document order."""
        self.diagnostics = diagnostics
        """About names and arguments. What reading the document found is in `document.diagnostics`, what building a
        schema found in `input(tool).diagnostics`."""
        self._by_name: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in tools})
        self._by_key: Mapping[str, Tool] = MappingProxyType({tool.key: tool for tool in tools})
        self._inputs: dict[str, ToolInput] = {}
        self._builder = _builder(document, options)

    def __len__(self) -> int:
        return len(self.tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self.tools)

    @property
    def profile(self) -> Profile:
        return self.options.profile

    def by_name(self, name: str) -> Tool | None:
        return self._by_name.get(name)

    def by_key(self, key: str) -> Tool | None:
        """The tool of an operation key, `METHOD /path`."""
        return self._by_key.get(key)

    def find(self, name: str) -> Tool | None:
        """The tool with this name, operation key or operation id, in this order; ids may stand for the first of several."""
        found = self._by_name.get(name) or self._by_key.get(name)
        if found is None:
            method, _, path = name.strip().partition(" ")
            found = self._by_key.get(f"{method.upper()} {path.strip()}")
        return found or next((tool for tool in self.tools if tool.operation.operation_id == name), None)

    def input(self, tool: Tool) -> ToolInput:
        """What may be passed to a tool of this catalogue."""
        known = self._inputs.get(tool.key)
        if known is None:
            known = self._inputs[tool.key] = self._builder.build(tool)
        return known


def compile_tools(document: Document, options: CompileOptions = DEFAULTS) -> Catalogue:
    """Every callable operation of a document as a tool; no schema is built yet."""
    limit = max(16, min(options.name_limit, MAX_NAME_LIMIT))
    names = tool_names(document.operations, limit)
    legal = options.profile is Profile.PORTABLE
    diagnostics: list[Diagnostic] = []
    tools: list[Tool] = []
    # Where no operation says which scheme it needs, every secret goes with every call (see `Credentials`).
    says = any(requirement.schemes for operation in document.operations for requirement in operation.security)
    always = () if says else tuple(document.security_schemes.values())
    for operation, name in zip(document.operations, names, strict=True):
        schemes = (*always, *_schemes(operation, document.security_schemes))
        tool = _tool(operation, name, schemes, options, legal=legal)
        tools.append(tool)
        diagnostics.extend(_name_notes(tool))
    return Catalogue(document, options, tuple(tools), tuple(diagnostics))


def _tool(
    operation: Operation, name: str, schemes: Sequence[SecurityScheme], options: CompileOptions, *, legal: bool
) -> Tool:
    title = _title(operation, name)
    return Tool(
        name=name,
        title=title,
        description=_description(operation, options.schema.description),
        operation=operation,
        annotations=annotate(operation, title),
        arguments=_arguments(operation, schemes, legal=legal),
    )


def _summary(operation: Operation) -> str:
    """The summary, unless it only repeats the operation id."""
    return "" if operation.summary.strip() == operation.operation_id else operation.summary


def _title(operation: Operation, name: str) -> str:
    """The summary; else a first sentence that is short enough; else the name in words."""
    summary = clean_line(_summary(operation), TITLE_LIMIT)
    if summary:
        return summary
    sentence = first_sentence(clean_line(operation.description, TITLE_LIMIT * 2))
    if 0 < len(sentence) <= TITLE_LIMIT and not sentence.endswith("…"):
        return sentence.rstrip(".")
    spoken = " ".join(word if word.isupper() else word.lower() for word in _WORDS.findall(name))
    return shorten(spoken[:1].upper() + spoken[1:], TITLE_LIMIT)


def _description(operation: Operation, limit: int) -> str:
    room = limit - len(_DEPRECATED) - 2 if operation.deprecated else limit
    said = describe(_summary(operation), operation.description, room) or operation.key[:room]
    return f"{said}\n\n{_DEPRECATED}" if operation.deprecated else said


# --- arguments --------------------------------------------------------------------------------------------------------


def _arguments(operation: Operation, schemes: Sequence[SecurityScheme], *, legal: bool) -> tuple[Argument, ...]:
    parameters = [p for p in operation.parameters if _is_shown(p, schemes)]
    chosen = operation.body is not None and len(selectable_media_types(operation.body)) > 1
    reserved = [BODY, CONTENT_TYPE] if chosen else [BODY] if operation.body is not None else []
    names = argument_names(parameters, reserved=reserved, legal=legal)
    if len(parameters) > 1:
        parameters.sort(key=lambda p: _ORDER[p.location])  # stable: document order within a location
    found = [
        Argument(names[p.location, p.name], Role.PARAMETER, p.required or p.location is Location.PATH, p)
        for p in parameters
    ]
    if operation.body is not None:
        found.append(Argument(BODY, Role.BODY, operation.body.required))
        if chosen:
            found.append(Argument(CONTENT_TYPE, Role.CONTENT_TYPE, required=False))
    return tuple(found)


def _is_shown(parameter: Parameter, schemes: Sequence[SecurityScheme]) -> bool:
    """Not what the specification ignores, and not a credential: those are ours to add, never a model's."""
    if parameter.location is Location.HEADER and parameter.name.lower() in _IGNORED_HEADERS:
        return False
    if parameter.location is Location.PATH:
        return True
    return not any(_is_credential(parameter, scheme) for scheme in schemes)


def _schemes(operation: Operation, schemes: Mapping[str, SecurityScheme]) -> Iterable[SecurityScheme]:
    for requirement in operation.security:
        for name, _ in requirement.schemes:
            if name in schemes:
                yield schemes[name]


def _is_credential(parameter: Parameter, scheme: SecurityScheme) -> bool:
    if scheme.kind is not SecurityKind.API_KEY or scheme.location is not parameter.location:
        return False
    if parameter.location is Location.HEADER:
        return parameter.name.lower() == scheme.parameter.lower()
    return parameter.name == scheme.parameter


# --- what was renamed -------------------------------------------------------------------------------------------------


def _name_notes(tool: Tool) -> Iterable[Diagnostic]:
    operation = tool.operation
    wanted = base_name(operation)
    if tool.name != wanted:
        short = len(wanted) > len(tool.name)
        code = "name.shortened" if short else "name.collision"
        why = "is too long for a tool name" if short else "is wanted by several operations"
        yield _note(code, tool, f"{wanted[:100]!r} {why}; the tool is {tool.name!r}")
    elif operation.operation_id and operation.operation_id != wanted:
        message = f"the operation id {operation.operation_id[:100]!r} is no legal tool name; the tool is {tool.name!r}"
        yield _note("name.changed", tool, message)
    changed = [
        f"{argument.wire_name!r} as {argument.name!r}"
        for argument in tool.arguments
        if argument.role is Role.PARAMETER and argument.name != argument.wire_name
    ]
    if changed:
        yield _note("argument.renamed", tool, f"parameters have another name: {', '.join(changed[:8])}")


def _note(code: str, tool: Tool, message: str) -> Diagnostic:
    return Diagnostic(code, Severity.NOTE, tool.operation.pointer, message, "", tool.key)


# --- schemas ----------------------------------------------------------------------------------------------------------


def _builder(document: Document, options: CompileOptions) -> "_PortableInputs | FaithfulBuilder":
    if options.profile is Profile.FAITHFUL:
        from apifold.core.tools.faithful import FaithfulBuilder  # noqa: PLC0415  few ask for it

        return FaithfulBuilder(document.resolver, document.dialect, options.schema)
    builder = PortableBuilder(Outliner(document.resolver, document.dialect), options.schema)
    return _PortableInputs(builder, document.resolver)


class _PortableInputs:
    def __init__(self, builder: PortableBuilder, resolver: Resolver) -> None:
        self._builder = builder
        self._resolver = resolver

    def build(self, tool: Tool) -> ToolInput:
        built = self._builder.build(argument_forms(tool, self._resolver))
        diagnostics = as_diagnostics(tool, built.findings, built.rewrites, built.renamed, built.read_only)
        return assemble(tool, built.schemas, renames=built.renames, diagnostics=diagnostics)
