"""The hard cases of the corpus: operations of real documents, an input, and the request that is right for it."""

import base64
import json
from collections import Counter
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from enum import StrEnum
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from apifold.bootstrap.sources import load_path
from apifold.core.requests.binary import Binary
from apifold.core.requests.model import UpstreamRequest
from apifold.core.tools.compiler import Catalogue, compile_tools
from apifold.core.tools.model import Role, Tool
from apifold.core.values import JSON, JSONObject
from support.corpus import CORPUS, available


class Verdict(StrEnum):
    EXACT = "exact"
    ACCEPTED = "accepted"
    """One of the other spellings that the case lists."""
    EQUIVALENT = "equivalent"
    """Same decoded path segments, same decoded query pairs in any order."""
    WRONG = "wrong"


class Input(msgspec.Struct, forbid_unknown_fields=True):
    path: dict[str, Any] = {}
    query: dict[str, Any] = {}
    header: dict[str, Any] = {}
    cookie: dict[str, Any] = {}
    body: Any = msgspec.UNSET
    content_type: str = ""


class Expect(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    server: str
    url_path_and_query: str
    accept_also_urls: list[str]
    headers: dict[str, str]
    absent_headers: list[str]
    body_kind: str
    body: Any
    accept_also_bodies: list[Any]
    accept_also_content_types: list[str]


class Case(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    spec_file: str
    operation: str
    tags: list[str]
    tool_input: Input
    expect: Expect
    basis: str
    note: str


def load_cases() -> list[Case]:
    if not available():
        return []
    return msgspec.json.decode((CORPUS / "hard_cases.json").read_bytes(), type=list[Case])


@cache
def catalogue(spec_file: str) -> Catalogue:
    return compile_tools(load_path(CORPUS / "specs" / spec_file))


def find_tool(case: Case) -> Tool:
    """The tool of a case; the method of an additional operation keeps the letter case of its key (3.2)."""
    method, _, path = case.operation.partition(" ")
    found = [
        tool
        for tool in catalogue(case.spec_file)
        if tool.operation.path == path and tool.operation.method.upper() == method.upper()
    ]
    assert len(found) == 1, case.operation
    return found[0]


def arguments_of(case: Case, tool: Tool) -> JSONObject:
    """The neutral input under the tool's argument names."""
    given = {"path": case.tool_input.path, "query": case.tool_input.query}
    given |= {"header": case.tool_input.header, "cookie": case.tool_input.cookie}
    names = {(one.location, one.wire_name): one.name for one in tool.arguments if one.role is Role.PARAMETER}
    arguments: JSONObject = {
        names[location, name]: value for location, values in given.items() for name, value in values.items()
    }
    if case.tool_input.body is not msgspec.UNSET:
        arguments["body"] = with_files(case.tool_input.body)
    if case.tool_input.content_type:
        arguments["_contentType"] = case.tool_input.content_type
    return arguments


def with_files(value: Any) -> JSON:
    """The body with our spelling of a file for `{"$file": ...}`."""
    if isinstance(value, list):
        return [with_files(item) for item in value]
    if not isinstance(value, dict):
        return msgspec.convert(value, type=None | bool | int | float | str)
    if "$file" not in value:
        return {name: with_files(item) for name, item in value.items()}
    file = value["$file"]
    spelled: JSONObject = {"content": file["base64"]}
    if file["filename"]:
        spelled["filename"] = file["filename"]
    if file["content_type"]:
        spelled["contentType"] = file["content_type"]
    return spelled


# --- judging ---------------------------------------------------------------------------------------------------------


def judge_url(expect: Expect, target: str) -> Verdict:
    if target == expect.url_path_and_query:
        return Verdict.EXACT
    if target in expect.accept_also_urls:
        return Verdict.ACCEPTED
    wanted = [expect.url_path_and_query, *expect.accept_also_urls]
    return Verdict.EQUIVALENT if _decoded(target) in map(_decoded, wanted) else Verdict.WRONG


def _decoded(target: str) -> tuple[list[str], Counter[tuple[str, str]]]:
    path, _, query = target.partition("?")
    return [unquote(segment) for segment in path.split("/")], Counter(parse_qsl(query, keep_blank_values=True))


def judge_headers(expect: Expect, request: UpstreamRequest) -> list[str]:
    """What is wrong with the headers; empty when they are right."""
    sent = {name.lower(): value for name, value in request.headers}
    wrong = [f"{name} is sent" for name in expect.absent_headers if name.lower() in sent]
    for name, value in expect.headers.items():
        accepted = [value, *(expect.accept_also_content_types if name == "content-type" else [])]
        if sent.get(name) not in accepted:
            wrong.append(f"{name}: {sent.get(name)!r}, not {value!r}")
    return wrong


def judge_body(expect: Expect, request: UpstreamRequest) -> bool:
    kind, body = expect.body_kind, request.body
    if kind == "none":
        return body == b""
    if kind == "json":
        return bool(json.loads(body) == expect.body)
    if kind == "form":
        sent = Counter(parse_qsl(body.decode("ascii"), keep_blank_values=True))
        return any(sent == Counter(map(tuple, pairs)) for pairs in [expect.body, *expect.accept_also_bodies])
    if kind == "raw":
        wanted = expect.body
        return body == (wanted["text"].encode() if "text" in wanted else base64.b64decode(wanted["$base64"]))
    return _judge_parts(expect, request)


@dataclass(frozen=True)
class SentPart:
    name: str
    file: Binary


def sent_parts(request: UpstreamRequest) -> list[SentPart]:
    content_type = dict(request.headers)["Content-Type"]
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + request.body)
    assert not message.defects
    parts = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        named = part["content-disposition"].params
        file = Binary(content, named.get("filename", ""), str(part["content-type"] or "").partition(";")[0])
        parts.append(SentPart(named["name"], file))
    return parts


def _judge_parts(expect: Expect, request: UpstreamRequest) -> bool:
    content_type = dict(request.headers)["Content-Type"]
    subtype = "multipart/form-data" if expect.body_kind == "multipart" else "multipart/related"
    sent = {part.name: part.file for part in sent_parts(request)}
    if not content_type.startswith(f"{subtype}; boundary=") or sent.keys() != {part["name"] for part in expect.body}:
        return False
    return all(_is_part(part, sent[part["name"]]) for part in expect.body)


def _is_part(wanted: dict[str, Any], sent: Binary) -> bool:
    if "content_type" in wanted and sent.content_type != wanted["content_type"]:
        return False
    if "filename" in wanted and sent.filename != wanted["filename"]:
        return False
    if "json" in wanted:
        return bool(json.loads(sent.content) == wanted["json"])
    return sent.content == (wanted["value"].encode() if "value" in wanted else base64.b64decode(wanted["base64"]))
