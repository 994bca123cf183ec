"""Which layer of which picture fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc.sfu.allocation import PAUSED, Picture, allocate

LAYERS = (100.0, 400.0, 1_500.0)


def test_with_room_for_all_everybody_gets_what_is_wanted() -> None:
    pictures = [Picture("a", LAYERS, 2), Picture("b", LAYERS, 1), Picture("c", (900.0,), 2)]
    assert allocate(10_000, pictures, {}) == {"a": 2, "b": 1, "c": 0}


def test_everybody_gets_the_smallest_before_anybody_gets_more() -> None:
    pictures = [Picture("a", LAYERS, 2), Picture("b", LAYERS, 2)]
    assert allocate(600, pictures, {}) == {"a": 1, "b": 0}
    assert allocate(250, pictures, {}) == {"a": 0, "b": 0}
    assert allocate(150, pictures, {}) == {"a": 0, "b": PAUSED}
    assert allocate(0, pictures, {}) == {"a": PAUSED, "b": PAUSED}
    assert allocate(0, [], {}) == {}


def test_going_up_takes_room_to_spare_and_staying_does_not() -> None:
    picture = Picture("a", LAYERS, 1)
    assert allocate(410, [picture], {"a": 0}) == {"a": 0}
    assert allocate(410, [picture], {"a": 1}) == {"a": 1}


def test_layers_that_are_not_sent_are_not_chosen() -> None:
    assert allocate(9_999, [Picture("a", (100.0, 0.0, 900.0), 2)], {}) == {"a": 2}
    assert allocate(9_999, [Picture("a", (100.0, 300.0, 0.0), 2)], {}) == {"a": 1}
    assert allocate(9_999, [Picture("a", (0.0, 0.0, 900.0), 0)], {}) == {"a": 2}
    assert allocate(9_999, [Picture("a", (), 2)], {}) == {"a": 0}


@given(
    st.floats(0, 5_000),
    st.lists(st.tuples(st.lists(st.floats(1, 2_000), max_size=3), st.integers(0, 2)), max_size=6),
)
def test_no_more_is_chosen_than_fits(bits: float, found: list[tuple[list[float], int]]) -> None:
    pictures = [
        Picture(str(number), sorted(rates), most) for number, (rates, most) in enumerate(found)
    ]
    chosen = allocate(bits, pictures, {})
    assert sum(picture.rate(chosen[picture.key]) for picture in pictures) <= bits + 1e-6
