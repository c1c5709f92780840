"""What holds for every argument: nothing leaves its place, and what was written can be read back."""

import re
from string import ascii_letters
from urllib.parse import parse_qsl, unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from apifold.core.openapi.model import Encoding, Location, Style
from apifold.core.openapi.references import Resolver
from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from apifold.core.requests.model import BodyKind, UpstreamRequest
from apifold.core.requests.multipart import compile_multipart
from apifold.core.requests.serialize import Rule, compile_rule
from apifold.core.values import JSON, JSONObject
from support.hard_cases import sent_parts
from support.plans import media, parameter, plan

TEXT = st.text(max_size=30)
HOSTILE = st.text(alphabet="./\\%2eE5cCfF;?#&=+\r\n\0 é", max_size=12)
SCALAR = st.one_of(TEXT, HOSTILE, st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
KEY = st.one_of(st.text(ascii_letters, min_size=1, max_size=8), st.text(min_size=1, max_size=8))
VALUE: st.SearchStrategy[JSON] = st.recursive(
    st.one_of(st.none(), SCALAR),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEY, inner, max_size=3)),
    max_leaves=8,
)
PATH_STYLES = [Style.SIMPLE, Style.LABEL, Style.MATRIX]
QUERY_STYLES = [Style.FORM, Style.SPACE_DELIMITED, Style.PIPE_DELIMITED, Style.TAB_DELIMITED, Style.DEEP_OBJECT]
URL_TARGET = re.compile(r"/[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]*")


@settings(deadline=None)
@given(st.sampled_from(PATH_STYLES), st.booleans(), st.booleans(), st.one_of(HOSTILE, VALUE), st.one_of(HOSTILE, VALUE))
def test_path_arguments_never_leave_their_segments(
    style: Style, explode: bool, allow_reserved: bool, first: JSON, second: JSON
) -> None:
    one = plan(
        "GET",
        "/a/{first}{second}/{first}.json/z",
        parameter("first", "path", style=style, explode=explode, allow_reserved=allow_reserved),
        parameter("second", "path", allow_reserved=allow_reserved),
    )
    try:
        target = build_request(one, {"first": first, "second": second}).target
    except InvalidArguments:
        return
    assert URL_TARGET.fullmatch(target)
    assert "?" not in target
    segments = target.split("/")
    assert len(segments) == 6
    assert (segments[:3], segments[5]) == (["", "v1", "a"], "z")
    assert segments[4].endswith(".json")
    assert not {unquote(segment) for segment in segments} & {".", ".."}


@settings(deadline=None)
@given(st.sampled_from(QUERY_STYLES), st.booleans(), st.booleans(), VALUE, KEY)
def test_query_arguments_never_leave_the_query(
    style: Style, explode: bool, allow_reserved: bool, value: JSON, name: str
) -> None:
    declared = parameter(name, style=style, explode=explode, allow_reserved=allow_reserved)
    try:
        target = build_request(plan("GET", "/x", declared), {name: value}).target
    except InvalidArguments:
        return
    assert URL_TARGET.fullmatch(target)
    assert target.split("?")[0] == "/v1/x"


@settings(deadline=None)
@given(st.sampled_from(["header", "cookie"]), st.booleans(), VALUE)
def test_no_header_ever_holds_a_line_break_or_control_character(location: str, explode: bool, value: JSON) -> None:
    one = plan(
        "POST",
        "/x",
        parameter("h", location, explode=explode),
        parameter("c", "cookie", style=Style.COOKIE, explode=explode),
        body=[media("application/json"), media("multipart/form-data"), media("*/*")],
    )
    for content_type in ("application/json", "multipart/form-data", "application/x"):
        arguments: JSONObject = {"h": value, "c": value, "body": {"f": value}, "_contentType": content_type}
        try:
            sent = build_request(one, arguments)
        except InvalidArguments:
            continue
        for name, text in sent.headers:
            assert re.fullmatch(r"[\t\x20-\x7e]*", text), name


def leaves(name: str, value: JSON) -> list[tuple[str, str]]:
    """The pairs that a deep object is, spelled out once more and independently."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in leaves(f"{name}[{key}]", item)]
    if isinstance(value, list):
        return [pair for at, item in enumerate(value) for pair in leaves(f"{name}[{at}]", item)]
    return [] if value is None else [(name, str(value))]


WORD = st.one_of(st.text(max_size=10), st.integers().map(str))
WORDS = st.recursive(
    st.one_of(st.none(), WORD),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEY, inner, max_size=3)),
    max_leaves=8,
)


@settings(deadline=None)
@given(KEY, st.dictionaries(KEY, WORDS, max_size=4))
def test_deep_objects_can_be_read_back(name: str, value: JSONObject) -> None:
    text = compile_rule(Rule(name, Location.QUERY, Style.DEEP_OBJECT, explode=True))(value)
    assert parse_qsl(text or "", keep_blank_values=True) == leaves(name, value)


@settings(deadline=None)
@given(KEY, st.lists(WORD, min_size=1, max_size=4), st.sampled_from(QUERY_STYLES[:4]))
def test_arrays_can_be_read_back_in_both_forms(name: str, value: list[JSON], style: Style) -> None:
    exploded = compile_rule(Rule(name, Location.QUERY, style, explode=True))(value)
    assert parse_qsl(exploded or "", keep_blank_values=True) == [(name, item) for item in value]
    joined = compile_rule(Rule(name, Location.QUERY, Style.FORM, explode=False))(value)
    assert [unquote(item) for item in (joined or "").partition("=")[2].split(",")] == value


@settings(deadline=None)
@given(st.dictionaries(KEY, st.one_of(WORD, st.lists(WORD, min_size=1, max_size=3)), max_size=4))
def test_form_bodies_can_be_read_back(value: JSONObject) -> None:
    one = plan("POST", "/x", body=[media("application/x-www-form-urlencoded", {})])
    body = build_request(one, {"body": value}).body.decode("ascii")
    expected = [(name, text) for name, item in value.items() for text in (item if isinstance(item, list) else [item])]
    assert parse_qsl(body, keep_blank_values=True) == expected


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(ascii_letters, min_size=1, max_size=8), st.one_of(TEXT, HOSTILE, st.just("--apifold-")), max_size=4
    )
)
def test_multipart_bodies_can_be_read_back(value: dict[str, str]) -> None:
    one = media("multipart/form-data", {}, {"x": Encoding()})
    body, content_type = compile_multipart(one, Resolver({"": {}}))(dict(value))
    boundary = content_type.partition("boundary=")[2].encode()
    assert body.count(b"--" + boundary) == len(value) + 1
    if value:
        request = UpstreamRequest("POST", None, "/", (("Content-Type", content_type),), body, BodyKind.MULTIPART, False)
        assert {part.name: part.file.content for part in sent_parts(request)} == {
            name: text.encode() for name, text in value.items()
        }
