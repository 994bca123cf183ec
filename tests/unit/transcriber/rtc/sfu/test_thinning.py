"""What a subscriber of a scalable picture gets, and under which numbers."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcriber.rtc.sfu.packet import Packet
from transcriber.rtc.sfu.scalable import ANY, NOWHERE, Part
from transcriber.rtc.sfu.thinning import MEMORY, Thinning

KEY = [Part(size, needs=-1, lifts=ANY if size == 0 else NOWHERE) for size in range(3)]
DELTA = [Part(size) for size in range(3)]


def packet(sequence: int, picture: int, part: Part | None, *, marker: int = 0) -> Packet:
    payload = b"%d" % sequence
    return Packet(sequence & 0xFFFF, picture * 3_000, marker, 0, payload, 0.0, part=part)


class Viewer:
    """Gets pictures of three sizes, one packet each."""

    def __init__(self, target: int) -> None:
        self.thinning, self.target = Thinning(), target
        self.sequence = self.picture = 0

    def show(self, parts: list[Part]) -> list[Packet]:
        self.picture += 1
        got = []
        for part in parts:
            one = packet(self.sequence, self.picture, part, marker=0x80 * (part is parts[-1]))
            self.sequence += 1
            if sent := self.thinning.take(one, self.target):
                got.append(sent)
        return got


def test_nothing_is_shown_before_a_keyframe_and_all_that_is_wanted_from_there_on() -> None:
    viewer = Viewer(target=1)
    assert viewer.show(DELTA) == []
    got = viewer.show(KEY) + viewer.show(DELTA)
    assert [one.payload for one in got] == [b"3", b"4", b"6", b"7"]
    numbers = [one.sequence for one in got]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert [one.marker for one in got] == [0, 0x80, 0, 0x80]


def test_one_goes_down_at_the_next_picture_and_up_at_the_next_keyframe() -> None:
    viewer = Viewer(target=2)
    assert len(viewer.show(KEY)) == 3
    viewer.target = 0
    assert [one.marker for one in viewer.show(DELTA)] == [0x80]
    viewer.target = 2
    assert len(viewer.show(DELTA)) == 1
    assert len(viewer.show(KEY)) == 3


def test_who_wants_less_in_the_middle_of_a_picture_gets_its_rest() -> None:
    viewer = Viewer(target=2)
    viewer.thinning.take(packet(0, 1, KEY[0]), 2)
    assert viewer.thinning.take(packet(1, 1, KEY[1]), 2)
    assert viewer.thinning.take(packet(2, 1, DELTA[1]), 0)
    assert viewer.thinning.take(packet(3, 2, DELTA[1]), 0) is None


def test_late_and_repeated_packets_have_the_number_that_was_theirs() -> None:
    thinning = Thinning()
    assert thinning.take(packet(10, 1, KEY[0]), 0)
    assert thinning.take(packet(11, 1, KEY[1]), 0) is None
    later = thinning.take(packet(14, 3, DELTA[0]), 0)
    assert later
    assert later.sequence == 13
    late = thinning.take(packet(12, 2, DELTA[0]), 0)
    assert late
    assert late.sequence == 11
    assert thinning.take(packet(12, 2, DELTA[0]), 0) is late
    assert thinning.take(packet(13, 2, DELTA[1]), 0) is None
    assert thinning.take(packet(11, 1, KEY[1]), 0) is None
    assert thinning.find(13) is later
    assert thinning.find(12) is None
    assert thinning.take(packet(14 - MEMORY, 0, DELTA[0]), 0) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([*KEY, *DELTA, None]), st.integers(0, 2), st.integers(-60, 600)),
        max_size=80,
    )
)
def test_one_number_never_stands_for_two_packets(
    moves: list[tuple[Part | None, int, int]],
) -> None:
    thinning, sequence = Thinning(), 65_000
    given_out: dict[int, Packet] = {}
    newest = sequence
    for place, (part, target, step) in enumerate(moves):
        sequence = newest + step
        newest = max(newest, sequence)
        sent = thinning.take(packet(sequence, place, part), target)
        if sent and sent.sequence in given_out:
            assert given_out[sent.sequence] is sent
        elif sent:
            given_out[sent.sequence] = sent


def test_what_is_left_out_leaves_no_gap_across_the_wrap_of_numbers() -> None:
    viewer = Viewer(target=0)
    viewer.sequence = 65_500
    got = [one for number in range(60) for one in viewer.show(KEY if number == 0 else DELTA)]
    steps = {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(got)}
    assert steps == {1}


def test_what_only_fills_up_the_way_is_left_out_without_a_gap() -> None:
    thinning = Thinning()
    assert thinning.take(packet(1, 1, KEY[0]), 0)
    assert thinning.take(packet(2, 1, None), 0) is None
    after = thinning.take(packet(3, 2, DELTA[0]), 0)
    assert after
    assert after.sequence == 2


def test_a_great_loss_leaves_a_gap_of_one_and_what_comes_late_of_it_is_left_out() -> None:
    thinning = Thinning()
    assert thinning.take(packet(10, 1, KEY[0]), 0)
    after = thinning.take(packet(100, 2, DELTA[0]), 0)
    assert after
    assert after.sequence == 12
    assert thinning.take(packet(50, 2, DELTA[0]), 0) is None
