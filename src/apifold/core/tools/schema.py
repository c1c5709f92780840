"""One input schema from the parameters and the body of an operation.

Which argument there is, and what it is called, was decided by the compiler; here each gets its schema.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from apifold.core.diagnostics import Diagnostic, Severity
from apifold.core.openapi.media import MediaKind, asks_for_bytes, is_wildcard, media_kind, selectable_media_types
from apifold.core.openapi.model import MediaType, Node, Parameter, RequestBody
from apifold.core.openapi.references import Resolver
from apifold.core.openapi.shapes import ANYTHING, property_shape, shape_of
from apifold.core.tools.composition import Finding, Source
from apifold.core.tools.model import Argument, Renames, Role, Tool, ToolInput
from apifold.core.values import JSON, JSONObject

FINDINGS_PER_TOOL = 200
"""Findings about one tool that are listed one by one, cuts apart, which are all listed; the rest is counted."""

_BINARY: JSONObject = {"type": "string", "format": "binary"}


class Form(msgspec.Struct, frozen=True):
    """What describes the value of one argument."""

    pointer: str
    alternatives: tuple[Source, ...]
    """Mostly one; a body has as many as its media types take different values. The default comes first."""
    description: str = ""
    """Words about the whole, where there are several alternatives."""
    omits_null: bool = False
    """Null cannot be written there: leaving the argument out says the same."""


def argument_forms(tool: Tool, resolver: Resolver) -> dict[str, Form]:
    """The form of each argument by name, in order; `_contentType` has none (see `content_type_schema`)."""
    found: dict[str, Form] = {}
    for argument in tool.arguments:
        if argument.parameter is not None:
            found[argument.name] = parameter_form(argument.parameter)
        elif argument.role is Role.BODY and tool.operation.body is not None:
            found[argument.name] = body_form(tool.operation.body, resolver)
    return found


# --- parameters -------------------------------------------------------------------------------------------------------


def parameter_form(parameter: Parameter) -> Form:
    """What a parameter takes. No style writes null (OpenAPI 3.1.1, Appendix B), so an optional one is left out."""
    omits_null = parameter.content is None and not parameter.required
    return Form(parameter.pointer, (_parameter_source(parameter),), omits_null=omits_null)


def _parameter_source(parameter: Parameter) -> Source:
    """The parameter's words stand before those of its schema, which may be shared with others."""
    schema = parameter.schema
    example = parameter.example
    if schema is None and parameter.content is not None:
        schema, example = parameter.content.schema, example or parameter.content.example
    said: JSONObject = {}
    if parameter.description:
        said["description"] = parameter.description
    if example is not None:
        said["example"] = example.value
    if parameter.deprecated:
        said["deprecated"] = True
    own = (Node(said, "", parameter.pointer),) if said else ()
    below = (schema,) if schema is not None else (Node({"type": "string"}, "", parameter.pointer),)
    return (*own, *below)


# --- bodies -----------------------------------------------------------------------------------------------------------


def body_form(body: RequestBody, resolver: Resolver) -> Form:
    """The body as any of its media types takes it; those that take the same are one alternative."""
    taken: list[tuple[Source, list[str]]] = []
    for media in selectable_media_types(body):
        source = _media_source(media, body, resolver)
        known = next((names for other, names in taken if _same(other, source)), None)
        if known is None:
            taken.append((source, [media.content_type]))
        else:
            known.append(media.content_type)
    if len(taken) == 1:
        own = (Node({"description": body.description}, "", body.pointer),) if body.description else ()
        return Form(body.pointer, ((*own, *taken[0][0]),))
    alternatives = tuple(
        (Node({"description": f"For {', '.join(names)}."}, "", body.pointer), *source) for source, names in taken
    )
    return Form(body.pointer, alternatives, body.description)


def _same(one: Source, other: Source) -> bool:
    return len(one) == len(other) and all(
        a.value is b.value or a.value == b.value for a, b in zip(one, other, strict=True)
    )


def _media_source(media: MediaType, body: RequestBody, resolver: Resolver) -> Source:
    kind = media_kind(media)
    place = f"{body.pointer}/content"
    if kind is MediaKind.BYTES:
        return (Node(_BINARY, "", place),)
    if kind is MediaKind.XML:
        return (Node({"type": "string", "description": "XML text."}, "", place),)
    schema = media.schema
    if kind is MediaKind.JSON_LINES and media.item_schema is not None:
        item = media.item_schema
        return (Node({"type": "array", "items": item.value}, item.base, item.pointer.rpartition("/")[0]),)
    if kind is MediaKind.TEXT and not _is_text(schema):
        return (Node({"type": "string"}, "", place),)
    if schema is None:
        return (Node({"type": "object"} if kind in (MediaKind.FORM, MediaKind.MULTIPART) else {}, "", place),)
    if kind is MediaKind.MULTIPART:
        return (schema, *_encoded_parts(media, resolver))
    return (schema,)


def _is_text(schema: Node | None) -> bool:
    return schema is not None and isinstance(schema.value, dict) and schema.value.get("type") == "string"


def _encoded_parts(media: MediaType, resolver: Resolver) -> Iterable[Node]:
    """Parts whose encoding names a binary media type are files, also where the schema leaves that open (3.1)."""
    files: JSONObject = {}
    whole = shape_of(resolver, media.schema) if media.encoding else ANYTHING
    for name, encoding in media.encoding.items():
        shape = property_shape(whole, name, resolver)
        if asks_for_bytes(encoding.content_type, shape):
            files[name] = _BINARY
        elif shape.items and asks_for_bytes(encoding.content_type, shape_of(resolver, *shape.items)):
            files[name] = {"items": _BINARY}
    if files and media.schema is not None:
        yield Node({"properties": files}, media.schema.base, media.schema.pointer)


def content_type_schema(body: RequestBody) -> JSONObject:
    """The schema of `_contentType`: which media type to send. A range admits any type within it."""
    names: list[JSON] = [media.content_type for media in selectable_media_types(body)]
    if any(isinstance(name, str) and is_wildcard(name) for name in names):
        listed = ", ".join(str(name) for name in names)
        return {"type": "string", "description": f"Media type of the body: {listed}."}
    return {"type": "string", "enum": names, "default": names[0], "description": "Media type of the body."}


# --- the whole --------------------------------------------------------------------------------------------------------


def assemble(
    tool: Tool,
    schemas: Mapping[str, JSONObject],
    *,
    renames: Mapping[str, Renames],
    diagnostics: Sequence[Diagnostic],
    definitions: JSONObject | None = None,
) -> ToolInput:
    """The root object over the schemas of the arguments."""
    properties: JSONObject = {}
    required: list[JSON] = []
    for argument in tool.arguments:
        properties[argument.name] = _argument_schema(tool, argument, schemas)
        if argument.required:
            required.append(argument.name)
    schema: JSONObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    if definitions:
        schema["$defs"] = definitions
    return ToolInput(schema, renames, tuple(diagnostics))


def _argument_schema(tool: Tool, argument: Argument, schemas: Mapping[str, JSONObject]) -> JSONObject:
    if argument.role is Role.CONTENT_TYPE and tool.operation.body is not None:
        return content_type_schema(tool.operation.body)
    return schemas[argument.name]


def as_diagnostics(
    tool: Tool, findings: Sequence[Finding], rewrites: frozenset[str], renamed: Sequence[str], read_only: int
) -> list[Diagnostic]:
    """Findings one by one up to a bound, and the harmless rewrites of a tool in one sentence each."""
    key, pointer = tool.key, tool.operation.pointer
    listed = [finding for finding in findings if finding.code == "schema.cut"]
    others = [finding for finding in findings if finding.code != "schema.cut"]
    listed += others[:FINDINGS_PER_TOOL]
    found = [Diagnostic(f.code, f.severity, f.pointer, f.message, "", key) for f in listed]
    if len(others) > FINDINGS_PER_TOOL:
        message = f"{len(others) - FINDINGS_PER_TOOL} more findings about this schema are not listed"
        found.append(Diagnostic("schema.more", Severity.NOTE, pointer, message, "", key))
    if rewrites:
        words = ", ".join(sorted(rewrites))
        message = f"read into plain object schemas or left out, for strict clients: {words}"
        found.append(Diagnostic("schema.rewritten", Severity.NOTE, pointer, message, "", key))
    if renamed:
        message = f"{len(renamed)} property names are not legal keys and were renamed: {', '.join(renamed[:8])}"
        found.append(Diagnostic("schema.keys_renamed", Severity.NOTE, pointer, message, "", key))
    if read_only:
        message = f"{read_only} properties that only the server sets (readOnly) are left out"
        found.append(Diagnostic("schema.read_only", Severity.NOTE, pointer, message, "", key))
    return found
