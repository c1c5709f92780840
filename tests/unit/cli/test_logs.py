"""What the running program logs reaches the person as a line."""

import io
import logging

import pytest

from apifold.cli.arguments import parse
from apifold.cli.invocation import Invocation
from apifold.cli.logs import logging_to_terminal
from apifold.cli.terminal import Terminal


def logged(environment: dict[str, str]) -> str:
    err = io.StringIO()
    terminal = Terminal(io.StringIO(), err, environment={})
    with logging_to_terminal(Invocation(parse(["demo"]), terminal, environment)):
        logging.getLogger("apifold.serve").info("started")
        try:
            raise ValueError("no\nway")
        except ValueError:
            logging.getLogger("apifold.serve").exception("a handler failed")
    return err.getvalue()


def test_failure_is_a_line_without_its_trace() -> None:
    assert logged({}) == "error: a handler failed: ValueError: no way\n"


def test_trace_is_shown_when_asked_for() -> None:
    assert "Traceback (most recent call last)" in logged({"APIFOLD_DEBUG": "1"})


def test_what_logged_before_logs_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    logged({})
    logging.getLogger("apifold.serve").warning("still here")
    assert caplog.messages == ["still here"]
