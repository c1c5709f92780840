"""Tools out of small documents made in a test."""

from apifold.core.openapi.document import Document
from apifold.core.tools.compiler import DEFAULTS, CompileOptions, compile_tools
from apifold.core.tools.model import Tool, ToolInput
from apifold.core.values import JSON, JSONObject
from support.documents import openapi, read


def document_of(
    operation: JSONObject, *, path: str = "/x", method: str = "post", version: str = "3.1.0", **members: JSON
) -> Document:
    return read(openapi({path: {method: {"responses": {}, **operation}}}, version=version, **members))


def tool_of(document: Document, options: CompileOptions = DEFAULTS) -> Tool:
    """The only tool of a document."""
    (tool,) = compile_tools(document, options).tools
    return tool


def input_of(document: Document, options: CompileOptions = DEFAULTS) -> ToolInput:
    """What the only tool of a document takes."""
    catalogue = compile_tools(document, options)
    (tool,) = catalogue.tools
    return catalogue.input(tool)


def body_input(
    schema: JSON,
    schemas: JSONObject | None = None,
    *,
    version: str = "3.1.0",
    media: str = "application/json",
    options: CompileOptions = DEFAULTS,
) -> ToolInput:
    """What a tool takes whose body has this schema; `schemas` are the components it may refer to."""
    body: JSON = {"required": True, "content": {media: {"schema": schema}}}
    document = document_of({"requestBody": body}, version=version, components={"schemas": schemas or {}})
    return input_of(document, options)


def body_schema(
    schema: JSON, schemas: JSONObject | None = None, *, version: str = "3.1.0", media: str = "application/json"
) -> JSON:
    properties = body_input(schema, schemas, version=version, media=media).schema["properties"]
    assert isinstance(properties, dict)
    return properties["body"]


def codes(built: ToolInput) -> list[str]:
    return [found.code for found in built.diagnostics]
