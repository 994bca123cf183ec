"""A breaker against what it promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webhooks.breaker import Breaker, BreakerRules

RULES = BreakerRules(threshold=3, reset=60)


def fail(times: int, *, now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(RULES, now)
    return breaker


def test_opens_after_enough_failures_in_a_row() -> None:
    assert fail(2).state(100) == "closed"
    assert fail(3).state(100) == "open"


def test_a_success_forgets_the_failures() -> None:
    assert fail(2).succeeded().failed(RULES, 100).state(100) == "closed"


def test_lets_one_through_when_the_pause_is_over() -> None:
    assert fail(3).state(159.9) == "open"
    assert fail(3).state(160) == "half_open"


def test_the_probe_decides() -> None:
    waiting = fail(3)
    assert waiting.succeeded().state(160) == "closed"
    again = waiting.failed(RULES, 160)
    assert (again.state(219), again.state(220)) == ("open", "half_open")


def test_what_was_in_flight_does_not_lengthen_the_pause() -> None:
    assert fail(3).failed(RULES, 150).open_until == 160


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100))))
def test_it_is_open_only_after_a_row_of_failures_and_never_for_longer_than_the_pause(
    outcomes: list[tuple[bool, float]],
) -> None:
    breaker, now, row = Breaker(), 1.0, 0
    for good, later in outcomes:
        now += later
        breaker = breaker.succeeded() if good else breaker.failed(RULES, now)
        row = 0 if good else row + 1
        assert (breaker.state(now) != "closed") == (row >= RULES.threshold)
        assert breaker.open_until <= now + RULES.reset
