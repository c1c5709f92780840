"""`apifold call`: one tool called as a client would, or, with `--dry-run`, the request that would be sent."""

import base64
import json
import math
import shlex
import sys
from pathlib import Path
from typing import NoReturn, assert_never

import msgspec
import msgspec.structs

from apifold.bootstrap import api as assembly
from apifold.bootstrap.api import API
from apifold.bootstrap.options import Options
from apifold.bootstrap.secrets import open_secrets
from apifold.bootstrap.serve import run_loop
from apifold.cli.arguments import UsageMistake
from apifold.cli.invocation import Invocation
from apifold.cli.reading import decide
from apifold.cli.terminal import Terminal
from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    ToolResult,
)
from apifold.core.mcp.result import encode_tool_result
from apifold.core.mcp.revisions import V2026_07_28
from apifold.core.nearest import nearest
from apifold.core.requests.credentials import describe, suggest_flag
from apifold.core.requests.model import BodyKind, UpstreamRequest
from apifold.core.tools.model import Tool
from apifold.core.values import JSONObject
from apifold.gateway.context import CallContext, Prepared

READABLE = frozenset({BodyKind.JSON, BodyKind.FORM, BodyKind.TEXT})
"""Bodies that are shown as text; the others are counted."""
EXAMPLE = """--args '{"id": 1}'"""
OPERATOR = "The person who runs this server can "
"""How failures begin their advice to a model. At a terminal that person is the one who reads it."""


class UnknownTool(AppError):
    category = ErrorCategory.NOT_FOUND


def run(asked: Invocation) -> int:
    """1 when the call was answered with an error, or could not be made."""
    if asked.options.spec == "-" and asked.options.args == "-":
        raise UsageMistake("SPEC and --args cannot both be standard input", "give one of them as a file: --args @FILE")
    arguments = _arguments(asked.options.args)
    decided = decide(asked)
    if asked.options.dry_run:
        decided = _with_what_there_is(decided, asked)
    codes: list[int] = []

    async def work() -> None:
        codes.append(await _call(asked, decided, arguments))

    run_loop(work())
    return codes[0]


async def _call(asked: Invocation, decided: Options, arguments: JSONObject) -> int:
    terminal = asked.terminal
    with terminal.progress(f"reading {decided.spec}"):
        api = assembly.assemble(decided, await assembly.load_document(decided), asked.environment)
    tool = _find(api, asked.options.tool)
    upstream = assembly.connect(decided)
    try:
        engine = assembly.build_engine(api, upstream)
        if asked.options.dry_run:
            _show(await engine.prepare(tool, arguments), api, asked)
            return 0
        with terminal.progress(f"calling {tool.name}"):
            completed = await engine.call(tool, arguments)
    finally:
        await upstream.close()
    return _report(completed, asked)


def _with_what_there_is(decided: Options, asked: Invocation) -> Options:
    """A dry run needs no credentials: those that cannot be read are named and left out."""
    auth = []
    for spec in decided.auth:
        try:
            open_secrets((spec,), asked.environment)
        except AppError as refused:
            asked.terminal.warning(refused.message)
        else:
            auth.append(spec)
    return msgspec.structs.replace(decided, auth=tuple(auth))


def _arguments(given: str) -> JSONObject:
    """`--args`: JSON, `@FILE`, or `-` for standard input."""
    text: str | bytes = given
    source, hint = "--args", f"quote it for the shell: {EXAMPLE}"
    if given == "-":
        source, hint, text = "standard input", "it has to be one JSON object.", sys.stdin.buffer.read()
    elif given.startswith("@"):
        source, hint = given[1:], "it has to hold one JSON object."
        try:
            text = Path(source).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageMistake(f"--args: cannot read {source!r}: {reason}", "give @ and the path of a file.") from error
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UsageMistake(f"{source} is not JSON: {error}", hint) from error
    if not isinstance(value, dict):
        raise UsageMistake(f"{source} is not a JSON object", f"name each argument: {EXAMPLE}")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def _find(api: API, name: str) -> Tool:
    """By tool name, operation key or operation id."""
    tool = api.catalogue.find(" ".join(name.split()))
    if tool is not None:
        return tool
    names = [candidate for known in api.catalogue for candidate in (known.name, known.key)]
    close = _template(api, name) or nearest(name, names)
    hint = (
        f"did you mean {close!r}?" if close else f"`apifold tools {shlex.quote(api.options.spec)}` lists what there is."
    )
    raise UnknownTool("tool.unknown", f"there is no tool or operation {name!r}", hint=hint)


def _template(api: API, name: str) -> str:
    """`GET /books/{bookId}` for `GET /books/7`; empty when no path fits."""
    method, _, path = name.partition(" ")
    segments = path.strip().split("/")
    for tool in api.catalogue:
        pattern = tool.operation.path.split("/")
        fits = len(pattern) == len(segments) and all(
            "{" in wanted or wanted == given for wanted, given in zip(pattern, segments, strict=True)
        )
        if fits and tool.operation.method.upper() == method.upper():
            return tool.key
    return ""


def _show(prepared: Prepared, api: API, asked: Invocation) -> None:
    terminal = asked.terminal
    for repair in prepared.repairs:
        terminal.warning(repair)
    for name in prepared.grant.missing:
        scheme = api.document.security_schemes.get(name)
        terminal.warning(
            f"the call would need {describe(scheme, name)}: {suggest_flag(name, known=scheme is not None)}"
        )
    request = prepared.shown(secrets=asked.options.show_secrets)
    if asked.as_json:
        terminal.json(_as_json(request))
    else:
        _print(request, terminal)


def _as_json(request: UpstreamRequest) -> dict[str, object]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": [[name, value] for name, value in request.headers],
        "body": {"kind": request.body_kind.value, "base64": base64.b64encode(request.body).decode()},
    }


def _print(request: UpstreamRequest, terminal: Terminal) -> None:
    """As it goes over the wire, but for bytes that a terminal cannot show."""
    terminal.line(f"{terminal.paint(request.method, 'bold')} {terminal.clean(request.url)}")
    for name, value in request.headers:
        terminal.line(f"{terminal.paint(name, 'cyan')}: {terminal.clean(value)}")
    if request.body_kind in READABLE:
        terminal.line()
        for line in request.body.decode("utf-8", "replace").splitlines():
            terminal.line(terminal.clean(line))
    elif request.body_kind is not BodyKind.NONE:
        terminal.line()
        terminal.line(f"({len(request.body):,} bytes of {request.body_kind.value}; --format json shows them)")


def _report(completed: CallContext, asked: Invocation) -> int:
    result = completed.result
    if asked.as_json:
        exact = msgspec.json.format(encode_tool_result(result, V2026_07_28, b""))  # numbers stay as they were sent
        asked.terminal.text(exact.decode() + "\n")
    elif completed.failure is not None:
        asked.terminal.error(completed.failure.message, _for_the_operator(completed.failure.hint))
    else:
        _print_result(result, asked.terminal)
    return 1 if result.is_error else 0


def _for_the_operator(hint: str) -> str:
    rest = hint.removeprefix(OPERATOR)
    return hint if rest == hint else rest[:1].upper() + rest[1:]


def _print_result(result: ToolResult, terminal: Terminal) -> None:
    for block in result.content:
        if isinstance(block, TextContent):
            for line in _readable(block.text, terminal).splitlines():
                terminal.line(terminal.clean(line))
        else:
            terminal.line(f"({_kind(block)}; --format json shows it)")


def _readable(text: str, terminal: Terminal) -> str:
    """JSON in lines where a person reads it; a program gets what the API sent."""
    if not terminal.is_tty or not text.startswith(("{", "[")):
        return text
    try:
        return msgspec.json.format(text)
    except msgspec.DecodeError:
        return text


def _kind(block: ContentBlock) -> str:
    match block:
        case ImageContent() | AudioContent():
            return f"{block.mime_type}, {len(base64.b64decode(block.data)):,} bytes"
        case EmbeddedResource():
            return f"{block.mime_type or 'a resource'}, {len(base64.b64decode(block.blob or '')):,} bytes"
        case ResourceLink():
            return f"a link to {block.uri}"
        case TextContent():
            return "text"
        case _:
            assert_never(block)
