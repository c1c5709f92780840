"""Retries and the breaker, as transcripts of what happened when."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apifold.core.policy.resilience import (
    CLOSED,
    Breaker,
    BreakerRule,
    RetryRule,
    Verdict,
    pause_before_retry,
    retry_after,
)

RULE = BreakerRule(failures=5, open_seconds=30.0)
NOVEMBER_6_1994 = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT"""


@dataclass(frozen=True)
class Admit:
    at: float
    wait: float
    """What it has to say: 0 is go."""


@dataclass(frozen=True)
class Report:
    at: float
    verdict: Verdict
    probe: bool = False


def play(*events: Admit | Report) -> Breaker:
    state = CLOSED
    for event in events:
        if isinstance(event, Admit):
            state, wait = state.admit(event.at, RULE)
            assert wait == pytest.approx(event.wait), event
        else:
            state = state.report(event.verdict, event.at, probe=event.probe, rule=RULE)
    return state


FIVE_FAILURES = tuple(Report(at, Verdict.BROKEN) for at in range(5))


def test_breaker_opens_after_five_failures_in_a_row_for_thirty_seconds() -> None:
    play(*FIVE_FAILURES[:4], Admit(4, 0), Report(4, Verdict.BROKEN), Admit(5, 29), Admit(33.9, 0.1))


def test_an_answer_in_between_starts_the_count_again() -> None:
    assert play(*FIVE_FAILURES[:4], Report(4, Verdict.ALIVE), *FIVE_FAILURES[:4]) == Breaker(failures=4)


def test_half_open_admits_one_and_an_answer_closes_it() -> None:
    state = play(
        *FIVE_FAILURES, Admit(34, 0), Admit(34, 30), Admit(40, 24), Report(41, Verdict.ALIVE, probe=True), Admit(41, 0)
    )
    assert state is CLOSED


def test_probe_that_fails_opens_it_for_another_thirty_seconds() -> None:
    play(*FIVE_FAILURES, Admit(34, 0), Report(40, Verdict.BROKEN, probe=True), Admit(41, 29), Admit(70, 0))


def test_cancelled_probe_lets_the_next_call_be_the_probe() -> None:
    play(*FIVE_FAILURES, Admit(34, 0), Report(35, Verdict.UNKNOWN, probe=True), Admit(35, 0), Admit(35, 30))


def test_probe_that_never_reports_is_forgotten_after_a_pause() -> None:
    play(*FIVE_FAILURES, Admit(34, 0), Admit(63, 1), Admit(64, 0))


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_the_pause_but_may_end_it() -> None:
    play(
        *FIVE_FAILURES,
        Report(20, Verdict.BROKEN),
        Report(21, Verdict.UNKNOWN),
        Admit(30, 4),
        Report(31, Verdict.ALIVE),
        Admit(31, 0),
    )


def test_cancelled_call_changes_nothing_while_the_breaker_is_closed() -> None:
    assert play(*FIVE_FAILURES[:4], Report(4, Verdict.UNKNOWN)) == Breaker(failures=4)


@given(st.lists(st.tuples(st.sampled_from(Verdict), st.floats(0, 20)), max_size=60))
def test_never_more_than_one_call_is_let_through_while_it_is_open(steps: list[tuple[Verdict, float]]) -> None:
    state, now = CLOSED, 0.0
    for verdict, passed in steps:
        now += passed
        state, wait = state.admit(now, RULE)
        if wait > 0:
            continue
        probe = state.probe_at is not None
        if probe:
            assert state.admit(now, RULE)[1] > 0
        state = state.report(verdict, now, probe=probe, rule=RULE)


@pytest.mark.parametrize(
    ("attempt", "asked", "left", "jitter", "pause"),
    [
        (1, None, 30, 0.0, 0.1),
        (1, None, 30, 0.999, 0.1999),
        (2, None, 30, 0.0, 0.2),
        (3, None, 30, 0.0, None),
        (1, 3.0, 30, 0.5, 3.0),
        (1, 0.0, 30, 0.0, 0.1),
        (1, 10.5, 30, 0.0, None),
        (1, 5.0, 4.9, 0.0, None),
        (1, None, 0.05, 0.0, None),
    ],
)
def test_pause_before_the_next_attempt(
    attempt: int, asked: float | None, left: float, jitter: float, pause: float | None
) -> None:
    rule = RetryRule(retries=2, base_seconds=0.2, longest_seconds=10.0)
    found = pause_before_retry(attempt, asked=asked, left=left, jitter=jitter, rule=rule)
    assert found == (pause if pause is None else pytest.approx(pause))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 400, None),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Sun, 31 Feb 1994 08:49:47 GMT", None),
        ("Sun, 06 Nob 1994 08:49:47 GMT", None),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOVEMBER_6_1994) == seconds
