"""Identifiers that sort by time."""

from hypothesis import given
from hypothesis import strategies as st

from transcriber.ids import Sequence, new_id

TIMES = st.floats(min_value=0, max_value=4e9)
CHANCES = st.binary(min_size=10, max_size=10)


@given(earlier=TIMES, later=TIMES, chance=CHANCES)
def test_later_ones_sort_after_those_of_others(earlier: float, later: float, chance: bytes) -> None:
    earlier, later = sorted((earlier, later))
    first = new_id("evt", Sequence(lambda: earlier, lambda size: chance))
    second = new_id("evt", Sequence(lambda: later + 0.002, lambda size: chance))
    assert first < second


@given(moments=st.lists(st.tuples(TIMES, CHANCES), max_size=20))
def test_ours_sort_as_they_were_made_whatever_the_clock_does(
    moments: list[tuple[float, bytes]],
) -> None:
    clock = iter(moments)
    moment, chance = 0.0, b""
    sequence = Sequence(lambda: moment, lambda size: chance)
    made = []
    for moment, chance in clock:  # noqa: B007 - the sequence reads them
        made.append(new_id("evt", sequence))
    assert made == sorted(set(made))


def test_they_are_safe_in_urls_and_say_what_they_name() -> None:
    prefix, _, rest = new_id("room").partition("_")
    assert prefix == "room"
    assert len(rest) == 32
    assert int(rest, 16)
