"""How many callers fit into a process."""

import resource

import pytest

from apifold.gateway.descriptors import make_room, plan


@pytest.mark.parametrize(
    ("soft", "hard", "limit", "room"),
    [
        (1_024, 1_048_576, 11_024, 10_000),
        (1_024, -1, 11_024, 10_000),
        (65_536, 65_536, 65_536, 10_000),
        (1_024, 4_096, 4_096, 3_072),
        (256, 256, 256, 192),
        (4, 4, 4, 3),
        (1, 1, 1, 1),
        (-1, -1, -1, 10_000),
    ],
)
def test_callers_get_what_is_left_beside_the_calls_to_apis(soft: int, hard: int, limit: int, room: int) -> None:
    assert plan(10_000, soft, hard) == (limit, room)


def test_the_limit_of_this_process_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    try:
        assert make_room(1_000) == 1_000
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (2_024, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_whose_limit_cannot_be_raised_takes_fewer_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert make_room(1_000) == 192
