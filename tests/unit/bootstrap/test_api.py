"""What is decided about an API before anything is connected."""

import pytest
from msgspec.structs import replace

from apifold.bootstrap.api import API, assemble, destination_policy, is_loopback
from apifold.bootstrap.options import Layer, Options, OptionsRefused, Transport, decide
from apifold.bootstrap.serve import access_rules, check_bind
from apifold.core.openapi.operations import read_document
from apifold.core.requests.credentials import AuthRefused
from apifold.core.requests.secret import Secret
from apifold.core.values import JSON, JSONObject
from apifold.gateway.access import AccessRules
from support.documents import openapi, read

HTTP = Options(spec="a")
SCHEMES: JSON = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}


def document(*, security: JSON = None, **members: JSON) -> JSONObject:
    operation: JSONObject = {"operationId": "x", "responses": {}}
    if security is not None:
        operation["security"] = security
    return openapi({"/x": {"get": operation}}, components={"securitySchemes": SCHEMES}, **members)


def made(layer: Layer, written: JSONObject) -> API:
    return assemble(decide(layer), read(written), {"K": "k3y"})


@pytest.mark.parametrize(
    ("layer", "servers", "server"),
    [
        (Layer(spec="a.json"), [{"url": "https://api.test/v1/"}], "https://api.test/v1"),
        (Layer(spec="a.json"), [{"url": "/v1"}], "/v1"),
        (Layer(spec="a.json"), [], ""),
        (
            Layer(spec="a.json", base_url="http://127.0.0.1:1/x"),
            [{"url": "https://api.test/v1"}],
            "http://127.0.0.1:1/x",
        ),
        (Layer(spec="a.json"), [{"url": "ftp://api.test"}], ""),
    ],
)
def test_server_is_said_as_far_as_it_is_known(layer: Layer, servers: JSON, server: str) -> None:
    api = made(layer, document(servers=servers))
    assert api.server == server
    assert (f" at {server}" in api.snapshot.description.instructions) is bool(server)


def test_relative_server_starts_where_the_document_was_in_the_end() -> None:
    written = document(servers=[{"url": "../v1"}])
    moved = read_document({"": written}, source_url="https://docs.test/a/openapi.json")
    assert assemble(decide(Layer(spec="https://short.test/api")), moved, {}).server == "https://docs.test/v1"


def test_server_variables_come_from_flags_over_the_file() -> None:
    server: JSON = {
        "url": "https://{region}.api.test/{v}",
        "variables": {"region": {"default": "eu"}, "v": {"default": "v1"}},
    }
    written = document(servers=[server])
    options = decide(
        Layer(spec="a", server_variables={"region": "us"}), Layer(server_variables={"region": "asia", "v": "v2"})
    )
    assert assemble(options, read(written), {}).server == "https://us.api.test/v2"
    with pytest.raises(OptionsRefused, match="There are: region, v"):
        made(Layer(spec="a", server_variables={"zone": "1"}), written)


def test_base_url_that_cannot_be_used_is_refused_at_the_start() -> None:
    with pytest.raises(OptionsRefused, match="holds a user name"):
        made(Layer(spec="a", base_url="https://u:p@api.test"), document())


def test_unknown_scheme_is_refused_at_the_start_with_those_that_are_known() -> None:
    with pytest.raises(AuthRefused, match="It has: key"):
        made(Layer(spec="a", auth=("kee=env:K",)), document())


@pytest.mark.parametrize(("security", "given"), [([{"key": []}], True), (None, True), ([], True), ([{}], True)])
def test_secret_goes_where_the_document_says_and_everywhere_when_it_says_nothing(
    security: JSON, *, given: bool
) -> None:
    api = made(Layer(spec="a", auth=("key=env:K",)), document(security=security))
    grant = api.credentials.grant(api.catalogue.tools[0].operation)
    assert bool(grant.placements) is given


def test_secret_stays_away_from_operations_that_do_not_ask_when_others_do() -> None:
    written = document()
    paths = written["paths"]
    assert isinstance(paths, dict)
    paths["/y"] = {"get": {"operationId": "y", "security": [{"key": []}], "responses": {}}}
    api = made(Layer(spec="a", auth=("key=env:K",)), written)
    granted = {tool.name: bool(api.credentials.grant(tool.operation).placements) for tool in api.catalogue.tools}
    assert granted == {"x": False, "y": True}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "[::1]", "x.localhost"])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "localhost.evil.test", "mcp.test", "128.0.0.1"])
def test_other_names_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("options", "private"),
    [
        (HTTP, True),
        (replace(HTTP, host="0.0.0.0"), False),
        (replace(HTTP, host="0.0.0.0", transport=Transport.STDIO), True),
        (replace(HTTP, host="0.0.0.0", private_upstreams=True), True),
        (replace(HTTP, private_upstreams=False), False),
    ],
)
def test_private_upstreams_are_allowed_to_those_who_reach_them_anyway(options: Options, *, private: bool) -> None:
    assert destination_policy(options).private is private


def test_listed_upstreams_are_allowed_on_any_bind() -> None:
    policy = destination_policy(replace(HTTP, host="0.0.0.0", allow_upstreams=("10.0.0.0/8", "db.internal:8080")))
    assert (len(policy.networks), policy.endpoints) == (1, frozenset({("db.internal", 8080)}))


@pytest.mark.parametrize(
    "options",
    [
        HTTP,
        replace(HTTP, host="::1"),
        replace(HTTP, host="0.0.0.0", token=Secret("t")),
        replace(HTTP, host="0.0.0.0", public=True),
        replace(HTTP, host="0.0.0.0", transport=Transport.STDIO),
    ],
)
def test_bind_is_taken(options: Options) -> None:
    check_bind(options)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "mcp.test"])
def test_bind_beyond_this_machine_takes_a_token_or_a_decision(host: str) -> None:
    with pytest.raises(OptionsRefused) as caught:
        check_bind(replace(HTTP, host=host))
    assert "--token" in caught.value.hint
    assert "--public" in caught.value.hint


LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (HTTP, AccessRules(LOOPBACK)),
        (replace(HTTP, host="127.0.0.2"), AccessRules(LOOPBACK | {"127.0.0.2"})),
        (replace(HTTP, host="::1"), AccessRules(LOOPBACK)),
        (replace(HTTP, allow_hosts=("MCP.test",)), AccessRules(LOOPBACK | {"mcp.test"})),
        (replace(HTTP, public_url="https://Mcp.test:8443/x"), AccessRules(LOOPBACK | {"mcp.test"})),
        (replace(HTTP, host="0.0.0.0"), AccessRules(None)),
        (replace(HTTP, host="0.0.0.0", allow_hosts=("mcp.test",)), AccessRules(frozenset({"mcp.test"}))),
        (replace(HTTP, allow_origins=("https://App.test/",)), AccessRules(LOOPBACK, frozenset({"https://app.test"}))),
    ],
)
def test_names_by_which_a_server_may_be_called(options: Options, rules: AccessRules) -> None:
    assert access_rules(options) == rules
