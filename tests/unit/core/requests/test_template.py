"""An argument never leaves its segment of the path."""

import pytest

from apifold.core.openapi.model import Server, Style
from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from apifold.core.requests.serialize import Unwritable
from apifold.core.requests.template import Template, check_path, parse_template
from apifold.core.values import JSON, JSONObject
from support.plans import parameter, plan


def target(path: str, arguments: JSONObject, *styles: tuple[str, Style], server: str = "https://h/v1") -> str:
    chosen = dict(styles)
    names = parse_template(path).names
    parameters = [parameter(name, "path", style=chosen.get(name)) for name in dict.fromkeys(names)]
    return build_request(plan("GET", path, *parameters, servers=[Server(server)]), arguments).target


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("hello.world", "hello.world"),
        ("a/b c#1?x", "a%2Fb%20c%231%3Fx"),
        ("50%", "50%25"),
        ("%2e%2e", "%252e%252e"),
        ("%2F", "%252F"),
        ("...", "..."),
        ("a..b", "a..b"),
        (".hidden", ".hidden"),
        ("a\\b", "a%5Cb"),
        ("x\r\nHost: evil", "x%0D%0AHost%3A%20evil"),
        ("é", "%C3%A9"),
        (7, "7"),
        (True, "true"),
        (["a", "b.c"], "a,b.c"),
    ],
)
def test_a_value_is_one_encoded_segment(value: JSON, segment: str) -> None:
    assert target("/pets/{id}/toys", {"id": value}) == f"/v1/pets/{segment}/toys"


@pytest.mark.parametrize(
    "value", [".", "..", "../x", "x/..", "a/../b", "..\\x", "a\\..\\b", "/..", ["..", ".."], ["a/..", "b"], [".."]]
)
def test_a_value_that_means_here_or_up_is_refused(value: JSON) -> None:
    if value in (["..", ".."], ["a/..", "b"]):  # joined by commas these are ordinary names
        assert "/v1/pets/" in target("/pets/{id}", {"id": value})
        return
    with pytest.raises(InvalidArguments, match=r"/id: must not be or contain the path segment `\.` or `\.\.`"):
        target("/pets/{id}", {"id": value})


@pytest.mark.parametrize("value", ["", [], {}, None, [None]])
def test_an_empty_or_missing_value_is_refused(value: JSON) -> None:
    with pytest.raises(InvalidArguments, match=r"/id: (must not be empty|is required)"):
        target("/pets/{id}", {"id": value})
    with pytest.raises(InvalidArguments, match="/id: is required"):
        target("/pets/{id}", {})


@pytest.mark.parametrize(("first", "second"), [(".", "."), ("", ".."), ("..", "")])
def test_values_that_only_together_climb_are_refused(first: str, second: str) -> None:
    with pytest.raises(InvalidArguments):
        target("/{a}{b}/x", {"a": first, "b": second})


def test_values_and_literals_that_together_climb_are_refused() -> None:
    with pytest.raises(InvalidArguments, match="path segment"):
        target("/.{a}/x", {"a": "."})
    with pytest.raises(InvalidArguments, match="path segment"):
        target("/{a}/x", {"a": "."}, ("a", Style.LABEL))
    with pytest.raises(InvalidArguments, match="path segment"):
        target("/{a}/x", {"a": ""}, ("a", Style.LABEL))
    assert target("/.{a}/x", {"a": "well-known"}) == "/v1/.well-known/x"


@pytest.mark.parametrize("path", ["/a/b/c", "/a", "/a/..", "/./b", "/a/%2e%2E", "/%2e/b"])
def test_the_finished_path_is_checked_again(path: str) -> None:
    with pytest.raises(Unwritable):
        check_path(path, 2)


@pytest.mark.parametrize("path", ["/a/b", "/a/...", "/.a/b", "/a/%2e%2e%2e"])
def test_a_path_under_server_and_template_passes(path: str) -> None:
    check_path(path, 2)


def test_a_template_that_climbs_by_itself_cannot_be_called() -> None:
    with pytest.raises(InvalidArguments, match="would form a path segment"):
        target("/x/../{id}", {"id": "y"})


def test_an_empty_matrix_value_is_its_name() -> None:
    assert target("/x/{a}", {"a": ""}, ("a", Style.MATRIX)) == "/v1/x/;a"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/a/{b}/c", Template(("/a/", "/c"), ("b",), ())),
        ("/{a}.{format}", Template(("/", ".", ""), ("a", "format"), ())),
        ("/{a}/{a}", Template(("/", "/", ""), ("a", "a"), ())),
        ("/a b/é/%20/50%", Template(("/a%20b/%C3%A9/%20/50%25",), (), ())),
        ("/v1/messages?beta=true", Template(("/v1/messages",), (), ("beta=true",))),
        ("/x?a={id}&b=1&c=x{d}", Template(("/x",), (), ("b=1",))),
        ("/x/{id}{?page,size*}", Template(("/x/", ""), ("id",), ())),
        ("/x/{id?}/y?z", Template(("/x/", "/y"), ("id?",), ("z",))),
        ("/#Action=List", Template(("/",), (), ())),
        ("pets", Template(("/pets",), (), ())),
        ("/pets/", Template(("/pets/",), (), ())),
        ("/things:batch/{id}:undo", Template(("/things:batch/", ":undo"), ("id",), ())),
    ],
)
def test_templates_are_cut_into_literals_and_names(template: str, expected: Template) -> None:
    assert parse_template(template) == expected


def test_a_name_may_stand_twice() -> None:
    assert target("/{a}/{a}", {"a": "x"}) == "/v1/x/x"


def test_a_query_in_the_template_comes_first() -> None:
    sent = build_request(plan("GET", "/m?beta=true", parameter("q")), {"q": "x"})
    assert sent.target == "/v1/m?beta=true&q=x"


def test_a_query_that_the_template_fixes_and_a_parameter_repeats_stands_once() -> None:
    one = plan("GET", "/x?comp=list&kind=a%20b&kind=c", parameter("comp"), parameter("q"))
    assert build_request(one, {"q": "z"}).target == "/v1/x?kind=a%20b&kind=c&comp=list&q=z"
    assert build_request(one, {"comp": "acl"}).target == "/v1/x?kind=a%20b&kind=c&comp=acl"


@pytest.mark.parametrize(
    ("server", "expected"),
    [("https://h", "/x/1"), ("https://h/", "/x/1"), ("https://h/a/b/", "/a/b/x/1"), ("/rel", "/rel/x/1")],
)
def test_the_base_path_of_the_server_is_kept(server: str, expected: str) -> None:
    assert target("/x/{id}", {"id": 1}, server=server) == expected


def test_a_path_parameter_with_allow_reserved_still_cannot_climb() -> None:
    one = plan("GET", "/x/{id}", parameter("id", "path", allow_reserved=True))
    assert build_request(one, {"id": "a:b@c;d=1%20/"}).target == "/v1/x/a:b@c;d=1%20%2F"
    for value in ("%2e%2e", "%2E", "..%2Fx", "x%2f%2e%2e"):
        with pytest.raises(InvalidArguments, match="path segment"):
            build_request(one, {"id": value})


def test_a_path_parameter_that_the_tool_hides_cannot_be_called() -> None:
    with pytest.raises(InvalidArguments, match="/id: is required"):
        build_request(plan("GET", "/x/{id}"), {})
