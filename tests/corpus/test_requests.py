"""Calls of real operations, far beyond the hard cases: a request is well formed or refused for a reason."""

import csv
import re
from itertools import islice

import pytest

from apifold.bootstrap.sources import load_path
from apifold.core.requests.arguments import InvalidArguments
from apifold.core.requests.build import build_request
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.plan import RequestPlan, compile_plan
from apifold.core.requests.servers import ServerChoice
from apifold.core.tools.compiler import compile_tools
from support.corpus import CORPUS, available, needs_corpus
from support.samples import sample

pytestmark = [pytest.mark.corpus, needs_corpus()]

TARGET = re.compile(r"/[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]*")
HEADER = re.compile(r"[\t\x20-\x7e]*")
EXPECTED = re.compile("must match the pattern|is not base64|multiple of|at least|1 property|is required|URL's path")
"""What a sample cannot get right."""
CALLS = 10
BROKEN = "github-octokit.json"
"""Not read at all; `test_documents` says why."""


def documents() -> list[str]:
    if not available():
        return []
    with (CORPUS / "index.csv").open(encoding="utf-8", newline="") as index:
        return [row["file"] for row in csv.DictReader(index) if row["file"] != BROKEN]


def check(request: UpstreamRequest, plan: RequestPlan) -> None:
    path = request.target.partition("?")[0]
    assert TARGET.fullmatch(request.target)
    assert path.startswith(plan.base.path + plan.literals[0])
    assert path.count("/") == plan.base.path.count("/") + plan.slashes
    assert all(HEADER.fullmatch(name) and HEADER.fullmatch(text) for name, text in request.headers)
    assert (request.body == b"" and request.body_kind == "none") or "Content-Type" in dict(request.headers)


@pytest.mark.parametrize("name", documents())
def test_calls_of_a_real_document_are_well_formed(name: str) -> None:
    catalogue = compile_tools(load_path(CORPUS / "specs" / name))
    step = max(1, len(catalogue) // CALLS)
    for tool in islice(catalogue, 0, None, step):
        built = catalogue.input(tool)
        plan = compile_plan(
            tool, built, catalogue.document.resolver, servers=ServerChoice(base_url="https://h.example/base")
        )
        for full in (False, True):
            arguments = sample(built.schema, full=full)
            assert isinstance(arguments, dict)
            try:
                request = build_request(plan, arguments)
            except InvalidArguments as refusal:
                unexplained = [one for one in refusal.problems if not EXPECTED.search(one.message)]
            else:
                unexplained = []
                check(request, plan)
                assert build_request(plan, arguments) == request
            assert unexplained == []
