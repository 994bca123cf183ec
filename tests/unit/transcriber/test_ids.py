"""Identifiers that sort by time."""

from hypothesis import given
from hypothesis import strategies as st

from transcriber.ids import new_id

TIMES = st.floats(min_value=0, max_value=4e9)


@given(earlier=TIMES, later=TIMES, chance=st.binary(min_size=10, max_size=10))
def test_later_ones_sort_after_earlier_ones(earlier: float, later: float, chance: bytes) -> None:
    earlier, later = sorted((earlier, later))
    first = new_id("evt", now=lambda: earlier, chance=lambda size: chance)
    second = new_id("evt", now=lambda: later + 0.002, chance=lambda size: chance)
    assert first < second


def test_they_are_safe_in_urls_and_say_what_they_name() -> None:
    prefix, _, rest = new_id("room").partition("_")
    assert prefix == "room"
    assert len(rest) == 32
    assert int(rest, 16)


def test_no_two_are_the_same() -> None:
    assert len({new_id("evt") for _ in range(1000)}) == 1000
