"""What VP9 says before its payload."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transcriber.rtc.sfu.pictures import vp9
from transcriber.rtc.sfu.scalable import ANY, Part, Vp9


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("number", [None, 5, 1_000])
def test_sizes_are_rungs_and_may_be_begun_where_nothing_else_is_needed(
    flexible: bool, number: int | None
) -> None:
    reads = Vp9()
    first = vp9(0, alone=True, sizes=3, ends=False, flexible=flexible, number=number)
    assert reads.read(first) == Part(0, ends=False, needs=-1, lifts=ANY)
    last = vp9(2, alone=True, begins=False, flexible=flexible, number=number)
    assert reads.read(last) == Part(2, begins=False, needs=-1)
    later = vp9(1, 2, up=True, flexible=flexible, number=number)
    assert reads.read(later) == Part(1, needs=-1)


def test_sizes_of_a_later_picture_are_read_behind_its_references() -> None:
    reads = Vp9()
    reads.read(vp9(0, flexible=True, sizes=2))
    assert reads.read(vp9(0, 2)) == Part(0, needs=-1)


def test_frame_rates_are_rungs_where_there_is_one_size() -> None:
    reads = Vp9()
    assert reads.read(vp9(0, 0, alone=True, sizes=1)) == Part(0, needs=-1, lifts=ANY)
    assert reads.read(vp9(0, 2)) == Part(2, needs=2)
    assert reads.read(vp9(0, 1, up=True)) == Part(1, needs=1, lifts=ANY)


@given(st.binary(max_size=12))
def test_whatever_comes_is_no_failure(payload: bytes) -> None:
    Vp9().read(payload)
    assert Vp9().read(b"") is None
    assert Vp9().read(b"\x08picture") is None
