"""Which server a request goes to."""

import pytest

from apifold.core.openapi.model import Server, ServerVariable
from apifold.core.requests.model import Origin
from apifold.core.requests.servers import Base, InvalidServer, ServerChoice, choose_base, parse_base, variable_problem

HTTPS = Origin("https", "api.example.com", 443)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://api.example.com", HTTPS, ""),
        ("https://api.example.com/", HTTPS, ""),
        ("https://api.example.com/v1/", HTTPS, "/v1"),
        ("HTTPS://API.example.com:443/V1", HTTPS, "/V1"),
        ("https://api.example.com:8443/a/b", Origin("https", "api.example.com", 8443), "/a/b"),
        ("http://[::1]:8080/x", Origin("http", "::1", 8080), "/x"),
        ("https://api.example.com/a b/é", HTTPS, None),
        ("https://api.example.com/é/%7Bx%7D", HTTPS, "/%C3%A9/%7Bx%7D"),
        ("https://api.example.com/a/./b/../c", HTTPS, "/a/c"),
        ("https://api.example.com/a/%2e%2E/c", HTTPS, "/c"),
        ("https://api.example.com/../../c", HTTPS, "/c"),
        ("https://api.example.com/v1?key=1#top", HTTPS, "/v1"),
        ("https://münchen.example", Origin("https", "xn--mnchen-3ya.example", 443), ""),
        ("//api.example.com/v1", HTTPS, "/v1"),
        ("/v1/", None, "/v1"),
        ("v1", None, "/v1"),
        ("", None, ""),
        ("/", None, ""),
        ("../v2", None, "/v2"),
    ],
)
def test_a_server_url_is_an_origin_and_a_base_path(url: str, origin: Origin | None, path: str | None) -> None:
    if path is None:
        with pytest.raises(InvalidServer, match="spaces"):
            parse_base(url)
        return
    assert parse_base(url) == Base(origin, path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://api.example.com", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("https://", "no usable host"),
        ("https://:8080", "no usable host"),
        ("https://api.example.com:99999", "not a URL"),
        ("https://api.example.com:port", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://a_b|c/", "no usable host"),
        ("https://api.example.com\\@evil.example", "backslashes"),
        ("https://api.example.com/\r\nX: 1", "control characters"),
        ("https://" + "é" * 80 + ".example", "not a name"),
    ],
)
def test_a_server_url_that_cannot_be_called_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidServer, match=reason):
        parse_base(url)


@pytest.mark.parametrize("url", ["https://user:secret@api.example.com", "https://secret@x y", "ftp://u:secret@h"])
def test_credentials_in_a_server_url_are_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(InvalidServer) as caught:
        parse_base(url)
    assert "secret" not in caught.value.message


def test_the_first_usable_server_is_taken() -> None:
    servers = [
        Server("wss://api.example.com"),
        Server("https://{nope}.example.com"),
        Server("https://api.example.com/v2"),
    ]
    assert choose_base(servers) == Base(HTTPS, "/v2")


def test_a_server_that_can_be_called_comes_before_a_relative_one() -> None:
    servers = [Server("/v1"), Server("/v2"), Server("https://api.example.com/v2")]
    assert choose_base(servers) == Base(HTTPS, "/v2")
    assert choose_base(servers[:2]) == Base(None, "/v1")


@pytest.mark.parametrize(
    ("url", "path", "problem"),
    [
        ("https://{nope}.example.com", "", "The server URL 'https://{nope}.example.com' has no value for {nope}."),
        ("https://{nope}/api/{v}/?q#f", "/api/%7Bv%7D", "has no value for {nope}."),
        ("ftp://api.example.com/x/../y", "/y", "only http and https can be called."),
        ("https:///x", "/x", "has no usable host."),
        ("https://u:secret@h/v1", "/v1", "The server URL holds a user name or password; give credentials with --auth."),
    ],
)
def test_without_a_usable_server_there_is_a_path_and_a_reason(url: str, path: str, problem: str) -> None:
    base = choose_base([Server(url)])
    assert (base.origin, base.path) == (None, path)
    assert base.problem.endswith(problem)


def test_without_any_server_the_reason_is_that() -> None:
    assert choose_base([]) == Base(None, "", "The document names no server.")


def test_variables_have_the_given_value_or_their_default() -> None:
    region = ServerVariable("eu", ("eu", "us"), "")
    server = Server("https://{region}.example.com/{base}", "", {"region": region, "base": ServerVariable("v1", (), "")})
    assert choose_base([server]) == Base(Origin("https", "eu.example.com", 443), "/v1")
    chosen = ServerChoice(variables={"region": "us", "base": "v2/beta"})
    assert choose_base([server], chosen) == Base(Origin("https", "us.example.com", 443), "/v2/beta")
    wrong = choose_base([server], ServerChoice(variables={"region": "mars"}))
    assert wrong.problem == "The server variable 'region' must be one of: eu, us."


def test_values_for_variables_that_no_server_takes_are_a_problem() -> None:
    region = ServerVariable("eu", ("eu", "us"), "")
    servers = [
        Server("https://{region}.example.com/{base}", "", {"region": region, "base": ServerVariable("v1", (), "")}),
        Server("https://{region}.example.org", "", {"region": ServerVariable("asia", ("asia",), "")}),
        Server("https://{undeclared}.example.org"),
    ]
    assert variable_problem(servers, {"region": "asia", "base": "x", "undeclared": "y"}) == ""
    assert variable_problem(servers, {"region": "mars"}) == "The server variable 'region' must be one of: eu, us, asia."
    assert variable_problem(servers, {"zone": "eu"}) == (
        "No server of the document has a variable 'zone'. There are: region, base, undeclared."
    )
    assert variable_problem([], {"a": "b"}).endswith("There are: none.")


def test_a_base_url_that_is_a_path_is_where_the_document_was_found() -> None:
    choice = ServerChoice(base_url="/v9/", document_url="https://api.example.com/docs/openapi.json")
    assert choose_base([Server("https://other.example/v1")], choice) == Base(HTTPS, "/v9")
    assert choose_base([], ServerChoice(base_url="/v9/")) == Base(None, "/v9")


def test_a_variable_without_default_has_its_first_allowed_value() -> None:
    assert choose_base([Server("/{v}", "", {"v": ServerVariable("", ("a", "b"), "")})]) == Base(None, "/a")
    assert choose_base([Server("/x{v}", "", {"v": ServerVariable("", (), "")})]) == Base(None, "/x")


@pytest.mark.parametrize(
    ("server", "base"),
    [
        ("/v1", "/v1"),
        ("v1", "/docs/v1"),
        ("../v1", "/v1"),
        ("./", "/docs"),
        ("", ""),
        ("/", ""),
    ],
)
def test_relative_servers_start_where_the_document_was_found(server: str, base: str) -> None:
    choice = ServerChoice(document_url="https://api.example.com/docs/openapi.json?x=1")
    assert choose_base([Server(server)], choice) == Base(HTTPS, base)
    assert choose_base([Server("https://other.example/v1")], choice).origin == Origin("https", "other.example", 443)


def test_a_base_url_stands_over_every_server() -> None:
    choice = ServerChoice(base_url="http://127.0.0.1:8080/api/", variables={"region": "us"})
    expected = Base(Origin("http", "127.0.0.1", 8080), "/api")
    assert choose_base([Server("https://api.example.com/v1")], choice) == expected
    assert choose_base([], choice) == expected
    assert choose_base([Server("nonsense://")], choice) == expected


def test_an_origin_can_be_exchanged_and_the_base_path_stays() -> None:
    choice = ServerChoice(origins={"https://api.example.com": "http://127.0.0.1:8080"})
    assert choose_base([Server("https://api.example.com/v1")], choice) == Base(Origin("http", "127.0.0.1", 8080), "/v1")
    assert choose_base([Server("https://files.example.com/v1")], choice).origin == Origin(
        "https", "files.example.com", 443
    )
    assert choose_base([Server("/v1")], choice) == Base(None, "/v1")
