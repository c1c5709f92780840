"""The backend that the official conformance suite expects: its tools, resources and prompts, behind the product's port.

Nothing but this port is replaced in those runs. The names are the suite's.
"""

import asyncio
import base64
import struct
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    ToolResult,
)
from apifold.core.mcp.messages import encode
from apifold.core.mcp.sealing import seal, unseal
from apifold.core.values import JSON, JSONObject
from apifold.gateway.ports import (
    Caller,
    InputRequired,
    InvalidRequest,
    Listing,
    MissingCapability,
    ServerDescription,
    ToolCall,
)

DESCRIPTION = ServerDescription(
    name="fixture",
    version="1.2.3",
    title="Fixture server",
    instructions="Tools for the conformance suite.",
    logging=True,
    resource_subscriptions=True,
    sessions=True,
    mirrored_headers=True,
)
SEAL_KEY = b"a key of the tests, not of anything else"
STEP_SECONDS = 0.01


def _png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return base64.b64encode(whole).decode()


def _wav() -> str:
    """Eight silent samples."""
    head = b"RIFF" + struct.pack("<I", 44) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return base64.b64encode(head + b"data" + struct.pack("<I", 8) + b"\x80" * 8).decode()


PNG, WAV = _png(), _wav()

SCHEMA_2020: JSONObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

Work = Callable[["FixtureBackend", ToolCall], Awaitable[ToolResult | InputRequired]]
TOOLS: dict[str, tuple[JSONObject, Work]] = {}


def tool(name: str, *required: str, schema: JSONObject | None = None) -> Callable[[Work], Work]:
    properties: JSONObject = {argument: {"type": "string"} for argument in required}
    accepted: JSONObject = schema or {
        "type": "object",
        "properties": properties,
        "required": list[JSON](required),
        "additionalProperties": False,
    }

    def register(work: Work) -> Work:
        listed: JSONObject = {"name": name, "description": f"{name} of the suite.", "inputSchema": accepted}
        TOOLS[name] = (listed, work)
        return work

    return register


def text(*lines: str) -> ToolResult:
    return ToolResult(tuple(TextContent(line) for line in lines))


def ask_person(message: str, properties: JSONObject, *, required: bool = True) -> JSONObject:
    schema: JSONObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list[JSON](properties)
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def ask_model(prompt: str, tokens: int = 100) -> JSONObject:
    said: JSONObject = {"role": "user", "content": {"type": "text", "text": prompt}}
    return {"method": "sampling/createMessage", "params": {"messages": [said], "maxTokens": tokens}}


ASK_ROOTS: JSONObject = {"method": "roots/list", "params": {}}
STRING: JSONObject = {"type": "string"}


@tool("test_simple_text")
async def simple_text(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    return text("This is a simple text response for testing.")


@tool("test_image_content")
async def image(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    return ToolResult((ImageContent(PNG, "image/png"),))


@tool("test_audio_content")
async def audio(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    return ToolResult((AudioContent(WAV, "audio/wav"),))


@tool("test_embedded_resource")
async def embedded(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    said = "This is an embedded resource content."
    return ToolResult((EmbeddedResource("test://embedded-resource", "text/plain", text=said),))


@tool("test_multiple_content_types")
async def mixed(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    resource = EmbeddedResource("test://mixed-content-resource", "application/json", text='{"test":"data","value":123}')
    return ToolResult((TextContent("Multiple content types test:"), ImageContent(PNG, "image/png"), resource))


@tool("test_resource_link")
async def link(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    return ToolResult((ResourceLink("test://static-text", "static-text", "text/plain", "Some text"),))


@tool("test_structured", "shape")
async def structured(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    """Not of the suite: structured content of each kind."""
    values: dict[JSON, JSON] = {"object": {"id": 3}, "array": [1, "two"], "null": None, "text": "é"}
    value = values[call.arguments["shape"]]
    raw = encode(value)
    return ToolResult(
        (TextContent(raw.decode()),),
        structured=value,
        structured_raw=raw,
        has_structured=True,
        structured_is_object=isinstance(value, dict),
    )


@tool("test_tool_with_logging")
@tool("test_logging_tool")
async def logging_tool(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await call.channel.log("info", line, "fixture")
        await asyncio.sleep(STEP_SECONDS)
    return text("Logged three messages.")


@tool("test_error_handling")
async def failing(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    raise AppError(
        "fixture.failed", "This tool intentionally returns an error for testing", category=ErrorCategory.UPSTREAM_FAILED
    )


@tool("test_crash")
async def crashing(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    """Not of the suite: a failure of our own."""
    raise KeyError(f"a secret of {call.name}")


@tool("test_tool_with_progress")
async def progressing(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    for done in (0, 50, 100):
        await call.channel.progress(done, 100, f"Completed {done} of 100")
        await asyncio.sleep(STEP_SECONDS)
    return text(str(call.meta.get("progressToken")))


@tool("test_slow")
async def slow(backend: "FixtureBackend", call: ToolCall) -> ToolResult:
    """Not of the suite: runs until it is let go or cancelled."""
    backend.started.set()
    try:
        await backend.let_go.wait()
    except asyncio.CancelledError:
        backend.cancelled.set()
        raise
    return text(f"{call.name} is over")


@tool("test_reconnection")
async def reconnecting(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    await call.channel.detach(0.05)
    await asyncio.sleep(5 * STEP_SECONDS)
    return text("The answer after the reconnection.")


@tool("test_sampling", "prompt")
async def sampling(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    asked = ask_model(str(call.arguments["prompt"]))
    answer = await call.channel.request("sampling/createMessage", _object(asked["params"]))
    return text(f"LLM response: {_object(answer['content'])['text']}")


async def _elicit(call: ToolCall, message: str, properties: JSONObject, *, required: bool) -> ToolResult:
    asked = ask_person(message, properties, required=required)
    answer = await call.channel.request("elicitation/create", _object(asked["params"]))
    said = encode(answer.get("content")).decode()
    return text(f"Elicitation completed: action={answer['action']}, content={said}")


@tool("test_elicitation", "message")
async def elicitation(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    fields: JSONObject = {"username": STRING, "email": STRING}
    return await _elicit(call, str(call.arguments["message"]), fields, required=True)


@tool("test_elicitation_sep1034_defaults")
async def elicitation_defaults(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    fields: JSONObject = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await _elicit(call, "Check the defaults", fields, required=False)


@tool("test_elicitation_sep1330_enums")
async def elicitation_enums(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    plain: list[JSON] = ["option1", "option2", "option3"]
    titled: list[JSON] = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
    legacy: list[JSON] = ["opt1", "opt2", "opt3"]
    fields: JSONObject = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": legacy, "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await _elicit(call, "Choose", fields, required=False)


@tool("json_schema_2020_12_tool", schema=SCHEMA_2020)
async def schema_tool(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    return text(encode(call.arguments).decode())


@tool("test_missing_capability")
async def missing_capability(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    if "sampling" not in call.caller.capabilities:
        raise MissingCapability({"sampling": {}})
    return text("The client can sample.")


@tool("test_streaming_elicitation")
async def streaming_elicitation(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    if call.input_responses:
        return text("Thank you.")
    await call.channel.progress(1, 2)
    return InputRequired({"confirm": ask_person("Go on?", {"ok": {"type": "boolean"}})})


@tool("test_trigger_tool_change")
async def change_tools(backend: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    backend.announce("tools")
    return text("The list of tools has changed.")


@tool("test_trigger_prompt_change")
async def change_prompts(backend: "FixtureBackend", call: ToolCall) -> ToolResult:
    del call
    backend.announce("prompts")
    return text("The list of prompts has changed.")


REGION: JSONObject = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "shard": {"type": "integer", "x-mcp-header": "Shard"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
    },
    "required": ["region"],
}


@tool("test_mirrored", schema=REGION)
async def mirrored(_: "FixtureBackend", call: ToolCall) -> ToolResult:
    return text(f"in {call.arguments.get('region')}")


@tool("test_input_required_result_elicitation")
async def mrtr_elicitation(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    name = _content(call, "user_name").get("name")
    if name is None:
        return InputRequired({"user_name": ask_person("What is your name?", {"name": STRING})})
    return text(f"Hello, {name}!")


@tool("test_input_required_result_sampling")
async def mrtr_sampling(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    answer = _answer(call, "capital_question")
    if answer is None:
        return InputRequired({"capital_question": ask_model("What is the capital of France?")})
    return text(str(_object(answer["content"])["text"]))


@tool("test_input_required_result_list_roots")
async def mrtr_roots(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    answer = _answer(call, "client_roots")
    if answer is None:
        return InputRequired({"client_roots": ASK_ROOTS})
    return text(encode(answer["roots"]).decode())


@tool("test_input_required_result_request_state")
@tool("test_input_required_result_tampered_state")
async def mrtr_state(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    question: dict[str, JSONObject] = {"confirm": ask_person("Please confirm", {"ok": {"type": "boolean"}})}
    if not call.request_state:
        return InputRequired(question, _seal(call, "asked"))
    _unseal(call)
    if _answer(call, "confirm") is None:
        return InputRequired(question, call.request_state)
    return text("state-ok")


@tool("test_input_required_result_multiple_inputs")
async def mrtr_many(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    questions: dict[str, JSONObject] = {
        "user_name": ask_person("What is your name?", {"name": STRING}),
        "greeting": ask_model("Generate a greeting", 50),
        "client_roots": ASK_ROOTS,
    }
    if call.request_state:
        _unseal(call)
    if any(_answer(call, key) is None for key in questions):
        return InputRequired(questions, _seal(call, "asked"))
    return text("All three are here.")


@tool("test_input_required_result_multi_round")
async def mrtr_rounds(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    known = _unseal(call) if call.request_state else {}
    for key in ("step1", "step2"):
        known |= {key: _content(call, key)} if _answer(call, key) is not None else {}
    if "step1" not in known:
        asked = ask_person("Step 1: What is your name?", {"name": STRING})
        return InputRequired({"step1": asked}, _seal(call, known))
    if "step2" not in known:
        asked = ask_person("Step 2: What is your favorite color?", {"color": STRING})
        return InputRequired({"step2": asked}, _seal(call, known))
    return text(encode(known).decode())


@tool("test_input_required_result_capabilities")
async def mrtr_capabilities(_: "FixtureBackend", call: ToolCall) -> ToolResult | InputRequired:
    possible: dict[str, JSONObject] = {
        "elicitation": ask_person("Your name?", {"name": STRING}),
        "sampling": ask_model("Say hello", 20),
        "roots": ASK_ROOTS,
    }
    if call.input_responses:
        return text("Thank you.")
    return InputRequired({key: question for key, question in possible.items() if key in call.caller.capabilities})


def _object(value: JSON) -> JSONObject:
    assert isinstance(value, dict)
    return value


def _answer(call: ToolCall, key: str) -> JSONObject | None:
    value = (call.input_responses or {}).get(key)
    return value if isinstance(value, dict) else None


def _content(call: ToolCall, key: str) -> JSONObject:
    answer = _answer(call, key) or {}
    content = answer.get("content")
    return content if isinstance(content, dict) else {}


def _bound(call: ToolCall) -> bytes:
    return encode([call.caller.principal.subject, call.name, call.arguments])


def _seal(call: ToolCall, value: JSON) -> str:
    return seal(SEAL_KEY, value, bound_to=_bound(call), expires=1_000)


def _unseal(call: ToolCall) -> JSONObject:
    try:
        value = unseal(SEAL_KEY, call.request_state, bound_to=_bound(call), now=999)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    return value if isinstance(value, dict) else {}


RESOURCES: tuple[JSONObject, ...] = (
    {
        "uri": "test://static-text",
        "name": "static-text",
        "title": "Static text",
        "description": "Some text.",
        "mimeType": "text/plain",
        "icons": [{"src": "https://example.test/icon.png"}],
    },
    {"uri": "test://static-binary", "name": "static-binary", "description": "A pixel.", "mimeType": "image/png"},
    {"uri": "test://watched-resource", "name": "watched", "description": "It changes.", "mimeType": "text/plain"},
)
CONTENTS: dict[str, JSONObject] = {
    "test://static-text": {"mimeType": "text/plain", "text": "This is the content of the static text resource."},
    "test://static-binary": {"mimeType": "image/png", "blob": PNG},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watch me."},
}
TEMPLATES: tuple[JSONObject, ...] = (
    {
        "uriTemplate": "test://template/{id}/data",
        "name": "template",
        "description": "Data by id.",
        "mimeType": "application/json",
    },
)


def _prompt(name: str, *arguments: str) -> JSONObject:
    listed: list[JSON] = [{"name": a, "description": f"The {a}.", "required": True, "title": a} for a in arguments]
    return {"name": name, "title": name, "description": f"{name} of the suite.", "arguments": listed}


PROMPTS: tuple[JSONObject, ...] = (
    _prompt("test_simple_prompt"),
    _prompt("test_prompt_with_arguments", "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", "resourceUri"),
    _prompt("test_prompt_with_image"),
    _prompt("test_input_required_result_prompt"),
)


def said(content: JSONObject) -> JSONObject:
    return {"role": "user", "content": content}


def words(line: str) -> JSONObject:
    return said({"type": "text", "text": line})


class FixtureBackend:
    """Implements `ports.Backend`."""

    def __init__(self, description: ServerDescription = DESCRIPTION) -> None:
        self.description = description
        self.listing = Listing(1, tuple(listed for listed, _ in TOOLS.values()))
        self._resources = Listing(1, RESOURCES)
        self._templates = Listing(1, TEMPLATES)
        self._prompts = Listing(1, PROMPTS)
        self._listeners: dict[int, Callable[[str, str], None]] = {}
        self._watched = 0
        self.started = asyncio.Event()
        self.let_go = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.callers: list[Caller] = []

    @property
    def watchers(self) -> int:
        return len(self._listeners)

    def announce(self, kind: str, uri: str = "") -> None:
        for listener in tuple(self._listeners.values()):
            listener(kind, uri)

    def tools(self, caller: Caller) -> Listing:
        del caller
        return self.listing

    def preparing(self, caller: Caller) -> Coroutine[None, None, None] | None:
        del caller
        return None

    async def call_tool(self, call: ToolCall) -> ToolResult | InputRequired:
        self.callers.append(call.caller)
        if call.name not in TOOLS:
            raise AppError("fixture.no_tool", f"Unknown tool: {call.name}", category=ErrorCategory.NOT_FOUND)
        return await TOOLS[call.name][1](self, call)

    def resources(self, caller: Caller) -> Listing:
        del caller
        return self._resources

    def resource_templates(self, caller: Caller) -> Listing:
        del caller
        return self._templates

    async def read_resource(self, uri: str, caller: Caller) -> Sequence[JSONObject]:
        del caller
        if uri in CONTENTS:
            return [{"uri": uri, **CONTENTS[uri]}]
        head, found, rest = uri.partition("test://template/")
        if not head and found and rest.endswith("/data"):
            data = encode({"id": rest[:-5], "templateTest": True, "data": f"Data for ID: {rest[:-5]}"}).decode()
            return [{"uri": uri, "mimeType": "application/json", "text": data}]
        raise AppError("fixture.no_resource", "Resource not found", category=ErrorCategory.NOT_FOUND)

    def prompts(self, caller: Caller) -> Listing:
        del caller
        return self._prompts

    async def get_prompt(self, name: str, arguments: Mapping[str, str], call: ToolCall) -> JSONObject | InputRequired:
        messages: list[JSON]
        match name:
            case "test_simple_prompt":
                messages = [words("This is a simple prompt for testing.")]
            case "test_prompt_with_arguments":
                messages = [words(f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'")]
            case "test_prompt_with_embedded_resource":
                line = "Embedded resource content for testing."
                resource: JSONObject = {"uri": arguments["resourceUri"], "mimeType": "text/plain", "text": line}
                messages = [
                    said({"type": "resource", "resource": resource}),
                    words("Please process the embedded resource above."),
                ]
            case "test_prompt_with_image":
                messages = [
                    said({"type": "image", "data": PNG, "mimeType": "image/png"}),
                    words("Please analyze the image above."),
                ]
            case "test_input_required_result_prompt":
                context = _content(call, "user_context").get("context")
                if context is None:
                    asked = ask_person("What context should the prompt use?", {"context": STRING})
                    return InputRequired({"user_context": asked})
                messages = [words(f"In the context of {context}")]
            case _:
                raise AppError("fixture.no_prompt", f"Unknown prompt: {name}", category=ErrorCategory.NOT_FOUND)
        return {"messages": messages}

    async def complete(
        self, reference: JSONObject, argument: JSONObject, context: JSONObject, caller: Caller
    ) -> Sequence[str]:
        del reference, context, caller
        return [word for word in ("paris", "park", "party") if word.startswith(str(argument["value"]))]

    def watch(self, listener: Callable[[str, str], None]) -> Callable[[], None]:
        self._watched += 1
        number = self._watched
        self._listeners[number] = listener

        def stop() -> None:
            self._listeners.pop(number, None)

        return stop
