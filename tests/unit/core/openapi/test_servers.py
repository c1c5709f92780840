"""Servers of OpenAPI 3: which level wins, and what a slip costs."""

import pytest

from apifold.core.openapi.model import Server, ServerVariable
from apifold.core.values import JSON
from support.documents import one_operation, openapi, problems, read


def servers(entry: JSON) -> tuple[Server, ...]:
    return read(openapi(servers=entry)).servers


def codes(entry: JSON) -> list[str]:
    return [code for code, _, _ in problems(read(openapi({"/x": {"get": {}}}, servers=entry)))]


def test_operation_wins_over_path_and_path_over_document() -> None:
    def at(url: str) -> JSON:
        return [{"url": url}]

    document = openapi(
        {
            "/a": {"servers": at("/path"), "get": {"servers": at("/operation")}, "put": {}, "post": {"servers": []}},
            "/b": {"get": {}},
        },
        servers=at("/document"),
    )
    assert [(operation.key, operation.servers[0].url) for operation in read(document).operations] == [
        ("GET /a", "/operation"),
        ("PUT /a", "/path"),
        ("POST /a", "/path"),
        ("GET /b", "/document"),
    ]


def test_variables_are_kept_as_text() -> None:
    entry: JSON = [
        {
            "url": " https://{region}.example.com:{port}/ ",
            "description": "Here",
            "variables": {
                "region": {"default": "north", "enum": ["north", "south"], "description": "Where"},
                "port": {"default": 8443, "enum": [8443, 443, None]},
            },
        }
    ]
    assert servers(entry) == (
        Server(
            "https://{region}.example.com:{port}/",
            "Here",
            {
                "region": ServerVariable("north", ("north", "south"), "Where"),
                "port": ServerVariable("8443", ("8443", "443"), ""),
            },
        ),
    )
    assert codes(entry) == []


@pytest.mark.parametrize("entry", [None, [], [5], [{}], [{"url": 5}], 7, [None]])
def test_without_a_usable_server_there_is_the_root_of_where_the_document_is(entry: JSON) -> None:
    assert servers(entry) == (Server("/"),)
    assert one_operation(openapi({"/x": {"get": {}}}, servers=entry)).servers == (Server("/"),)


def test_lone_server_and_lone_url_count_as_lists() -> None:
    assert servers({"url": "/a"}) == (Server("/a"),)
    assert servers(["/a"]) == (Server("/a"),)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ([{"description": "x"}], "server.malformed"),
        ({"url": "/a"}, "server.malformed"),
        ([{"url": "https://{a}"}], "server.variable_undeclared"),
        ([{"url": "https://{a}", "variables": {"a": {"enum": ["x"]}}}], "server.variable_without_default"),
        ([{"url": "https://{a}", "variables": {"a": 5}}], "server.variable_without_default"),
        ([{"url": "https://{a}", "variables": []}], "server.variable_undeclared"),
    ],
)
def test_slips_are_named(entry: JSON, code: str) -> None:
    assert codes(entry) == [code]


def test_first_of_the_enum_stands_for_a_missing_default() -> None:
    (server,) = servers([{"url": "/{a}", "variables": {"a": {"enum": ["x", "y"]}}}])
    assert server.variables == {"a": ServerVariable("x", ("x", "y"), "")}


def test_host_in_a_document_of_version_3_is_better_than_no_server() -> None:
    assert read(openapi(host="a.example.com", basePath="/v1")).servers == (Server("https://a.example.com/v1"),)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("api.example.com/v1", "https://api.example.com/v1"),
        ("api.example.com:8080", "https://api.example.com:8080"),
        ("localhost:8080/api", "http://localhost:8080/api"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("v1.0/api", "v1.0/api"),
        ("api/v1", "api/v1"),
        ("./v1", "./v1"),
        ("{host}/v1", "{host}/v1"),
        ("//api.example.com", "//api.example.com"),
        ("/api.example.com", "/api.example.com"),
    ],
)
def test_bare_host_gets_a_scheme_and_a_path_does_not(url: str, expected: str) -> None:
    assert servers([{"url": url}])[0].url == expected
    named = "server.no_scheme" in codes([{"url": url}])
    assert named is (url != expected)
