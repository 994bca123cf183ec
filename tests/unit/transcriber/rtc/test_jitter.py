"""The order of packets: nothing waits that need not, and nothing is played twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc.jitter import HELD, HOLD, RESTART, Frame, Order


def offer(order: Order, *sequences: int, now: float = 0.0) -> list[tuple[int, int]]:
    """Offer packets whose payload is their number; return what was played and what was missing."""
    played = []
    for sequence in sequences:
        if order.in_turn(sequence):
            played.append((sequence, 0))
        else:
            frames = order.offer(sequence, Frame(sequence * 960, str(sequence).encode()), now)
            played += [(int(frame.payload), frame.missing) for frame in frames]
    return played


def test_packets_in_order_are_played_at_once() -> None:
    order = Order(65_534)
    assert offer(order, 65_534, 65_535, 0, 1) == [(65_534, 0), (65_535, 0), (0, 0), (1, 0)]
    assert not order.holding


def test_a_packet_that_overtook_another_waits_for_it() -> None:
    order = Order(10)
    assert offer(order, 11, 12) == []
    assert order.holding
    assert offer(order, 10) == [(10, 0), (11, 0), (12, 0)]
    assert order.lost == 0


def test_what_is_missing_is_given_up_after_a_moment() -> None:
    order = Order(10)
    offer(order, 12, now=1.0)
    assert order.expire(1.0 + HOLD / 2) == []
    assert [(frame.payload, frame.missing) for frame in order.expire(1.0 + 2 * HOLD)] == [
        (b"12", 2)
    ]
    assert order.lost == 2
    assert order.expire(9.0) == []


def test_what_is_missing_is_given_up_when_too_many_wait_for_it() -> None:
    order = Order(10)
    later = range(11, 12 + HELD)
    assert offer(order, *later) == [(11, 1), *((sequence, 0) for sequence in later[1:])]


def test_late_packets_and_copies_are_counted_and_not_played() -> None:
    order = Order(10)
    assert offer(order, 10, 10, 9, 12, 12) == [(10, 0)]
    assert (order.late, order.duplicate) == (2, 1)


def test_only_what_is_missing_is_wanted() -> None:
    order = Order(10)
    offer(order, 10, 12)
    assert [number for number in range(9, 14) if order.wanted(number)] == [11, 13]


def test_a_jump_is_believed_when_the_next_packet_follows() -> None:
    order = Order(10)
    offer(order, 10, 12)
    assert offer(order, 5_000) == []
    assert offer(order, 5_001) == [(12, 0), (5_001, 0)]
    assert offer(order, 5_002) == [(5_002, 0)]
    assert order.restarts == 1


@pytest.mark.parametrize("far", [10 + RESTART + 1, 40_000, (10 - RESTART - 1) & 0xFFFF])
def test_a_single_packet_from_far_away_changes_nothing(far: int) -> None:
    order = Order(10)
    assert offer(order, 10, far, 11) == [(10, 0), (11, 0)]
    assert order.restarts == 0


@given(
    first=st.integers(0, 65_535),
    moves=st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=120),
)
def test_nothing_is_played_twice_or_out_of_order(first: int, moves: list[tuple[int, bool]]) -> None:
    order = Order(first)
    played: list[int] = []
    missing = 0
    for place, (shift, lost) in enumerate(moves):
        if not lost:
            found = offer(order, (first + max(0, place + shift)) & 0xFFFF, now=place * 0.02)
            played += [number for number, _ in found]
            missing += sum(count for _, count in found)
        for frame in order.expire(place * 0.02):
            played.append(int(frame.payload))
            missing += frame.missing
    distances = [(number - first) & 0xFFFF for number in played]
    assert distances == sorted(set(distances))
    assert not distances or distances[-1] + 1 == len(distances) + missing
    assert order.lost == missing
