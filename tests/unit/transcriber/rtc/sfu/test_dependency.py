"""What packets of AV1 say beside their payload."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transcriber.rtc.sfu.pictures import L3T2, av1, structure
from transcriber.rtc.sfu.dependency import Dependencies
from transcriber.rtc.sfu.scalable import NOWHERE, Part


def test_a_keyframe_brings_templates_and_later_frames_name_them() -> None:
    reads = Dependencies()
    assert reads.read(av1(0)) is None
    assert reads.read(av1(62, brings=structure(first=62))) == Part(0, needs=-1, lifts=2)
    assert reads.read(av1(62 + 4, begins=False)) == Part(2, begins=False, needs=0, lifts=2)
    assert reads.read(av1(62 + 3, ends=False)) == Part(1, ends=False, needs=0, lifts=2)


def test_one_may_go_up_only_where_a_frame_says_so() -> None:
    reads = Dependencies()
    reads.read(av1(0, brings=structure(switch=False)))
    assert reads.read(av1(0)) == Part(0, needs=0, lifts=NOWHERE)
    assert reads.read(av1(0, own="00" * 3 + "10" + "00" * 2)) == Part(0, needs=0, lifts=1)
    assert reads.read(av1(0, active="111111", own="10" * 6)) == Part(0, needs=0, lifts=2)


def test_frame_rates_are_rungs_where_there_is_one_size() -> None:
    reads = Dependencies()
    rates = ((0, 0), (0, 1), (0, 1), (0, 2))
    assert reads.read(av1(0, brings=structure(rates))) == Part(0, needs=-1, lifts=2)
    assert reads.read(av1(3)) == Part(2, needs=0, lifts=2)


def test_the_whole_of_a_size_is_its_rung_in_whatever_order_the_cuts_are() -> None:
    layers = ((0, 0), (0, 1), (1, 0))
    bits = "000000" + "00010" + "01" + "10" + "11"
    for row in ("1010" + "10", "0010" + "00", "0000" + "10"):
        bits += row
    assert len(layers) == 3
    assert Dependencies().read(av1(0, brings=bits)) == Part(0, needs=-1, lifts=1)


@given(st.binary(max_size=60))
def test_whatever_comes_is_no_failure(descriptor: bytes) -> None:
    reads = Dependencies()
    reads.read(av1(0, brings=structure(L3T2)))
    reads.read(descriptor)
    reads.read(b"\xc0\x00\x07\x80" + descriptor)


def test_more_templates_or_sizes_than_there_can_be_are_none() -> None:
    many, wide = [(0, 0)] * 70, [(size, 0) for size in range(9)]
    for layers in (many, wide):
        steps = "".join("00" if layers is many else "10" for _ in layers[1:]) + "11"
        bits = "000000" + "00000" + steps + "10" * len(layers)
        assert Dependencies().read(av1(0, brings=bits)) is None
    assert Dependencies().read(b"") is None
