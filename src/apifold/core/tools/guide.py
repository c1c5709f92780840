"""What a model may read about a server besides its list of tools: instructions, an index of all operations, and one page
per operation. Text and JSON of bounded size; what does not fit is counted.
"""

from collections.abc import Mapping, Sequence

import msgspec

from apifold.core.openapi.document import Document
from apifold.core.openapi.model import MediaType, Node, Operation, Response
from apifold.core.openapi.references import Resolver, Unresolved
from apifold.core.tools.model import Tool, ToolInput
from apifold.core.tools.text import clean, clean_line, visible
from apifold.core.values import JSON, JSONObject

INDEX_BYTES = 50_000
PAGE_BYTES = 100_000
INDEX_URI = "openapi://spec"
OPERATION_URI = "openapi://operations/"
OPERATION_TEMPLATE = "openapi://operations/{name}"
_INSTRUCTIONS = 512
_FEW = 20
_SUMMARY = 120
_LONGEST_TAG_LIST = 40
_SCHEMA_DEPTH = 12
_SCHEMA_NODES = 2_000
_NESTED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LEFT_OUT = frozenset({"example", "examples", "xml", "externalDocs", "discriminator"})


def instructions(document: Document, tools: Sequence[Tool], *, server: str) -> str:
    """What a client shows its model about the server: at most 512 characters, for that is what Codex reads."""
    title = clean_line(document.info.title, 80) or "This API"
    where = f" at {clean_line(server, 80)}" if server else ""
    opening = f"{title}{where}: {len(tools):,} tools, one per API operation."
    usage = [
        "Each argument is a parameter of the operation; a request body goes in `body`.",
        f"Read {INDEX_URI} for all operations, {OPERATION_TEMPLATE} for one in full, its answers included.",
        "Long answers are cut on whole items and say so: ask for smaller pages or fewer fields then.",
    ]
    room = _INSTRUCTIONS - len(" ".join([opening, *usage])) - 1
    about = clean_line(document.info.summary or document.info.description, min(room, 200)) if room > _FEW else ""
    return " ".join(part for part in (opening, about, *usage) if part)


def index(document: Document, tools: Sequence[Tool], *, server: str, limit: int = INDEX_BYTES) -> str:
    """All operations in Markdown, one line each, under their first tag. At most `limit` bytes of UTF-8."""
    lines = _head(document, tools, server)
    room = limit - 200 - sum(_size(line) for line in lines)
    shown = 0
    for tag, group in _grouped(tools).items():
        heading = f"\n## {tag}\n" if tag else "\n## Other operations\n"
        entries = [_entry(tool) for tool in group]
        if _size(heading) + _size(entries[0]) > room:
            break
        lines.append(heading)
        room -= _size(heading)
        for entry in entries:
            if _size(entry) > room:
                break
            lines.append(entry)
            room -= _size(entry)
            shown += 1
    if shown < len(tools):
        lines.append(
            f"\n{len(tools) - shown:,} of {len(tools):,} operations are not shown here for their number. "
            "The list of tools has them all."
        )
    return "\n".join(lines)


def operation_page(document: Document, tool: Tool, tool_input: ToolInput, *, server: str) -> JSONObject:
    """One operation in full, at most about 100 kB: how it is called, what it takes, what it answers."""
    operation = tool.operation
    page: JSONObject = {
        "tool": tool.name,
        "method": operation.method,
        "path": operation.path,
        "server": server,
        "operationId": operation.operation_id,
        "summary": clean_line(operation.summary, 500),
        "description": clean(operation.description, 8_000),
        "tags": list(operation.tags),
        "deprecated": operation.deprecated,
        "security": [{name: list(scopes) for name, scopes in one.schemes} for one in operation.security],
        "arguments": {a.name: {"in": a.location, "name": a.wire_name, "required": a.required} for a in tool.arguments},
        "inputSchema": tool_input.schema,
    }
    responses = _responses(operation, document.resolver)
    if len(msgspec.json.encode([page, responses])) > PAGE_BYTES:
        responses = {status: _without_schemas(answer) for status, answer in responses.items()}
    page["responses"] = responses
    if len(msgspec.json.encode(page)) > PAGE_BYTES:
        page["inputSchema"] = {"type": "object", "description": "left out for its size; the list of tools has it"}
    return page


def _size(line: str) -> int:
    return len(line.encode()) + 1


def _head(document: Document, tools: Sequence[Tool], server: str) -> list[str]:
    info = document.info
    lines = [f"# {clean_line(info.title, 200) or 'API'} {clean_line(info.version, 50)}".rstrip(), ""]
    about = clean(info.description or info.summary, 1_500)
    if about:
        lines += [about, ""]
    lines.append(f"- {len(tools):,} operations; OpenAPI {document.dialect.value}")
    if server:
        lines.append(f"- Server: {server}")
    used = {tag for tool in tools for tag in tool.operation.tags}
    told = [(tag, clean_line(text, _SUMMARY)) for tag, text in document.tags.items() if tag in used and text]
    lines += [f"- Tag {clean_line(tag, 60)}: {text}" for tag, text in told[:_LONGEST_TAG_LIST]]
    lines.append(f"- One operation in full: {OPERATION_TEMPLATE}")
    return lines


def _grouped(tools: Sequence[Tool]) -> Mapping[str, list[Tool]]:
    groups: dict[str, list[Tool]] = {}
    for tool in tools:
        tags = tool.operation.tags
        groups.setdefault(clean_line(tags[0], 60) if tags else "", []).append(tool)
    return groups


def _entry(tool: Tool) -> str:
    operation = tool.operation
    summary = clean_line(operation.summary or operation.description, _SUMMARY)
    deprecated = " (deprecated)" if operation.deprecated else ""
    said = f" — {summary}" if summary else ""
    return f"- {tool.name}: {operation.method} {visible(operation.path)}{said}{deprecated}"


# --- answers ---------------------------------------------------------------------------------------------------------


def _responses(operation: Operation, resolver: Resolver) -> dict[str, JSON]:
    return {response.status: _response(response, resolver) for response in operation.responses}


def _response(response: Response, resolver: Resolver) -> JSON:
    return {
        "description": clean(response.description, 1_000),
        "content": {media.content_type: _media(media, resolver) for media in response.content},
    }


def _media(media: MediaType, resolver: Resolver) -> JSON:
    return {} if media.schema is None else {"schema": _Inliner(resolver).inlined(media.schema)}


def _without_schemas(answer: JSON) -> JSON:
    if not isinstance(answer, dict) or not isinstance(content := answer.get("content"), dict):
        return answer
    return {**answer, "content": {media: {"schema": "left out for its size"} for media in content}}


class _Inliner:
    """A schema with its references written out, as far as it goes: for reading, not for validating."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._nodes = _SCHEMA_NODES

    def inlined(self, node: Node, depth: int = 0) -> JSON:
        self._nodes -= 1
        value = node.value
        if not isinstance(value, dict):
            return value
        if depth > _SCHEMA_DEPTH or self._nodes < 0:
            return {"description": "(further levels are left out)"}
        reference = value.get("$ref")
        if isinstance(reference, str):
            try:
                return self.inlined(self._resolver.resolve(reference, node.base), depth + 1)
            except Unresolved:
                return {"description": "(a reference that leads nowhere)"}
        return {key: self._member(key, member, node.base, depth) for key, member in value.items() if _is_told(key)}

    def _member(self, key: str, member: JSON, base: str, depth: int) -> JSON:
        if key == "description" and isinstance(member, str):
            return clean(member, 500)
        if isinstance(member, list):
            return [self.inlined(Node(item, base), depth + 1) for item in member]
        if not isinstance(member, dict):
            return member
        if key in _NESTED_SCHEMAS:
            return {name: self.inlined(Node(schema, base), depth + 1) for name, schema in member.items()}
        return self.inlined(Node(member, base), depth + 1)


def _is_told(key: str) -> bool:
    return key not in _LEFT_OUT and not key.startswith("x-")
