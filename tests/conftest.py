"""Shared by every test: helpers are importable as `support.…`, and in CI a skipped test is a failure."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

CI = os.environ.get("CI") == "true"


def skipped(config: pytest.Config) -> int:
    """How many tests were skipped, in the process that reports; 0 in xdist's workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return 0 if reporter is None else len(reporter.stats.get("skipped", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    if CI and exitstatus == pytest.ExitCode.OK and skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if CI and skipped(config):
        terminalreporter.write_line(f"{skipped(config)} skipped: in CI everything runs, so this run failed", red=True)
