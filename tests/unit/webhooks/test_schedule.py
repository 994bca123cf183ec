"""Pauses, wishes of receivers, and pace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.schedule import Pace, Schedule, seconds_asked

NOW = 1_700_000_000.0


def middle() -> float:
    return 0.5


def pauses(schedule: Schedule, status: int | None = 500) -> list[float | None]:
    return [schedule.pause(made, status=status, chance=middle) for made in range(1, 10)]


def test_the_pauses_grow_from_seconds_to_hours_and_end() -> None:
    expected = [5, 300, 1800, 7200, 18000, 36000, 36000, None, None]
    assert pauses(Schedule()) == expected


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_receiver_with_too_much_to_do_gets_a_minute(status: int | None) -> None:
    assert pauses(Schedule(), status)[:2] == [60, 300]


def test_a_growing_schedule_counts_all_attempts_and_keeps_its_limit() -> None:
    schedule = Schedule.growing(tries=5, initial=1, limit=3)
    assert schedule.delays == (1, 2, 3, 3)
    assert Schedule.growing(tries=0, initial=1, limit=3).delays == ()


@pytest.mark.parametrize(("asked", "pause"), [(1, 60), (90, 90), (9999, 120)])
def test_a_wish_is_honoured_within_bounds(asked: float, pause: float) -> None:
    assert Schedule().pause(1, status=429, asked=asked, chance=lambda: 0.0) == pause


@given(st.integers(1, 7), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_chance_moves_a_pause_by_a_fifth_at_most(
    made: int, chance: float, asked: float | None
) -> None:
    pause = Schedule().pause(made, status=500, asked=asked, chance=lambda: chance)
    delay = Schedule().delays[made - 1]
    assert pause is not None
    assert delay * 0.799 <= pause <= 2 * delay * 1.201


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2022 22:14:20 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_a_wish_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert seconds_asked(header, NOW) == seconds


@given(st.text())
def test_no_wish_is_an_error(header: str) -> None:
    seconds = seconds_asked(header, NOW)
    assert seconds is None or seconds >= 0


def test_requests_are_spread_evenly() -> None:
    pace = Pace(10)
    waits = [round(pace.take(100.0), 3) for _ in range(4)]
    assert waits == [0, 0, 0.1, 0.2]


def test_a_pause_earns_no_burst() -> None:
    pace = Pace(10)
    pace.take(100.0)
    waits = [round(pace.take(200.0), 3) for _ in range(4)]
    assert waits == [0, 0, 0.1, 0.2]


def test_a_late_timer_does_not_slow_the_pace() -> None:
    pace, now, sent = Pace(100), 0.0, 0
    while now < 10:
        now += pace.take(now) + 0.004
        sent += 1
    assert 990 <= sent <= 1011
