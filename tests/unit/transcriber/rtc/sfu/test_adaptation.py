"""What of each picture goes through: smaller first, then none, and sound always."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

from tests.unit.transcriber.rtc.sfu.members import track
from tests.unit.transcriber.rtc.sfu.test_forwarder import KEY
from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.sfu.adaptation import Adaptation
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.packet import Form
from transcriber.rtc.sfu.track import Track

RATES = (20, 60, 200)
"""Packets a second of each layer, of a kilobyte each: 160, 480 and 1,600 kbit/s."""


class Room:
    """A subscriber of sound and pictures."""

    def __init__(self, *sources: str) -> None:
        self.now = 100.0
        self.told: list[tuple[str, str]] = []
        self.tracks = [track("ann", "video" if source else "audio", source) for source in sources]
        self.legs = [Leg(Mock(Link), Form(96)) for _ in self.tracks]
        self.adaptation = Adaptation(
            lambda: zip(self.tracks, self.legs, strict=True), lambda *what: self.told.append(what)
        )
        for one, leg in zip(self.tracks, self.legs, strict=True):
            one.forwarder.add(leg, self.now)
            one.forwarder.pause(leg, False, self.now)
        self._sequences = [[0] * 3 for _ in self.tracks]

    def pass_(self, seconds: float = 1.0, *, bits: int = 10_000_000, fraction: float = 0.0) -> None:
        """Let everybody send for a while; the receiver says what fits and what was lost."""
        for _ in range(round(seconds / 0.5)):
            for place in range(len(self.tracks)):
                self._send(place)
            self.now += 0.5
            items: list[rtcp.Item] = [rtcp.Bandwidth(bits, ())]
            items += [rtcp.Loss(leg.source, fraction, 0, 0, 0, 0) for leg in self.legs]
            self.adaptation.told(items, self.now)
            self.adaptation.look(self.now)

    def _send(self, place: int) -> None:
        one, sequences = self.tracks[place], self._sequences[place]
        layers = 1 if one.kind == "audio" else 3
        for layer in range(layers):
            for _ in range(RATES[layer] // 2):
                sequences[layer] += 1
                buffer = Buffer()
                start = rtp.write_header(
                    buffer.data, 96, sequences[layer], 0, source=10 * place + layer + 1
                )
                buffer.view[start : start + len(KEY)] = KEY
                one.media(buffer, 1_000, self.now)

    def sent(self, place: int = 0) -> Any:
        """What was told last of a picture."""
        return [layer for id_, layer in self.told if id_ == self.tracks[place].id][-1]


def test_a_picture_becomes_as_large_as_fits_and_smaller_when_less_does() -> None:
    room = Room("camera")
    room.pass_(4)
    assert room.sent() == "high"
    assert room.adaptation.cut == 0
    room.pass_(2, bits=600_000)
    assert room.sent() == "mid"
    assert room.adaptation.cut == 1
    room.pass_(2, bits=200_000)
    assert room.sent() == "low"
    room.pass_(3, bits=80_000)
    assert room.sent() == "off"
    assert room.adaptation.cut == 2
    assert room.legs[0].paused
    room.pass_(40)
    assert room.sent() == "high"


def test_sound_is_never_left_out_and_screens_come_before_faces() -> None:
    room = Room("", "camera", "screen")
    room.pass_(4)
    room.pass_(6, bits=360_000)
    assert (room.sent(1), room.sent(2)) == ("off", "low")
    assert not room.legs[0].paused
    room.pass_(6, bits=60_000)
    assert room.sent(2) == "off"
    assert not room.legs[0].paused


def test_a_picture_comes_back_by_itself_when_it_was_left_out() -> None:
    room = Room("camera", "")
    room.pass_(4)
    room.pass_(2, bits=80_000)
    assert room.sent() == "off"
    for _ in range(40):
        room.now += 0.5
        for place in (0, 1):
            room._send(place)
        room.adaptation.look(room.now)
    assert room.sent() != "off"


def test_what_is_lost_means_that_less_fits() -> None:
    room = Room("camera")
    room.pass_(4)
    room.pass_(4, bits=0, fraction=0.5)
    assert room.adaptation.lost == 0.5
    assert room.sent() != "high"


def test_wishes_are_kept_until_the_track_is_gone() -> None:
    room = Room("camera", "")
    camera, sound = (one.id for one in room.tracks)
    room.adaptation.limit(camera, "mid", room.now)
    room.pass_(4)
    assert (room.sent(), room.adaptation.cut) == ("mid", 0)
    room.adaptation.pause(camera, True, room.now)
    room.adaptation.pause(sound, True, room.now)
    assert [leg.paused for leg in room.legs] == [True, True]
    room.adaptation.pause(camera, False, room.now)
    room.adaptation.pause(sound, False, room.now)
    assert [leg.paused for leg in room.legs] == [False, False]
    room.adaptation.forget(camera)
    room.pass_(2)
    assert room.sent() == "high"


def test_what_a_receiver_says_of_a_track_reaches_it_alone() -> None:
    room = Room("camera", "")
    room.pass_(2)
    room.now += 1
    up: Any = room.tracks[0].forwarder._upstream
    before = len(up.asked)
    room.adaptation.told(
        [rtcp.KeyframeWanted(1), rtcp.KeyframeWanted(room.legs[0].source)], room.now
    )
    assert len(up.asked) == before + 1


def test_a_picture_in_one_size_is_that_or_none() -> None:
    one: Track = track("ann", "video", "camera")
    told: list[tuple[str, str]] = []
    leg = Leg(Mock(Link), Form(96))
    adaptation = Adaptation(lambda: [(one, leg)], lambda *what: told.append(what))
    adaptation.limit(one.id, "high", 1.0)
    assert told == [(one.id, "low")]
