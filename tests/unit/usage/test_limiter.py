"""A limit per minute holds in every minute, and what is told about it is true."""

from hypothesis import given
from hypothesis import strategies as st

from apifold.usage.limiter import InProcessLimiter, Rate


def test_all_places_may_be_taken_at_once_and_the_next_is_told_when() -> None:
    limiter = InProcessLimiter()
    assert [limiter.take("a", 3, 10.25) for _ in range(4)] == [
        Rate(allowed=True, limit=3, remaining=2, reset=60.75),
        Rate(allowed=True, limit=3, remaining=1, reset=60.75),
        Rate(allowed=True, limit=3, remaining=0, reset=60.75),
        Rate(allowed=False, limit=3, remaining=0, reset=60.75),
    ]
    assert not limiter.take("a", 3, 70.99).allowed
    assert limiter.take("a", 3, 71.0) == Rate(allowed=True, limit=3, remaining=2, reset=61.0)


def test_keys_do_not_share_places() -> None:
    limiter = InProcessLimiter()
    assert [limiter.take(key, 1, 0.0).allowed for key in "abab"] == [True, True, False, False]


def test_limit_that_was_lowered_or_raised_holds_at_once() -> None:
    limiter = InProcessLimiter()
    for _ in range(5):
        limiter.take("a", 5, 0.0)
    assert limiter.take("a", 3, 0.0) == Rate(allowed=False, limit=3, remaining=0, reset=61.0)
    assert limiter.take("a", 7, 0.0) == Rate(allowed=True, limit=7, remaining=1, reset=61.0)


def test_limit_of_nothing_lets_nothing_through() -> None:
    assert InProcessLimiter().take("a", 0, 5.0) == Rate(allowed=False, limit=0, remaining=0, reset=60.0)


def test_keys_are_bounded_and_the_one_used_longest_ago_is_forgotten() -> None:
    limiter = InProcessLimiter(most_keys=2)
    for key in "aba":
        limiter.take(key, 2, 0.0)
    limiter.take("c", 2, 0.0)  # b goes
    assert [limiter.take(key, 2, 0.0).remaining for key in "ac"] == [0, 0]
    assert limiter.take("b", 2, 0.0).remaining == 1


def test_memory_of_a_key_does_not_grow_with_its_calls() -> None:
    limiter = InProcessLimiter()
    for number in range(10_000):
        limiter.take("a", 10_000, number / 50)
    assert len(limiter._keys["a"].seconds) <= 61


def test_clock_that_goes_back_gives_no_places_away() -> None:
    limiter = InProcessLimiter()
    assert [limiter.take("a", 2, now).allowed for now in (100.0, 5.0, 5.0, 100.0)] == [True, True, False, False]


@given(st.integers(1, 6), st.lists(st.floats(0.0, 40.0), max_size=80))
def test_no_minute_has_more_than_the_limit_and_none_is_refused_for_long(limit: int, gaps: list[float]) -> None:
    limiter, now = InProcessLimiter(), 0.0
    let_through: list[float] = []
    for gap in gaps:
        now += gap
        rate = limiter.take("a", limit, now)
        recent = [moment for moment in let_through if now - moment < 62]
        assert rate.allowed or len(recent) >= limit
        assert 0 < rate.reset <= 61
        if rate.allowed:
            let_through.append(now)
    for moment in let_through:
        assert sum(moment <= other < moment + 60 for other in let_through) <= limit


@given(st.integers(1, 4), st.lists(st.floats(0.0, 40.0), min_size=1, max_size=40))
def test_who_waits_as_long_as_told_is_let_through(limit: int, gaps: list[float]) -> None:
    limiter, now = InProcessLimiter(), 0.0
    for gap in gaps:
        now += gap
        rate = limiter.take("a", limit, now)
        if not rate.allowed:
            now += rate.reset + 1e-9
            assert limiter.take("a", limit, now).allowed
