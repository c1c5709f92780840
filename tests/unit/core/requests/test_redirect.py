"""Which redirects are followed, and what of the first request goes along."""

import pytest

from apifold.core.requests.model import BodyKind, Origin, UpstreamRequest, UpstreamResponse
from apifold.core.requests.redirect import Hop, NotFollowed, next_hop
from apifold.core.requests.scrub import Scrubber

HERE = Origin("https", "api.test", 443)
THERE = Origin("https", "files.test", 443)
HEADERS = (
    ("Accept", "*/*"),
    ("User-Agent", "APIFold"),
    ("X-Tenant", "t"),
    ("Cookie", "a=1"),
    ("Content-Type", "text/plain"),
)


def request(method: str = "GET") -> UpstreamRequest:
    return UpstreamRequest(method, HERE, "/v1/a?x=1", HEADERS, b"body", BodyKind.TEXT, method != "POST")


def answer(status: int, *location: str) -> UpstreamResponse:
    return UpstreamResponse(status, tuple(("location", value) for value in location), b"", False)


@pytest.mark.parametrize("status", [200, 201, 300, 304, 400])
def test_what_is_no_redirect_is_an_answer(status: int) -> None:
    assert next_hop(request(), answer(status, "/b")) is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "/b"),
        ("b?y=2#f", "/v1/b?y=2"),
        ("?y=2", "/v1/a?y=2"),
        ("//api.test/c", "/c"),
        ("https://API.test:443/d", "/d"),
        ("/ü x", "/%C3%BC%20x"),
        ("/a%2Fb%zz", "/a%2Fb%zz"),
    ],
)
def test_within_the_origin_a_get_goes_on_as_it_is(status: int, location: str, target: str) -> None:
    assert next_hop(request(), answer(status, location)) == Hop(
        UpstreamRequest("GET", HERE, target, HEADERS, b"body", BodyKind.TEXT, True), same_origin=True
    )


@pytest.mark.parametrize("location", ["https://files.test/f?sig=1", "//files.test/f?sig=1"])
def test_across_origins_nothing_of_the_first_request_goes_along_but_accept(location: str) -> None:
    assert next_hop(request(), answer(302, location)) == Hop(
        UpstreamRequest("GET", THERE, "/f?sig=1", HEADERS[:2], b"", BodyKind.NONE, True), same_origin=False
    )


@pytest.mark.parametrize("location", ["https://api.test:8443/f", "https://api.test.evil/f", "https://x.api.test/f"])
def test_another_port_or_host_is_another_origin(location: str) -> None:
    hop = next_hop(request(), answer(302, location))
    assert isinstance(hop, Hop)
    assert not hop.same_origin


def test_see_other_after_a_write_is_a_get_without_the_body() -> None:
    assert next_hop(request("POST"), answer(303, "/done")) == Hop(
        UpstreamRequest("GET", HERE, "/done", HEADERS[:4], b"", BodyKind.NONE, True), same_origin=True
    )


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_write_is_sent_again_only_within_the_origin_and_unchanged(status: int, method: str) -> None:
    assert next_hop(request(method), answer(status, "/b/")) == Hop(
        UpstreamRequest(method, HERE, "/b/", HEADERS, b"body", BodyKind.TEXT, method != "POST"), same_origin=True
    )


@pytest.mark.parametrize(
    ("method", "status", "location", "reason"),
    [
        ("POST", 301, "/b", "a POST is not sent again to another place without being asked"),
        ("POST", 302, "/b", "a POST is not sent again to another place without being asked"),
        ("POST", 307, "https://files.test/", "a POST is not sent again to another place without being asked"),
        ("DELETE", 308, "https://files.test/", "a DELETE is not sent again to another place without being asked"),
        ("GET", 302, "http://api.test/b", "it leads from https to http"),
        ("GET", 302, "https://files.test/?k=s3cr3t-key", "its Location carries a secret to another origin"),
        ("GET", 302, "ftp://files.test/", "its Location is refused (Only http and https are reached, not ftp.)"),
        (
            "GET",
            302,
            "javascript:alert(1)",
            "its Location is refused (Only http and https are reached, not javascript.)",
        ),
    ],
)
def test_what_is_not_followed_says_why(method: str, status: int, location: str, reason: str) -> None:
    assert next_hop(request(method), answer(status, location), scrubber=Scrubber(["s3cr3t-key"])) == NotFollowed(reason)


@pytest.mark.parametrize(
    "location", ["https://u:p@files.test/", "https://[::1/", "https://files.test:99999/", "http:///x", "/a\r\nX: 1"]
)
def test_location_that_is_no_usable_url_is_not_followed(location: str) -> None:
    assert isinstance(next_hop(request(), answer(302, location)), NotFollowed)


def test_redirect_without_a_location_is_not_followed() -> None:
    assert next_hop(request(), answer(302)) == NotFollowed("the API gave no Location")


def test_see_other_after_a_write_does_not_leave_the_origin_with_anything() -> None:
    assert next_hop(request("POST"), answer(303, "https://files.test/f")) == Hop(
        UpstreamRequest("GET", THERE, "/f", HEADERS[:2], b"", BodyKind.NONE, True), same_origin=False
    )
