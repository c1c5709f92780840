"""Bytes to messages: what is one, what is a batch, what is neither."""

import json
import time

import msgspec
import pytest

from apifold.core.limits import WireLimits
from apifold.core.mcp.messages import (
    Batch,
    Malformed,
    Notification,
    Request,
    Response,
    error_body,
    notification_body,
    parse,
    request_body,
    shape,
)

PARSE, INVALID, PARAMS = -32700, -32600, -32602


def said(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (said(id=1, method="ping"), Request(b"1", "ping", {})),
        (said(id="a", method="ping", params={}), Request(b'"a"', "ping", {})),
        (said(id=0, method="m", params={"x": [1]}), Request(b"0", "m", {"x": [1]})),
        (said(id=-7, method="m", params=None), Request(b"-7", "m", {})),
        (said(id=2**70, method="m"), Request(b"1180591620717411303424", "m", {})),
        (said(id="", method="m"), Request(b'""', "m", {})),
        (said(id='"\n', method="m"), Request(rb'"\"\n"', "m", {})),
        (said(method="notifications/x"), Notification("notifications/x", {})),
        (said(method="n", params={"a": 1}), Notification("n", {"a": 1})),
        (said(method="n", params=[1]), Notification("n", {})),
        (said(id="q1", result={"a": 1}), Response("q1", {"a": 1}, None)),
        (said(id="q1", error={"code": 1, "message": "no"}), Response("q1", {}, {"code": 1, "message": "no"})),
        (said(id="q1", error="odd"), Response("q1", {}, {})),
        (b" \n" + said(id=1, method="ping") + b"\n", Request(b"1", "ping", {})),
    ],
)
def test_a_message_is_read_for_what_it_is(data: bytes, expected: object) -> None:
    assert parse(data) == expected


@pytest.mark.parametrize(
    ("data", "code", "identifier"),
    [
        (b"", PARSE, b"null"),
        (b"{", PARSE, b"null"),
        (b'{"jsonrpc":"2.0",}', PARSE, b"null"),
        (b"\xef\xbb\xbf{}", PARSE, b"null"),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE, b"null"),
        (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', PARSE, b"null"),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"m"}', PARSE, b"null"),
        (b"{}{}", PARSE, b"null"),
        (b"NaN", PARSE, b"null"),
        (b"1", INVALID, b"null"),
        (b"null", INVALID, b"null"),
        (b'"ping"', INVALID, b"null"),
        (b"{}", INVALID, b"null"),
        (b"[]", INVALID, b"null"),
        (said(id=None, method="m"), INVALID, b"null"),
        (said(id=True, method="m"), INVALID, b"null"),
        (said(id=1.5, method="m"), INVALID, b"null"),
        (said(id=[1], method="m"), INVALID, b"null"),
        (said(id={}, method="m"), INVALID, b"null"),
        (b'{"id":1,"method":"m"}', INVALID, b"1"),
        (b'{"jsonrpc":"1.0","id":"x","method":"m"}', INVALID, b'"x"'),
        (b'{"jsonrpc":2.0,"id":1,"method":"m"}', INVALID, b"1"),
        (said(id=1, method=5), INVALID, b"1"),
        (said(method=None), INVALID, b"null"),
        (b'{"method":"n"}', INVALID, b"null"),
        (said(id=4, method="m", params=[1, 2]), PARAMS, b"4"),
        (said(id=4, method="m", params="x"), PARAMS, b"4"),
        (said(id=4), INVALID, b"4"),
        (said(id=4, result={}, error={}), INVALID, b"4"),
    ],
)
def test_what_is_no_message_is_named_by_code_and_id(data: bytes, code: int, identifier: bytes) -> None:
    found = parse(data)
    assert isinstance(found, Malformed)
    assert (found.code, found.id) == (code, identifier)


def test_a_batch_keeps_its_messages_in_order_and_what_is_wrong_among_them() -> None:
    found = parse(b'[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},7]')
    assert isinstance(found, Batch)
    assert found.messages[:2] == (Request(b"1", "a", {}), Notification("b", {}))
    assert isinstance(found.messages[2], Malformed)


def test_a_batch_is_bounded() -> None:
    limits = WireLimits(batch=2)
    one = said(method="n")
    assert isinstance(parse(b"[%b,%b]" % (one, one), limits=limits), Batch)
    assert isinstance(parse(b"[%b,%b,%b]" % (one, one, one), limits=limits), Malformed)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_before_it_is_decoded(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    value = opening * 100_000 + b"1" + closing * 100_000
    found = parse(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":%b}}' % value)
    assert isinstance(found, Malformed)
    assert found.code == INVALID


def test_nesting_up_to_the_bound_is_taken_and_one_more_is_not() -> None:
    def nested(levels: int) -> bytes:
        return b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":%b}}' % (b"[" * levels + b"]" * levels)

    assert isinstance(parse(nested(198)), Request)
    assert isinstance(parse(nested(199)), Malformed)


def test_many_shallow_values_are_not_deep() -> None:
    value = b",".join([b'{"a":["]]]{{{",[]]}'] * 5_000)
    assert shape(b"[%b]" % value) == (15_001, 4)
    assert isinstance(parse(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":[%b]}}' % value), Request)


@pytest.mark.parametrize(
    "hostile", [b'"' + b'\\"' * 2_000_000, b'["' * 1_000_000, b"[]," * 1_300_000, b"\\" * 4_000_000]
)
def test_looking_for_depth_takes_time_in_proportion_to_the_input(hostile: bytes) -> None:
    began = time.process_time()
    shape(b"[" * 300 + hostile)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (b"[],", "more than 200,000 objects and arrays"),
        (b'{"a":{}},', "more than 200,000 objects and arrays"),
        (b"[", "more than 200,000 objects and arrays"),
    ],
)
def test_a_message_of_too_many_parts_is_refused_before_it_is_read(hostile: bytes, words: str) -> None:
    began = time.process_time()
    found = parse(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":[%b[]]}}' % (hostile * 500_000))
    assert isinstance(found, Malformed)
    assert (found.code, words in found.message) == (INVALID, True)
    assert time.process_time() - began < 0.5


def test_brackets_in_text_are_no_parts() -> None:
    text = "[{" * 300_000
    assert parse(said(id=1, method="m", params={"x": text})) == Request(b"1", "m", {"x": text})


def test_a_number_too_large_for_a_double_is_no_json_here() -> None:
    assert isinstance(parse(said(id=1, method="m")[:-1] + b',"params":{"x":1e400}}'), Malformed)


def test_bodies_are_json_with_the_id_as_it_came() -> None:
    assert json.loads(error_body(b'"x"', -32602, 'say "no"', {"uri": "a"})) == {
        "jsonrpc": "2.0",
        "id": "x",
        "error": {"code": -32602, "message": 'say "no"', "data": {"uri": "a"}},
    }
    assert json.loads(error_body(b"null", -32700, "no")) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "no"},
    }
    assert msgspec.json.decode(notification_body("n", {"a": 1})) == {
        "jsonrpc": "2.0",
        "method": "n",
        "params": {"a": 1},
    }
    asked = {"jsonrpc": "2.0", "id": "q1", "method": "m", "params": {}}
    assert msgspec.json.decode(request_body("q1", "m", {})) == asked
