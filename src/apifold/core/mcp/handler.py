"""A request to what is asked: method and parameters, checked, as one of a closed set of operations. Sans-IO.

Decides which methods a revision has and what a well-formed request for each looks like. Who answers is the endpoint's
business: some operations need only what is known already, a `Call` needs the backend.
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import TypeAlias

import msgspec

from apifold.core.limits import WIRE
from apifold.core.mcp.codes import INVALID_PARAMS, METHOD_NOT_FOUND
from apifold.core.mcp.envelope import Fault, is_level
from apifold.core.mcp.messages import Request, encode
from apifold.core.mcp.outcome import Filter
from apifold.core.mcp.revisions import Revision
from apifold.core.mcp.server import ServerDescription
from apifold.core.values import JSON, JSONObject

TOO_MANY_SUBSCRIPTIONS = Fault(
    INVALID_PARAMS,
    f"At most {WIRE.subscriptions} resources can be watched, with {WIRE.subscription_bytes:,} bytes of URIs together",
)


class Kind(Enum):
    """The four lists. The value is the key of the list in its result."""

    TOOLS = "tools"
    RESOURCES = "resources"
    TEMPLATES = "resourceTemplates"
    PROMPTS = "prompts"


class Initialize(msgspec.Struct, frozen=True):
    version: str
    capabilities: JSONObject
    client: JSON


class Discover(msgspec.Struct, frozen=True):
    pass


class Ping(msgspec.Struct, frozen=True):
    pass


class ListItems(msgspec.Struct, frozen=True):
    kind: Kind
    cursor: str


class CallTool(msgspec.Struct, frozen=True):
    name: str
    arguments: JSONObject
    input_responses: JSONObject | None = None
    state: str = ""


class GetPrompt(msgspec.Struct, frozen=True):
    name: str
    arguments: dict[str, str]
    input_responses: JSONObject | None = None
    state: str = ""


class ReadResource(msgspec.Struct, frozen=True):
    uri: str


class Complete(msgspec.Struct, frozen=True):
    reference: JSONObject
    argument: JSONObject
    context: JSONObject


class SetLevel(msgspec.Struct, frozen=True):
    level: str


class Subscribe(msgspec.Struct, frozen=True):
    uri: str
    wanted: bool


class Listen(msgspec.Struct, frozen=True):
    filter: Filter


Call: TypeAlias = CallTool | GetPrompt | ReadResource | Complete
"""What only the backend can answer."""
CALLS = (CallTool, GetPrompt, ReadResource, Complete)
"""The same, for `isinstance`, which is ten times as fast with a tuple."""

Immediate: TypeAlias = Initialize | Discover | Ping | ListItems | SetLevel | Subscribe
"""What can be answered from what is known already."""

Operation: TypeAlias = Immediate | Listen | Call


def interpret(request: Request, revision: Revision, description: ServerDescription) -> Operation | Fault:
    """What the request asks for, or why it cannot be asked for. A capability that is not declared has no methods."""
    method = request.method
    reader = _READERS.get(method) if method in revision.methods else None
    if reader is None or not _offered(method, description):
        return Fault(METHOD_NOT_FOUND, f"Method not found: {method[:200]}")
    operation = reader(request.params)
    if isinstance(operation, Listen):
        return Listen(_offered_part(operation.filter, description))
    return operation


def _offered(method: str, description: ServerDescription) -> bool:
    family = method.partition("/")[0]
    if family == "tools":
        return description.tools
    if family == "prompts":
        return description.prompts
    if family == "completion":
        return description.completions
    if family == "logging":
        return description.logging
    if family == "resources":
        subscribing = method.endswith("subscribe")
        return description.resources and (description.resource_subscriptions or not subscribing)
    return True


def _offered_part(wanted: Filter, description: ServerDescription) -> Filter:
    """The subset to be acknowledged: kinds that the server does not tell of are left out."""
    announced = description.list_changed
    return Filter(
        tools=wanted.tools and description.tools and "tools" in announced,
        prompts=wanted.prompts and description.prompts and "prompts" in announced,
        resources=wanted.resources and description.resources and "resources" in announced,
        uris=wanted.uris if description.resource_subscriptions else frozenset(),
    )


def _initialize(params: JSONObject) -> Operation | Fault:
    version, capabilities = params.get("protocolVersion"), params.get("capabilities")
    if not isinstance(version, str):
        return Fault(INVALID_PARAMS, "initialize needs protocolVersion, a string")
    declared = capabilities if isinstance(capabilities, dict) else {}
    if len(encode(declared)) > WIRE.introduction_bytes:  # a session keeps them
        return Fault(INVALID_PARAMS, f"capabilities are longer than {WIRE.introduction_bytes:,} bytes")
    return Initialize(version, declared, params.get("clientInfo"))


def _lister(kind: Kind) -> Callable[[JSONObject], Operation | Fault]:
    def read(params: JSONObject) -> Operation | Fault:
        cursor = params.get("cursor")
        if cursor is None:
            return ListItems(kind, "")
        return ListItems(kind, cursor) if isinstance(cursor, str) else Fault(INVALID_PARAMS, "cursor is a string")

    return read


def _call_tool(params: JSONObject) -> Operation | Fault:
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str):
        return Fault(INVALID_PARAMS, "tools/call needs name, a string")
    if arguments is None:
        arguments = {}
    elif not isinstance(arguments, dict):
        return Fault(INVALID_PARAMS, "arguments is an object")
    if "inputResponses" not in params and "requestState" not in params:
        return CallTool(name, arguments)
    given = _round_trip(params)
    return given if isinstance(given, Fault) else CallTool(name, arguments, *given)


def _get_prompt(params: JSONObject) -> Operation | Fault:
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str):
        return Fault(INVALID_PARAMS, "prompts/get needs name, a string")
    texts: dict[str, str] = {}
    if arguments is not None:
        if not isinstance(arguments, dict):
            return Fault(INVALID_PARAMS, "arguments is an object of strings")
        for key, value in arguments.items():
            if not isinstance(value, str):
                return Fault(INVALID_PARAMS, f"the argument {key!r} is a string")
            texts[key] = value
    given = _round_trip(params)
    return given if isinstance(given, Fault) else GetPrompt(name, texts, *given)


def _round_trip(params: JSONObject) -> tuple[JSONObject | None, str] | Fault:
    """What a client brings back after `input_required`: an object of objects, and the state as it was."""
    responses, state = params.get("inputResponses"), params.get("requestState", "")
    if not isinstance(state, str):
        return Fault(INVALID_PARAMS, "requestState is a string")
    if "inputResponses" not in params:
        return None, state
    if not isinstance(responses, dict) or not all(isinstance(r, dict) for r in responses.values()):
        return Fault(INVALID_PARAMS, "inputResponses is an object of results")
    return responses, state


def _read_resource(params: JSONObject) -> Operation | Fault:
    uri = params.get("uri")
    return ReadResource(uri) if isinstance(uri, str) else Fault(INVALID_PARAMS, "resources/read needs uri, a string")


def _complete(params: JSONObject) -> Operation | Fault:
    reference, argument, context = params.get("ref"), params.get("argument"), params.get("context")
    if not isinstance(reference, dict) or reference.get("type") not in ("ref/prompt", "ref/resource"):
        return Fault(INVALID_PARAMS, "ref is a ref/prompt or a ref/resource")
    if not isinstance(argument, dict) or not all(isinstance(argument.get(k), str) for k in ("name", "value")):
        return Fault(INVALID_PARAMS, "argument has a name and a value, both strings")
    return Complete(reference, argument, context if isinstance(context, dict) else {})


def _set_level(params: JSONObject) -> Operation | Fault:
    level = params.get("level")
    if isinstance(level, str) and is_level(level):
        return SetLevel(level)
    return Fault(INVALID_PARAMS, "level is one of the eight syslog levels, debug to emergency")


def _subscriber(*, wanted: bool) -> Callable[[JSONObject], Operation | Fault]:
    def read(params: JSONObject) -> Operation | Fault:
        uri = params.get("uri")
        return Subscribe(uri, wanted) if isinstance(uri, str) else Fault(INVALID_PARAMS, "uri is a string")

    return read


def _listen(params: JSONObject) -> Operation | Fault:
    wanted = params.get("notifications")
    if not isinstance(wanted, dict):
        return Fault(INVALID_PARAMS, "subscriptions/listen needs notifications, an object")
    uris = wanted.get("resourceSubscriptions", [])
    if not isinstance(uris, list):
        return Fault(INVALID_PARAMS, "resourceSubscriptions is a list of URIs")
    watched = frozenset(uri for uri in uris if isinstance(uri, str))
    if are_too_many(watched):
        return TOO_MANY_SUBSCRIPTIONS
    return Listen(
        Filter(
            tools=wanted.get("toolsListChanged") is True,
            prompts=wanted.get("promptsListChanged") is True,
            resources=wanted.get("resourcesListChanged") is True,
            uris=watched,
        )
    )


def are_too_many(uris: Collection[str]) -> bool:
    """Whether these are more resources than one client or stream may watch: they are kept as long as it lasts."""
    return len(uris) > WIRE.subscriptions or sum(len(uri.encode()) for uri in uris) > WIRE.subscription_bytes


_READERS: Mapping[str, Callable[[JSONObject], Operation | Fault]] = {
    "initialize": _initialize,
    "server/discover": lambda _: Discover(),
    "ping": lambda _: Ping(),
    "tools/list": _lister(Kind.TOOLS),
    "tools/call": _call_tool,
    "resources/list": _lister(Kind.RESOURCES),
    "resources/templates/list": _lister(Kind.TEMPLATES),
    "resources/read": _read_resource,
    "resources/subscribe": _subscriber(wanted=True),
    "resources/unsubscribe": _subscriber(wanted=False),
    "prompts/list": _lister(Kind.PROMPTS),
    "prompts/get": _get_prompt,
    "completion/complete": _complete,
    "logging/setLevel": _set_level,
    "subscriptions/listen": _listen,
}
