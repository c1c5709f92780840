"""Fetching over an `Upstream`: redirects hop by hop, bounds, and failures in words."""

import asyncio
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from apifold.bootstrap.download import Download, Downloader
from apifold.core.errors import ErrorCategory
from apifold.core.limits import DOWNLOAD
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.requests.model import UpstreamRequest, UpstreamResponse
from apifold.gateway.failures import FailureKind, UpstreamFailure


def answer(body: bytes = b"{}", status: int = 200, location: str = "", *, truncated: bool = False) -> UpstreamResponse:
    headers = (("location", location),) if location else ()
    return UpstreamResponse(status, headers, body, truncated)


class Web:
    """An `Upstream` over a table of answers; what is not in it is refused as a forbidden destination."""

    def __init__(self, answers: Mapping[str, UpstreamResponse]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.timeouts: list[float] = []

    async def send(self, request: UpstreamRequest, *, timeout: float) -> UpstreamResponse:
        self.asked.append(request.url)
        self.timeouts.append(timeout)
        assert (request.method, request.body, request.idempotent) == ("GET", b"", True)
        if request.url not in self._answers:
            raise UpstreamFailure(FailureKind.REFUSED_DESTINATION, "127.0.0.1 is a loopback address", sent=False)
        return self._answers[request.url]

    async def close(self) -> None:
        return


def fetch(web: Web, url: str = "https://example.com/api.yaml") -> Download:
    return asyncio.run(_fetch(web, url))


async def _fetch(web: Web, url: str) -> Download:
    return await Downloader(web, limits=replace(DOWNLOAD, bytes=100))(url)


def refusal(web: Web, url: str = "https://example.com/api.yaml") -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        fetch(web, url)
    return caught.value


def test_bytes_come_with_where_they_came_from() -> None:
    web = Web({"https://example.com/api.yaml": answer(b"openapi: 3.1.0")})
    assert fetch(web) == Download("https://example.com/api.yaml", b"openapi: 3.1.0")
    assert 14 < web.timeouts[0] <= 15


def test_odd_urls_are_written_as_a_request_can_bear() -> None:
    web = Web({"http://example.com:8080/a%20b?x=%C3%A9": answer()})
    assert fetch(web, " http://example.com:8080/a b?x=é#part ").url == "http://example.com:8080/a%20b?x=%C3%A9"


def test_three_redirects_are_followed_and_each_is_asked_of_the_upstream() -> None:
    web = Web(
        {
            "https://example.com/api.yaml": answer(status=301, location="/b"),
            "https://example.com/b": answer(status=302, location="https://other.example.com/c"),
            "https://other.example.com/c": answer(status=307, location="d"),
            "https://other.example.com/d": answer(b"x"),
        }
    )
    assert fetch(web) == Download("https://other.example.com/d", b"x")
    assert len(web.asked) == 4


def test_fourth_redirect_is_not_followed() -> None:
    web = Web({f"https://example.com/{i}": answer(status=302, location=f"/{i + 1}") for i in range(9)})
    refused = refusal(web, "https://example.com/0")
    assert (refused.code, len(web.asked)) == ("document.unreachable", 4)
    assert "redirects more than 3 times" in refused.message


def test_redirect_to_a_forbidden_place_is_refused_as_such() -> None:
    web = Web({"https://example.com/api.yaml": answer(status=302, location="https://169.254.169.254/")})
    refused = refusal(web)
    assert (refused.code, refused.category) == ("document.unreachable", ErrorCategory.INVALID)
    assert "loopback" in refused.message
    assert web.asked[-1] == "https://169.254.169.254/"


@pytest.mark.parametrize("location", ["", "ftp://example.com/x", "http://example.com/x", "https://user@example.com/"])
def test_redirect_that_must_not_be_followed_is_named(location: str) -> None:
    refused = refusal(Web({"https://example.com/api.yaml": answer(status=302, location=location)}))
    assert (refused.code, refused.category) == ("document.unreachable", ErrorCategory.UPSTREAM_FAILED)


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
def test_other_answers_are_named(status: int) -> None:
    web = Web({"https://example.com/api.yaml": answer(b"", status)})
    if status == 204:
        assert fetch(web).data == b""
        return
    assert f"the answer is {status}" in refusal(web).message


@pytest.mark.parametrize("response", [answer(b"x" * 101), answer(b"x", truncated=True)])
def test_answer_over_the_bound_is_refused(response: UpstreamResponse) -> None:
    refused = refusal(Web({"https://example.com/api.yaml": response}))
    assert (refused.code, refused.category) == ("document.too_large", ErrorCategory.TOO_LARGE)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "https://", "https://user:pw@example.com/", "https://[::1", "https://a:99999/", "x"]
)
def test_what_is_no_fetchable_url_is_refused_unasked(url: str) -> None:
    web = Web({})
    refused = refusal(web, url)
    assert (refused.code, web.asked) == ("document.url", [])
    assert "pw" not in refused.message
