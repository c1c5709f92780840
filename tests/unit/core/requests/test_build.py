"""Whole requests: what is put where, what is sent unasked, and what is refused."""

import pytest

from apifold.core.errors import ErrorCategory
from apifold.core.limits import CALL
from apifold.core.openapi.model import Location, MediaType, Response, Server, Style
from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import RequestTooLarge, build_request
from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest
from apifold.core.requests.plan import UncallableOperation
from apifold.core.requests.servers import Base, ServerChoice
from apifold.core.values import JSON, JSONObject
from support.plans import media, parameter, plan

JSON_BODY = media("application/json")
STRING: JSON = {"type": "string"}
FILE: JSON = {"type": "string", "format": "binary"}
PNG: JSONObject = {"content": "iVBORw==", "filename": "x.png", "contentType": "image/png"}


def answer(*content_types: str, status: str = "200") -> Response:
    return Response(status, "", tuple(MediaType(name, None) for name in content_types))


def test_the_whole_request_of_a_call() -> None:
    one = plan(
        "PUT",
        "/pets/{id}",
        parameter("id", "path"),
        parameter("dry", "query"),
        parameter("X-Trace", "header"),
        parameter("session", "cookie"),
        body=[JSON_BODY],
        responses=[answer("application/json")],
    )
    arguments: JSONObject = {"id": 7, "dry": True, "X-Trace": "t", "session": "s 1", "body": {"name": None}}
    assert build_request(one, arguments) == UpstreamRequest(
        method="PUT",
        origin=Origin("https", "api.example.com", 443),
        target="/v1/pets/7?dry=true",
        headers=(
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, br, zstd"),
            ("User-Agent", "APIFold"),
            ("Content-Type", "application/json"),
            ("X-Trace", "t"),
            ("Cookie", "session=s%201"),
        ),
        body=b'{"name":null}',
        body_kind=BodyKind.JSON,
        idempotent=True,
    )


@pytest.mark.parametrize(
    ("method", "idempotent"),
    [
        *((method, True) for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY")),
        *((method, False) for method in ("POST", "PATCH", "LINK")),
    ],
)
def test_idempotent_methods_are_those_of_rfc_9110(method: str, idempotent: bool) -> None:
    assert build_request(plan(method), {}).idempotent is idempotent


def test_a_method_that_http_does_not_allow_is_refused_when_the_plan_is_made() -> None:
    with pytest.raises(UncallableOperation):
        plan("GET / HTTP/1.1\r\nX: 1")


# --- servers ---------------------------------------------------------------------------------------------------------


def test_another_base_stands_over_the_plans() -> None:
    other = Base(Origin("http", "127.0.0.1", 80), "/api")
    sent = build_request(plan("GET", "/x"), {}, base=other)
    assert (str(sent.origin), sent.target) == ("http://127.0.0.1", "/api/x")


def test_a_relative_server_gives_a_relative_url() -> None:
    sent = build_request(plan("GET", "/x", servers=[Server("/v1")]), {})
    assert (sent.origin, sent.url) == (None, "/v1/x")


def test_a_base_url_replaces_scheme_host_and_base_path() -> None:
    one = plan("GET", "/x", choice=ServerChoice(base_url="http://localhost:8080/b/"))
    assert build_request(one, {}).url == "http://localhost:8080/b/x"


# --- query -----------------------------------------------------------------------------------------------------------


def test_parameters_are_written_in_the_order_of_the_document() -> None:
    one = plan("GET", "/x", parameter("b"), parameter("a"), parameter("c"))
    assert build_request(one, {"c": 1, "a": 2, "b": 3}).target == "/v1/x?b=3&a=2&c=1"


def test_what_is_not_given_is_not_sent_though_it_has_a_default() -> None:
    one = plan("GET", "/x", parameter("limit", schema={"type": "integer", "default": 10}))
    assert build_request(one, {}).target == "/v1/x"


@pytest.mark.parametrize("schema", [{"default": "2026-01"}, {"const": "2026-01"}, {"enum": ["2026-01"]}])
def test_a_required_parameter_that_the_document_gives_a_value_for_is_sent_unasked(schema: JSON) -> None:
    one = plan(
        "GET",
        "/{v}/x",
        parameter("v", "path", schema={"default": "v9"}),
        parameter("revision", "header", required=True, schema=schema),
        required=["v", "revision"],
    )
    sent = build_request(one, {})
    assert (sent.target, sent.headers[-1]) == ("/v1/v9/x", ("revision", "2026-01"))
    assert build_request(one, {"revision": "2025-01"}).headers[-1] == ("revision", "2025-01")
    assert build_request(one, {"revision": None}).headers[-1] == ("revision", "2026-01")


def test_a_default_gives_way_to_a_value_under_the_wire_name() -> None:
    version = parameter("api/version", required=True, schema={"default": 1})
    one = plan("GET", "/x", version, names={"api/version": "api_version"}, required=["api_version"])
    assert build_request(one, {"api/version": 2}).target == "/v1/x?api%2Fversion=2"
    assert build_request(one, {}).target == "/v1/x?api%2Fversion=1"


def test_the_querystring_as_one_value() -> None:
    form = media("application/x-www-form-urlencoded", {})
    one = plan("GET", "/x", parameter("all", "querystring", content=form))
    assert build_request(one, {"all": {"a": ["1", "2"], "b": "x y"}}).target == "/v1/x?a=1&a=2&b=x%20y"
    assert build_request(one, {"all": {}}).target == "/v1/x"


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("responses", "accept"),
    [
        ([], "*/*"),
        ([answer()], "*/*"),
        ([answer("application/json")], "application/json"),
        ([answer("application/xml", "application/json; charset=utf-8")], "application/json; charset=utf-8"),
        ([answer("text/csv", "application/hal+json", "application/json")], "application/json"),
        ([answer("text/csv", "application/hal+json")], "application/hal+json"),
        ([answer("image/png", "text/html")], "image/png"),
        ([answer("*/*")], "*/*"),
        ([answer("application/problem+json", status="default")], "application/problem+json"),
        ([answer("text/plain", status="404"), answer("image/png", status="2XX")], "image/png"),
        ([answer("text/plain\r\nX: 1")], "*/*"),
    ],
)
def test_one_media_type_is_asked_for_json_before_others(responses: list[Response], accept: str) -> None:
    assert build_request(plan("GET", "/x", responses=responses), {}).headers[0] == ("Accept", accept)


@pytest.mark.parametrize(
    "name", ["Authorization", "ACCEPT", "content-type", "Host", "Content-Length", "Transfer-Encoding", "Connection"]
)
def test_headers_that_belong_to_the_connection_never_come_from_arguments(name: str) -> None:
    one = plan("GET", "/x", parameter(name, "header"))
    assert build_request(one, {name: "x"}).headers == one.static_headers


def test_accept_and_content_type_are_left_out_when_they_are_no_arguments() -> None:
    done: list[str] = []
    one = plan("GET", "/x", parameter("q"))
    assert (
        build_request(one, {"q": 1, "Accept": "a/b", "content-type": "c/d"}, repairs=done).headers == one.static_headers
    )
    assert done == ["/Accept: left out, media types decide it", "/content-type: left out, media types decide it"]
    with pytest.raises(InvalidArguments, match="/Authorization: is not an argument"):
        build_request(one, {"Authorization": "Bearer x"})


def test_a_header_of_ours_gives_way_to_a_parameter_of_that_name() -> None:
    one = plan("GET", "/x", parameter("user-agent", "header"))
    assert build_request(one, {"user-agent": "me"}).headers[2:] == (("user-agent", "me"),)
    assert build_request(one, {}).headers[2:] == (("user-agent", "APIFold"),)


def test_cookies_share_one_header_also_those_given_as_a_header() -> None:
    one = plan("GET", "/x", parameter("a", "cookie"), parameter("b", "cookie"), parameter("Cookie", "header"))
    assert build_request(one, {"a": [1, 2], "b": "x", "Cookie": "c=3"}).headers[-1] == ("Cookie", "a=1; a=2; b=x; c=3")


@pytest.mark.parametrize("location", ["header", "cookie"])
def test_line_breaks_never_reach_a_header(location: str) -> None:
    one = plan("GET", "/x", parameter("X-A", location, style=Style.COOKIE if location == "cookie" else None))
    with pytest.raises(InvalidArguments, match="/X-A: goes into"):
        build_request(one, {"X-A": "a\r\nHost: evil"})


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_a_body_that_is_not_given_has_no_content_type() -> None:
    sent = build_request(plan("POST", "/x", body=[JSON_BODY]), {})
    assert (sent.body, sent.body_kind, "Content-Type" in dict(sent.headers)) == (b"", BodyKind.NONE, False)


def test_a_media_type_with_a_line_break_is_never_sent() -> None:
    with pytest.raises(InvalidArguments, match="/body: goes into an HTTP header"):
        build_request(plan("POST", "/x", body=[media("application/json\r\nX: 1")]), {"body": {}})


def test_a_body_goes_with_any_method() -> None:
    for method in ("GET", "DELETE", "POST"):
        assert build_request(plan(method, "/x", body=[JSON_BODY]), {"body": {}}).body == b"{}"


def test_an_empty_form_is_no_body_of_a_get() -> None:
    form = media("application/x-www-form-urlencoded", {"type": "object"})
    get = build_request(plan("GET", "/x", body=[form]), {"body": {}})
    assert (get.body_kind, "Content-Type" in dict(get.headers)) == (BodyKind.NONE, False)
    post = build_request(plan("POST", "/x", body=[form]), {"body": {}})
    assert (post.body, post.body_kind, dict(post.headers)["Content-Type"]) == (
        b"",
        BodyKind.FORM,
        "application/x-www-form-urlencoded",
    )


def test_a_named_content_type_is_the_one_that_is_sent() -> None:
    patch, merge = media("application/json-patch+json"), media("application/merge-patch+json", {"type": "object"})
    one = plan("PATCH", "/x", body=[merge, patch])
    sent = build_request(one, {"body": [], "_contentType": "application/json-patch+json"})
    assert dict(sent.headers)["Content-Type"] == "application/json-patch+json"
    with pytest.raises(InvalidArguments, match="/body: cannot be sent as 'text/html'; possible are: application/merge"):
        build_request(one, {"body": [], "_contentType": "text/html"})


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        ({"a": 1}, "application/json"),
        ("<a/>", "application/xml"),
        (PNG, "image/png"),
        ({"content": "iVBORw==", "contentType": "image/gif"}, "image/gif"),
        ({"content": "iVBORw==", "contentType": "a/unknown"}, "application/json"),
    ],
)
def test_without_a_named_content_type_a_value_is_sent_in_one_that_takes_it(value: JSON, content_type: str) -> None:
    types = [media("application/json", {"type": "object"}), media("application/xml", {"type": "object"})]
    types += [media("image/png", FILE), media("image/gif", FILE)]
    sent = build_request(plan("POST", "/x", body=types), {"body": value})
    assert dict(sent.headers)["Content-Type"] == content_type


def test_a_list_or_text_finds_the_media_type_of_lines_and_bytes() -> None:
    types = [media("application/json", {"type": "object"}), media("application/x-ndjson", {"type": "object"})]
    lines = build_request(plan("POST", "/x", body=types), {"body": [{"a": 1}]})
    assert (dict(lines.headers)["Content-Type"], lines.body) == ("application/x-ndjson", b'{"a":1}\n')
    file = build_request(plan("POST", "/x", body=[types[0], media("image/png", FILE)]), {"body": "iVBORw=="})
    assert (dict(file.headers)["Content-Type"], file.body) == ("image/png", b"\x89PNG")


def test_a_content_type_within_a_range_is_sent_and_must_be_one() -> None:
    one = plan("POST", "/x", body=[media("application/json", {}), media("image/*", FILE)])
    sent = build_request(one, {"body": "iVBORw==", "_contentType": "image/webp"})
    assert (dict(sent.headers)["Content-Type"], sent.body) == ("image/webp", b"\x89PNG")
    with pytest.raises(InvalidArguments):
        build_request(one, {"body": "iVBORw==", "_contentType": "image/webp\r\nX: 1"})


@pytest.mark.parametrize("name", ["_contentType", "Content-Type", "content-type"])
def test_a_media_type_may_be_named_where_there_is_nothing_to_choose(name: str) -> None:
    octets = plan("POST", "/x", body=[media("application/octet-stream", FILE)])
    sent = build_request(octets, {"body": "iVBORw==", name: "application/x-tar"})
    assert dict(sent.headers)["Content-Type"] == "application/x-tar"
    json = plan("POST", "/x", body=[JSON_BODY])
    for given in ("application/json", "application/json; v=1", "text/html", 7):
        arguments: JSONObject = {"body": {}, name: given}
        assert build_request(json, arguments).body == b"{}"
    assert build_request(plan("GET", "/x"), {name: "text/html"}).body == b""


def test_a_parameter_named_like_our_choice_of_media_type_is_a_parameter() -> None:
    one = plan("POST", "/x", parameter("_contentType"), body=[JSON_BODY])
    sent = build_request(one, {"_contentType": "a/b", "body": {}})
    assert (sent.target, dict(sent.headers)["Content-Type"]) == ("/v1/x?_contentType=a%2Fb", "application/json")


def test_a_file_fits_where_the_document_says_string() -> None:
    schema: JSON = {"type": "object", "properties": {"file": STRING, "files": {"type": "array", "items": STRING}}}
    upload = plan("POST", "/x", body=[media("multipart/form-data", schema)], properties={"body": schema})
    sent = build_request(upload, {"body": {"file": PNG, "files": [PNG, "text"]}})
    assert sent.body.count(b'filename="x.png"') == 2
    raw = plan("POST", "/x", body=[media("*/*", STRING)], properties={"body": STRING})
    assert build_request(raw, {"body": PNG}).body == b"\x89PNG"
    json = plan("POST", "/x", body=[media("application/json", schema)], properties={"body": schema})
    with pytest.raises(InvalidArguments, match="/body/file: must be a string, not an object"):
        build_request(json, {"body": {"file": PNG}})


def test_a_problem_inside_a_body_names_its_place() -> None:
    upload = plan("POST", "/x", body=[media("multipart/form-data", {"properties": {"f": FILE}})])
    with pytest.raises(InvalidArguments, match="/body/f: is not base64"):
        build_request(upload, {"body": {"f": "not base64!"}})


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_missing_required_argument_is_refused() -> None:
    one = plan("POST", "/x", parameter("q"), body=[JSON_BODY], required=["q", "body"])
    with pytest.raises(InvalidArguments) as caught:
        build_request(one, {})
    assert [str(problem) for problem in caught.value.problems] == ["/q: is required", "/body: is required"]
    assert caught.value.category is ErrorCategory.INVALID


def test_a_value_that_fits_several_members_of_one_of_is_sent() -> None:
    either: JSON = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    assert build_request(plan("GET", "/x", parameter("q"), properties={"q": either}), {"q": 1}).target == "/v1/x?q=1"


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(RequestTooLarge, match="URL"):
        build_request(plan("GET", "/x", parameter("q")), {"q": "a" * CALL.header_bytes})
    with pytest.raises(RequestTooLarge, match="body"):
        build_request(plan("POST", "/x", body=[JSON_BODY]), {"body": "a" * CALL.request_bytes})


def test_repairs_are_reported() -> None:
    done: list[str] = []
    one = plan("GET", "/x", parameter("n"), properties={"n": {"type": "integer"}})
    assert build_request(one, {"n": "5"}, repairs=done).target == "/v1/x?n=5"
    assert done == ["/n: read as JSON"]


def test_every_location_of_the_model_is_known() -> None:
    parameters = [parameter(f"p-{location}", location) for location in Location if location is not Location.PATH]
    sent = build_request(plan("GET", "/x", *parameters), {one.name: "v" for one in parameters})
    assert sent.target == "/v1/x?p-query=v&p-querystring=v"
    assert sent.headers[3:] == (("p-header", "v"), ("Cookie", "p-cookie=v"))
