"""Transport-wide feedback: what came is told a few times a second, and what did not."""

from __future__ import annotations

from transcriber.rtc import rtcp
from transcriber.rtc.sfu.arrivals import Arrivals


def read(answer: bytes) -> rtcp.TransportFeedback:
    (item,) = rtcp.read(answer, len(answer))
    assert isinstance(item, rtcp.TransportFeedback)
    return item


def test_what_arrived_is_told_after_a_tenth_of_a_second() -> None:
    arrivals = Arrivals(1)
    for step, number in enumerate((65_534, 65_535, 1)):
        assert arrivals.note(number, 7, 10.0 + step * 0.02, 10.0 + step * 0.02) == b""
    told = read(arrivals.note(2, 7, 10.11, 10.11))
    assert told.first == 65_534
    assert [arrival is None for arrival in told.arrivals] == [False, False, True, False, False]
    after = arrivals.note(3, 7, 10.3, 10.3)
    assert read(after).first == 3
    assert after[15 + 4] == 1  # the second answer


def test_what_is_late_or_out_of_the_blue_does_not_confuse() -> None:
    arrivals = Arrivals(1)
    arrivals.note(10, 7, 1.0, 1.0)
    assert read(arrivals.note(11, 7, 1.2, 1.2)).first == 10
    assert arrivals.note(9, 7, 1.4, 1.4) == b""  # told as lost already
    assert read(arrivals.note(30_000, 7, 1.6, 1.6)).first == 30_000
