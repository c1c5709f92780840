"""The official conformance suite passes, run against the product's own server with the suite's backend behind it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from support.conformance import conformance, patiently
from support.fixture_backend import FixtureBackend
from support.mcp_server import serving

pytestmark = [pytest.mark.node, pytest.mark.wire]

REQUIRED = {"2026-07-28": 37, "2025-11-25": 30}
OPTIONAL_EXTENSION = "tasks-"
"""Scenarios of the tasks extension, which is not part of the protocol and not scored."""


@pytest.mark.parametrize("revision", REQUIRED)
def test_everything_a_revision_requires_passes_without_a_warning(revision: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            ran, checks = await conformance(served.url, "--requirements", revision, folder=tmp_path)
            assert ran.code == 0, ran.stdout[-3000:]
            unclean = [
                check
                for check in checks
                if check.status in {"FAILURE", "WARNING"} and not check.scenario.startswith(OPTIONAL_EXTENSION)
            ]
            assert unclean == []
            assert len({check.scenario for check in checks}) >= REQUIRED[revision]
            assert served.crashes == []

    patiently(run())


@pytest.mark.parametrize(("revision", "least"), [("2025-06-18", 25), ("2025-03-26", 1)])
def test_every_scenario_of_the_older_revisions_is_clean(revision: str, least: int, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            selection = ("--suite", "all", "--spec-version", revision)
            ran, checks = await conformance(served.url, *selection, folder=tmp_path)
            assert ran.code == 0, ran.stdout[-3000:]
            assert [check for check in checks if check.status in {"FAILURE", "WARNING"}] == []
            assert len({check.scenario for check in checks}) >= least
            assert served.crashes == []

    patiently(run())


def test_a_client_that_comes_back_gets_the_answer_it_missed(tmp_path: Path) -> None:
    """The scenario passes with nothing shown when a server never opens a stream; here every step must have happened."""

    async def run() -> None:
        async with serving(FixtureBackend()) as served:
            selection = ("--scenario", "server-sse-polling", "--spec-version", "2025-11-25")
            _, checks = await conformance(served.url, *selection, folder=tmp_path)
            assert {check.id for check in checks if check.status == "SUCCESS"} >= {
                "server-sse-priming-event",
                "server-sse-retry-field",
                "server-sse-disconnect-resume",
            }

    patiently(run())


def test_a_server_without_sessions_lacks_only_what_needs_one(tmp_path: Path) -> None:
    """What an OpenAPI server is: nothing is asked of the client, so nothing is remembered of it."""

    async def run() -> None:
        backend = FixtureBackend()
        backend.description = replace(backend.description, sessions=False)
        async with serving(backend) as served:
            _, checks = await conformance(served.url, "--requirements", "2025-11-25", folder=tmp_path)
            failed = {check.scenario for check in checks if check.status == "FAILURE"}
            assert failed == {
                "tools-call-sampling",
                "tools-call-elicitation",
                "elicitation-sep1034-defaults",
                "elicitation-sep1330-enums",
            }

    patiently(run())
