"""JSON-RPC 2.0 as MCP narrows it: bytes to messages and back.

Decides what is one message, what is a batch, and what is neither; knows nothing of methods. The values are msgspec
structs because one is made for every call.
"""

import re
from array import array
from itertools import accumulate
from typing import TypeAlias

import msgspec

from apifold.core.limits import WIRE, WireLimits
from apifold.core.mcp.codes import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from apifold.core.values import JSON, JSONObject

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.encode

NO_ID = b"null"
"""JSON-RPC 2.0, 5: the id of an answer to something whose id could not be read."""

_SHORTEST_DEEP = 2
"""A value nested n deep takes at least 2n bytes."""
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Possessive, and happy without a closing quote: no input makes it look at a byte twice."""
_STEPS = bytes(1 if c in b"[{" else 255 if c in b"]}" else 0 for c in range(256))
_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")


class Request(msgspec.Struct, frozen=True):
    id: bytes
    """The id as JSON: `3` and `"3"` are two ids."""
    method: str
    params: JSONObject


class Notification(msgspec.Struct, frozen=True):
    method: str
    params: JSONObject


class Response(msgspec.Struct, frozen=True):
    """The client's answer to a request of ours (revisions up to 2025-11-25)."""

    id: JSON
    result: JSONObject
    error: JSONObject | None


class Malformed(msgspec.Struct, frozen=True):
    """Not a message; what to say about it."""

    code: int
    message: str
    id: bytes = NO_ID


Message: TypeAlias = Request | Notification | Response | Malformed


class Batch(msgspec.Struct, frozen=True):
    messages: tuple[Message, ...]


def parse(data: bytes, *, limits: WireLimits = WIRE) -> Message | Batch:
    """One JSON text to what it says. Never raises."""
    if len(data) > limits.json_depth * _SHORTEST_DEEP:
        containers, depth = shape(data, limits=limits)
        if containers > limits.json_containers:
            most = f"{limits.json_containers:,}"
            return Malformed(INVALID_REQUEST, f"The message has more than {most} objects and arrays")
        if depth > limits.json_depth:
            return Malformed(INVALID_REQUEST, f"The message is nested deeper than {limits.json_depth} levels")
    try:
        value: JSON = _decode(data)
    except (ValueError, RecursionError):
        return Malformed(PARSE_ERROR, "Parse error: the body is not valid JSON in UTF-8")
    if isinstance(value, dict):
        return _message(value)
    if not isinstance(value, list):
        return Malformed(INVALID_REQUEST, "A message is a JSON object")
    if not value:
        return Malformed(INVALID_REQUEST, "A batch holds at least one message")
    if len(value) > limits.batch:
        return Malformed(INVALID_REQUEST, f"A batch holds at most {limits.batch} messages")
    return Batch(tuple(_message(item) for item in value))


def shape(data: bytes, *, limits: WireLimits = WIRE) -> tuple[int, int]:
    """Upper bounds on how many objects and arrays a JSON text has, and on how deep they are nested; exact when there are
    many, but the depth is not looked for when there are too many. For invalid text, some numbers.
    """
    containers = data.count(b"[") + data.count(b"{")
    if containers <= limits.json_depth:
        return containers, containers
    brackets = _STRINGS.sub(b"", data).translate(_STEPS, _NOT_BRACKETS)
    containers = brackets.count(1)
    if containers > limits.json_containers:
        return containers, containers
    return containers, max(accumulate(array("b", brackets)), default=0)


def _message(value: JSON) -> Message:
    if not isinstance(value, dict):
        return Malformed(INVALID_REQUEST, "A message is a JSON object")
    if "method" in value:
        return _call(value)
    identifier = value.get("id")
    if value.get("jsonrpc") != "2.0" or ("result" in value) == ("error" in value):
        return Malformed(INVALID_REQUEST, "Neither a request nor a notification nor a response", _spoken_id(identifier))
    result, error = value.get("result"), value.get("error")
    return Response(
        identifier, result if isinstance(result, dict) else {}, error if isinstance(error, dict) else _no_error(value)
    )


def _no_error(value: JSONObject) -> JSONObject | None:
    return {} if "error" in value else None


def _call(value: JSONObject) -> Message:
    """A request or a notification, by whether there is an `id` (JSON-RPC 2.0, 4.1)."""
    method, params = value["method"], value.get("params")
    if "id" not in value:
        if value.get("jsonrpc") != "2.0" or not isinstance(method, str):
            return Malformed(INVALID_REQUEST, 'A notification has "jsonrpc": "2.0" and a method')
        return Notification(method, params if isinstance(params, dict) else {})
    identifier = value["id"]
    kind = type(identifier)
    if kind is not int and kind is not str:  # a bool is an int to Python, and a MUST NOT to MCP, as null is
        return Malformed(INVALID_REQUEST, "The id of a request is a string or an integer")
    spoken = encode(identifier)
    if value.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return Malformed(INVALID_REQUEST, 'A request has "jsonrpc": "2.0" and a method', spoken)
    if params is None:
        return Request(spoken, method, {})
    if not isinstance(params, dict):
        return Malformed(INVALID_PARAMS, "params is an object", spoken)
    return Request(spoken, method, params)


def _spoken_id(value: JSON) -> bytes:
    return encode(value) if type(value) in {int, str} else NO_ID


def error_body(identifier: bytes, code: int, message: str, data: JSON = None) -> bytes:
    """A JSON-RPC error response. `data` is left out when it is `None`."""
    tail = b"" if data is None else b',"data":' + encode(data)
    text = encode(message)
    return b'{"jsonrpc":"2.0","id":%b,"error":{"code":%d,"message":%b%b}}' % (identifier, code, text, tail)


def notification_body(method: str, params: JSONObject) -> bytes:
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def request_body(identifier: str, method: str, params: JSONObject) -> bytes:
    """A request of ours to the client."""
    return encode({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
