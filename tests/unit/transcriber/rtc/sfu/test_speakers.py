"""Who speaks: the loudest packet counts, with a moment of patience."""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.rtc.rtp import QUIETEST
from transcriber.rtc.sfu.speakers import Speakers


@dataclass
class Sound:
    owner: str
    loudest: int = QUIETEST
    muted: bool = False


def test_the_loudest_comes_first_and_only_changes_are_told() -> None:
    ann, bo, cleo = Sound("ann", 30), Sound("bo", 20), Sound("cleo", 36)
    speakers = Speakers(35)
    assert list((speakers.look([ann, bo, cleo], 1.0) or {}).items()) == [("bo", 20), ("ann", 30)]
    assert (ann.loudest, bo.loudest) == (QUIETEST, QUIETEST)
    assert speakers.look([ann, bo, cleo], 1.3) is None
    bo.loudest = 10
    assert speakers.look([ann, bo, cleo], 1.6) == {"bo": 10, "ann": 30}
    assert speakers.look([ann, bo, cleo], 1.9) == {"bo": 10}
    assert speakers.look([ann, bo, cleo], 2.5) == {}
    assert speakers.look([ann, bo, cleo], 2.8) is None


def test_who_is_muted_does_not_speak() -> None:
    assert Speakers(35).look([Sound("ann", 5, muted=True)], 1.0) is None
