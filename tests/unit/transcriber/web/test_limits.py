"""How often somebody may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.web.limits import Buckets


def take(buckets: Buckets, who: str, now: float) -> float:
    if not (wait := buckets.wait(who, now)):
        buckets.spend(who, now)
    return wait


def test_a_burst_is_granted_and_then_only_the_rate() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [take(buckets, "ann", 10.0) for _ in range(3)] == [0, 0, 0]
    assert take(buckets, "ann", 10.0) == pytest.approx(0.5)
    assert take(buckets, "ann", 10.4) == pytest.approx(0.1)
    assert take(buckets, "ann", 10.5) == 0
    assert take(buckets, "ann", 10.5) > 0


def test_nobody_pays_for_others() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert take(buckets, "ann", 0.0) == 0
    assert take(buckets, "ann", 0.0) > 0
    assert take(buckets, "bob", 0.0) == 0


def test_who_has_rested_has_no_more_than_a_burst() -> None:
    buckets = Buckets(rate=1, burst=2)
    assert take(buckets, "ann", 0.0) == 0
    assert [take(buckets, "ann", 1e6) for _ in range(2)] == [0, 0]
    assert take(buckets, "ann", 1e6) > 0


def test_a_failure_may_cost_more() -> None:
    buckets = Buckets(rate=1, burst=20)
    buckets.spend("ann", 0.0, 15)
    buckets.spend("ann", 0.0, 15)
    assert buckets.wait("ann", 0.0) == pytest.approx(1)


def test_many_names_do_not_fill_the_memory() -> None:
    buckets = Buckets(rate=1, burst=1, most=3)
    for name in "abcd":
        assert take(buckets, name, 0.0) == 0
    assert take(buckets, "d", 0.0) > 0
    assert take(buckets, "a", 0.0) == 0, "forgotten"
    assert len(buckets._levels) == 3


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_in_any_time(pauses: list[float]) -> None:
    buckets, now, granted = Buckets(rate=2, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        granted += take(buckets, "ann", now) == 0
    assert granted <= 5 + 2 * (now - pauses[0]) + 1e-6
