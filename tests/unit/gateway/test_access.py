"""Who may talk to us: names, origins, tokens."""

import pytest

from apifold.core.policy.access import Principal, PrincipalKind
from apifold.gateway.access import (
    ANY_HOST,
    LOOPBACK_ONLY,
    AccessRules,
    Denied,
    bearer_token,
    is_host_allowed,
    is_origin_allowed,
)
from support.exchanges import Recorded


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("LOCALHOST:8080", True),
        ("127.0.0.1", True),
        ("127.0.0.1:9", True),
        ("[::1]", True),
        ("[::1]:8080", True),
        ("", False),
        ("evil.example.com", False),
        ("localhost.evil.example.com", False),
        ("127.0.0.1.evil.example.com:80", False),
        ("evil.example.com:localhost", False),
        ("127.0.0.2", False),
        ("[::2]", False),
        ("[::1", False),
        ("::1", False),
        ("user@localhost", False),
        ("localhost:80@evil.example.com", False),
        ("localhost:evil", False),
        ("[::1]evil.example.com", False),
        ("[::1].evil.example.com:80", False),
        ("localhost/evil", False),
    ],
)
def test_a_server_on_loopback_goes_by_loopback_names_only(host: str, allowed: bool) -> None:
    assert is_host_allowed(LOOPBACK_ONLY, host) is allowed


def test_a_server_with_a_name_goes_by_it() -> None:
    rules = AccessRules(hosts=frozenset({"mcp.example.com"}))
    assert is_host_allowed(rules, "mcp.example.com:443")
    assert not is_host_allowed(rules, "localhost")
    assert is_host_allowed(ANY_HOST, "anything")


def test_an_address_of_ipv6_is_the_same_with_and_without_brackets() -> None:
    for written in ("2001:db8::1", "[2001:db8::1]"):
        assert is_host_allowed(AccessRules(hosts=frozenset({written})), "[2001:DB8::1]:8080")
    assert not is_host_allowed(AccessRules(hosts=frozenset({""})), "]")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:6274", True),
        ("http://127.0.0.1", True),
        ("https://localhost", True),
        ("http://[::1]:3000", True),
        ("https://app.example.com", True),
        ("null", False),
        ("", False),
        ("http://evil.example.com", False),
        ("https://app.example.com:8443", False),
        ("http://app.example.com", False),
        ("http://localhost.evil.example.com", False),
        ("http://evil.example.com/localhost", False),
        ("http://localhost@evil.example.com", False),
        ("file://localhost", False),
        ("chrome-extension://localhost", False),
        ("http://localhost/path", False),
        ("http://[::1", False),
        ("http://[::1].evil.example.com", False),
        ("http://localhost:80@evil.example.com", False),
        ("http://localhost:\xe9", False),
        ("http://local\thost", False),
        ("http://localhost?", False),
    ],
)
def test_pages_of_this_machine_and_of_named_origins_may_call(origin: str, allowed: bool) -> None:
    rules = AccessRules(origins=frozenset({"https://app.example.com"}))
    assert is_origin_allowed(rules, origin) is allowed


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({"authorization": "Bearer s3cret"}, True),
        ({"authorization": "bearer  s3cret "}, True),
        ({"x-api-key": "s3cret"}, True),
        ({}, False),
        ({"authorization": ""}, False),
        ({"authorization": "Bearer"}, False),
        ({"authorization": "Bearer s3cre"}, False),
        ({"authorization": "Bearer s3cret2"}, False),
        ({"authorization": "Bearer S3CRET"}, False),
        ({"authorization": "Basic s3cret"}, False),
        ({"authorization": "s3cret"}, False),
        ({"x-api-key": ""}, False),
        ({"x-api-key": "é"}, False),
        ({"authorization": "Bearer wrong", "x-api-key": "s3cret"}, False),
    ],
)
def test_one_token_lets_in_and_nothing_else_does(headers: dict[str, str], let_in: bool) -> None:
    expected = Principal(PrincipalKind.TOKEN) if let_in else Denied('Bearer realm="apifold"')
    assert bearer_token("s3cret")(Recorded(headers=headers)) == expected


def test_a_token_is_compared_as_the_bytes_that_were_sent() -> None:
    """Header values are bytes; a terminal sends what is beyond ASCII as UTF-8."""
    sent = "geh\u00e4im\u20ac".encode().decode("latin-1")
    headers = {"authorization": f"Bearer {sent}"}
    assert bearer_token("geh\u00e4im\u20ac")(Recorded(headers=headers)) == Principal(PrincipalKind.TOKEN)


def test_an_empty_token_lets_nobody_in() -> None:
    assert isinstance(bearer_token("")(Recorded(headers={"authorization": "Bearer "})), Denied)
