"""Headers that repeat the body: decoding, and every way in which the two can disagree."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import encode_header_value, find_invalid_x_mcp_header

from apifold.core.mcp.mirrored import (
    Mirrored,
    argument_mismatch,
    decode_value,
    mirrored_arguments,
    name_mismatch,
)


def wrapped(value: str) -> str:
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("us-west1", "us-west1"),
        ("", ""),
        ("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界"),
        ("=?base64?IHBhZGRlZCA=?=", " padded "),
        ("=?base64?bGluZTEKbGluZTI=?=", "line1\nline2"),
        ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
        ("=?base64??=", ""),
        ("=?base64?=", "=?base64?="),
        ("=?base64?SGVsbG8=", "=?base64?SGVsbG8="),
        ("SGVsbG8=", "SGVsbG8="),
        ("=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?="),
        ("=?base64?SGVsbG8?=", None),
        ("=?base64?SGVs!!!bG8=?=", None),
        ("=?base64?SGVsbG9=?=", None),
        ("=?base64?/w==?=", None),
        ("=?base64?SGVsbG8= ?=", None),
    ],
)
def test_a_header_value_is_decoded_as_the_specification_shows(sent: str, meant: str | None) -> None:
    assert decode_value(sent) == meant


@given(st.text())
def test_what_a_client_encodes_is_what_we_decode(value: str) -> None:
    assert decode_value(encode_header_value(value)) == value


@pytest.mark.parametrize(
    ("method", "params", "headers", "good"),
    [
        ("tools/list", {}, {"mcp-method": "tools/list"}, True),
        ("tools/list", {"name": "x"}, {"mcp-method": "tools/list", "mcp-name": "y"}, True),
        ("tools/list", {}, {}, False),
        ("tools/list", {}, {"mcp-method": "tools/list, tools/list"}, False),
        ("tools/call", {"name": "a"}, {"mcp-method": "tools/call", "mcp-name": "a"}, True),
        ("tools/call", {"name": "é"}, {"mcp-method": "tools/call", "mcp-name": wrapped("é")}, True),
        ("tools/call", {"name": wrapped("a")}, {"mcp-method": "tools/call", "mcp-name": wrapped("a")}, False),
        ("tools/call", {"name": "a"}, {"mcp-method": "tools/call", "mcp-name": "A"}, False),
        ("tools/call", {"name": "a"}, {"mcp-method": "tools/call"}, False),
        ("tools/call", {}, {"mcp-method": "tools/call", "mcp-name": "a"}, False),
        ("tools/call", {"name": 5}, {"mcp-method": "tools/call", "mcp-name": "5"}, False),
        ("prompts/get", {"name": "p"}, {"mcp-method": "prompts/get", "mcp-name": "p"}, True),
        ("resources/read", {"uri": "a://b"}, {"mcp-method": "resources/read", "mcp-name": "a://b"}, True),
        ("resources/read", {"uri": "a://b", "name": "x"}, {"mcp-method": "resources/read", "mcp-name": "x"}, False),
    ],
)
def test_method_and_name_are_the_same_in_headers_and_body(
    method: str, params: Any, headers: dict[str, str], good: bool
) -> None:
    assert (name_mismatch(method, params, headers) == "") is good


REGION, SHARD, DRY = Mirrored(("region",), "mcp-param-region", integer=False), ("shard",), ("opts", "dry")
MIRRORED = (
    REGION,
    Mirrored(SHARD, "mcp-param-shard", integer=True),
    Mirrored(DRY, "mcp-param-dry", integer=False),
)


@pytest.mark.parametrize(
    ("arguments", "sent", "good"),
    [
        ({}, {}, True),
        ({"region": None}, {}, True),
        ({"region": "eu"}, {"region": "eu"}, True),
        ({"region": "eu"}, {"region": wrapped("eu")}, True),
        ({"region": "SGVsbG8="}, {"region": "SGVsbG8="}, True),
        ({"region": "eu"}, {}, False),
        ({"region": "eu"}, {"region": "EU"}, False),
        ({"region": "eu"}, {"region": "=?base64?ZXU?="}, False),
        ({}, {"region": "eu"}, False),
        ({"region": None}, {"region": "null"}, False),
        ({"region": ["eu"]}, {"region": "['eu']"}, False),
        ({"region": ["eu"]}, {}, True),
        ({"region": 5}, {"region": "5"}, True),
        ({"region": True}, {"region": "true"}, True),
        ({"shard": 42}, {"shard": "42"}, True),
        ({"shard": 42}, {"shard": "42.0"}, True),
        ({"shard": 42.0}, {"shard": "42"}, True),
        ({"shard": 42}, {"shard": "42.5"}, False),
        ({"shard": -7}, {"shard": "-7"}, True),
        ({"shard": 42}, {"shard": "4.2e1"}, False),
        ({"shard": 42}, {"shard": "0x2a"}, False),
        ({"shard": 42}, {"shard": "4_2"}, False),
        ({"shard": 2**60 + 1}, {"shard": str(2**60)}, False),
        ({"shard": 1}, {"shard": "1" * 5_000}, False),
        ({"shard": True}, {"shard": "1"}, False),
        ({"opts": {"dry": True}}, {"dry": "true"}, True),
        ({"opts": {"dry": False}}, {"dry": "false"}, True),
        ({"opts": {"dry": True}}, {"dry": "True"}, False),
        ({"opts": {"dry": True}}, {"dry": "1"}, False),
        ({"opts": "x"}, {}, True),
        ({"opts": "x"}, {"dry": "true"}, False),
    ],
)
def test_arguments_are_the_same_in_headers_and_body(arguments: Any, sent: dict[str, str], good: bool) -> None:
    headers = {f"mcp-param-{name}": value for name, value in sent.items()}
    assert (argument_mismatch(MIRRORED, arguments, headers) == "") is good


def test_other_parameter_headers_are_nobodys_business() -> None:
    assert argument_mismatch(MIRRORED, {}, {"mcp-param-other": "x"}) == ""


STRING = {"type": "string", "x-mcp-header": "Region"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"properties": {"region": STRING}}, (REGION,)),
        (
            {"properties": {"a": {"properties": {"b": STRING}}}},
            (Mirrored(("a", "b"), "mcp-param-region", integer=False),),
        ),
        (
            {"properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            (Mirrored(("n",), "mcp-param-n", integer=True),),
        ),
        ({"properties": {}}, ()),
        ({}, ()),
        (True, ()),
        ({"properties": {"region": {"type": "number", "x-mcp-header": "R"}}}, ()),
        ({"properties": {"region": {"x-mcp-header": "R"}}}, ()),
        ({"properties": {"region": {"type": "string", "x-mcp-header": ""}}}, ()),
        ({"properties": {"region": {"type": "string", "x-mcp-header": "a b"}}}, ()),
        ({"properties": {"region": {"type": "string", "x-mcp-header": "a\r\n"}}}, ()),
        ({"properties": {"region": {"type": "string", "x-mcp-header": 5}}}, ()),
        ({"x-mcp-header": "Root", "type": "string"}, ()),
        ({"properties": {"a": STRING, "b": {"type": "string", "x-mcp-header": "REGION"}}}, ()),
        ({"properties": {"list": {"items": STRING}}}, ()),
    ],
)
def test_only_valid_annotations_are_mirrored(schema: Any, expected: tuple[Mirrored, ...]) -> None:
    assert mirrored_arguments(schema) == expected


def test_a_schema_that_clients_drop_mirrors_nothing() -> None:
    schema: Any = {"type": "object", "properties": {"a": STRING, "b": {"type": "number", "x-mcp-header": "B"}}}
    assert find_invalid_x_mcp_header(schema) is not None
    assert mirrored_arguments(schema) == ()
