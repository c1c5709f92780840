"""Request plans for tests, made straight from values: no document, no tool compiler."""

from collections.abc import Mapping, Sequence

from apifold.core.openapi.model import (
    Encoding,
    Location,
    MediaType,
    Node,
    Operation,
    Parameter,
    RequestBody,
    Response,
    Server,
    Style,
)
from apifold.core.openapi.references import Resolver
from apifold.core.requests.plan import RequestPlan, compile_plan
from apifold.core.requests.servers import ServerChoice
from apifold.core.tools.model import Annotations, Argument, Renames, Role, Tool, ToolInput
from apifold.core.values import JSON, JSONObject

_DEFAULT_STYLE = {Location.PATH: Style.SIMPLE, Location.HEADER: Style.SIMPLE}


def parameter(
    name: str,
    location: str = "query",
    *,
    style: Style | None = None,
    explode: bool | None = None,
    required: bool = False,
    allow_reserved: bool = False,
    allow_empty_value: bool = False,
    schema: JSON = None,
    content: MediaType | None = None,
) -> Parameter:
    place = Location(location)
    chosen = style or _DEFAULT_STYLE.get(place, Style.FORM)
    return Parameter(
        name=name,
        location=place,
        required=required or place is Location.PATH,
        style=chosen,
        explode=explode if explode is not None else chosen in (Style.FORM, Style.COOKIE),
        allow_reserved=allow_reserved,
        schema=Node({} if schema is None else schema) if content is None else None,
        content=content,
        description="",
        deprecated=False,
        allow_empty_value=allow_empty_value,
        example=None,
        pointer="",
    )


def media(content_type: str, schema: JSON = None, encoding: Mapping[str, Encoding] | None = None) -> MediaType:
    return MediaType(content_type, None if schema is None else Node(schema), encoding or {})


def plan(
    method: str = "GET",
    path: str = "/things",
    *parameters: Parameter,
    body: Sequence[MediaType] = (),
    body_required: bool = False,
    responses: Sequence[Response] = (),
    servers: Sequence[Server] = (Server("https://api.example.com/v1"),),
    choice: ServerChoice | None = None,
    properties: JSONObject | None = None,
    required: Sequence[str] = (),
    renames: Mapping[str, Renames] | None = None,
    names: Mapping[str, str] | None = None,
) -> RequestPlan:
    """The plan of an operation. `properties` are the input schema's; what is not named takes any value.

    `names` maps a wire name to the argument's name where they differ.
    """
    request_body = RequestBody(body_required, "", tuple(body), "") if body else None
    operation = Operation(
        key=f"{method} {path}",
        method=method,
        path=path,
        operation_id="",
        summary="",
        description="",
        tags=(),
        deprecated=False,
        parameters=parameters,
        body=request_body,
        responses=tuple(responses),
        security=(),
        servers=tuple(servers),
        pointer="/nowhere",
    )
    renamed = names or {}
    arguments = [Argument(renamed.get(one.name, one.name), Role.PARAMETER, one.required, one) for one in parameters]
    if request_body is not None:
        arguments.append(Argument("body", Role.BODY, body_required))
        if len(body) > 1:
            arguments.append(Argument("_contentType", Role.CONTENT_TYPE, required=False))
    tool = Tool("thing", "", "", operation, Annotations("", False, False, False), tuple(arguments))
    free: JSONObject = {argument.name: {} for argument in arguments}
    schema: JSONObject = {
        "type": "object",
        "properties": {**free, **(properties or {})},
        "required": list(required),
        "additionalProperties": False,
    }
    tool_input = ToolInput(schema, renames or {}, ())
    return compile_plan(tool, tool_input, Resolver({"": {}}), servers=choice or ServerChoice())
