"""Whose sound is passed on: the loudest, those who are heard already a little sooner."""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.rtc.rtp import QUIETEST
from transcriber.rtc.sfu.loudest import FAVOUR, surplus


@dataclass
class Sound:
    loudest: int
    held: bool = False


def test_only_the_loudest_of_those_who_talk_are_passed_on() -> None:
    loud, louder, quiet, silent = Sound(20), Sound(10), Sound(40), Sound(QUIETEST)
    assert surplus([quiet, loud, silent, louder], 2) == [quiet]
    assert surplus([quiet, loud, silent, louder], 1) == [loud, quiet]
    assert surplus([quiet, loud, silent, louder], 3) == []
    assert surplus([quiet, loud, silent, louder], 0) == []


def test_others_must_be_clearly_louder_to_be_heard_instead() -> None:
    heard = Sound(20)
    little, clearly = Sound(20 - FAVOUR + 1, held=True), Sound(20 - FAVOUR - 1, held=True)
    assert surplus([little, heard], 1) == [little]
    assert surplus([clearly, heard], 1) == [heard]
