"""Every hard case: the dry run is right, and a real server receives exactly the bytes of the dry run."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest

from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.plan import compile_plan
from apifold.core.requests.servers import ServerChoice
from apifold.gateway.upstream.client import UpstreamClient
from support.corpus import needs_corpus
from support.echo import EchoServer, Received, echo_server
from support.hard_cases import (
    Case,
    Verdict,
    arguments_of,
    catalogue,
    find_tool,
    judge_body,
    judge_headers,
    judge_url,
    load_cases,
)

pytestmark = [pytest.mark.corpus, pytest.mark.wire, needs_corpus()]

REFUSED = "github-path-dotdot"


def _whole_path(case: Case) -> None:
    """`docker-put-archive`: its input has the path `… y` and its expectation `/tmp/x y`; the input is mangled."""
    case.tool_input.query["path"] = "/tmp/x y"  # noqa: S108 - the text of the case


def _required_members(case: Case) -> None:
    """`3gpp-multipart-related`: SmContextCreateData requires four members that the input lacks (2020-12 validation
    6.5.3). As it stands the call is refused and names them; completed it is right.
    """
    members = {
        "servingNfId": "4947a69a-f61b-4bc1-b9da-47c9c5d14b64",
        "servingNetwork": {"mcc": "001", "mnc": "01"},
        "anType": "3GPP_ACCESS",
        "smContextStatusUri": "http://amf.example.com/status",
    }
    case.tool_input.body["jsonData"] |= members
    case.expect.body[0]["json"] |= members


def _required_body(case: Case) -> None:
    """`ogen-32-additional-operations`: the body is required and not given (Request Body Object, `required`). The case
    checks the tool and its method, in the letter case of the key (3.2 Path Item Object, `additionalOperations`).
    """
    case.tool_input.body = "hello"
    case.expect.method = find_tool(case).operation.method
    case.expect.body_kind, case.expect.body = "raw", {"text": "hello"}


def _no_accept_parameter(case: Case) -> None:
    """`pagerduty-brackets-accept`: a header parameter named Accept SHALL be ignored (Parameter Object, `name`), so it
    is no argument. The value that the document fixes for it is sent all the same.
    """
    case.expect.headers["accept"] = case.tool_input.header.pop("Accept")


CORRECTIONS: dict[str, Callable[[Case], None]] = {
    "docker-put-archive": _whole_path,
    "3gpp-multipart-related": _required_members,
    "ogen-32-additional-operations": _required_body,
    "pagerduty-brackets-accept": _no_accept_parameter,
}

CASES = {case.id: case for case in load_cases()}


def corrected(name: str) -> Case:
    case = deepcopy(CASES[name])
    if name in CORRECTIONS:
        CORRECTIONS[name](case)
    return case


def dry_run(case: Case, choice: ServerChoice | None = None) -> UpstreamRequest:
    tools = catalogue(case.spec_file)
    tool = find_tool(case)
    plan = compile_plan(tool, tools.input(tool), tools.document.resolver, servers=choice or ServerChoice())
    return build_request(plan, arguments_of(case, tool))


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    with echo_server() as server:
        yield server


def through_the_client(request: UpstreamRequest) -> None:
    async def send() -> None:
        client = UpstreamClient(policy=DestinationPolicy.allowing((), private=True))
        try:
            answer = await client.send(request, timeout=10)
            assert answer.status == 200
        finally:
            await client.close()

    asyncio.run(send())


def verdict(case: Case, request: UpstreamRequest) -> Verdict:
    assert request.method == case.expect.method
    assert judge_headers(case.expect, request) == []
    assert judge_body(case.expect, request), request.body
    return judge_url(case.expect, request.target)


@pytest.mark.parametrize("name", [name for name in CASES if name != REFUSED])
def test_dry_run_of_a_hard_case_is_right(name: str) -> None:
    case = corrected(name)
    request = dry_run(case)
    assert verdict(case, request) is not Verdict.WRONG, request.target
    server = case.expect.server.partition("(")[0].strip()
    if server.startswith("http") and not server.endswith("//"):
        assert f"{request.url}/".startswith(f"{server}/")


@pytest.mark.parametrize("name", [name for name in CASES if name != REFUSED])
def test_hard_case_arrives_byte_for_byte(name: str, echo: EchoServer) -> None:
    case = corrected(name)
    shown = dry_run(case)
    choice = ServerChoice(
        document_url=f"{echo.url}/openapi.json", origins={str(shown.origin): echo.url} if shown.origin else {}
    )
    sent = dry_run(case, choice)
    assert (sent.target, sent.headers, sent.body) == (shown.target, shown.headers, shown.body)
    through_the_client(sent)
    framing = sent.body or sent.method.upper() in ("POST", "PUT", "PATCH")
    assert echo.take() == Received(
        f"{shown.method} {shown.target} HTTP/1.1".encode(),
        (
            (b"Host", f"127.0.0.1:{echo.port}".encode()),
            *((key.encode(), value.encode()) for key, value in shown.headers),
            *([(b"Content-Length", str(len(shown.body)).encode())] if framing else []),
        ),
        shown.body,
    )


@pytest.mark.parametrize("name", [REFUSED])
def test_a_path_that_climbs_is_refused_before_anything_is_sent(name: str) -> None:
    with pytest.raises(InvalidArguments, match=r"/path: must not be or contain the path segment"):
        dry_run(corrected(name))


def test_inputs_that_lack_what_the_document_requires_are_refused_as_they_stand() -> None:
    with pytest.raises(InvalidArguments) as caught:
        dry_run(CASES["3gpp-multipart-related"])
    assert [problem.pointer for problem in caught.value.problems] == [
        "/body/jsonData/servingNfId",
        "/body/jsonData/servingNetwork",
        "/body/jsonData/anType",
        "/body/jsonData/smContextStatusUri",
    ]
    with pytest.raises(InvalidArguments, match="/body: is required"):
        dry_run(CASES["ogen-32-additional-operations"])


def test_the_spelling_is_the_expected_one_but_for_the_order_of_query_pairs() -> None:
    """The order of pairs is that of the document; the specification gives it no meaning."""
    found = Counter(verdict(case, dry_run(case)) for case in map(corrected, CASES) if case.id != REFUSED)
    assert found == {Verdict.EXACT: 40, Verdict.EQUIVALENT: 4}
