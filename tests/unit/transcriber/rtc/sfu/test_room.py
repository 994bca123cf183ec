"""A room: everybody learns what happens, limits hold, and it can be closed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.transcriber.rtc.sfu.members import Guest, track
from transcriber.errors import NotAllowed, NotFound, Overloaded
from transcriber.rtc.sfu.room import Member, Plan, Room, Witness
from transcriber.rtc.sfu.track import Shown, Track

SOUND = [Shown("microphone")]


class Diary(Witness):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def entered(self, member: Member) -> None:
        self.lines.append(f"{member.id} came")

    def gone(self, member: Member) -> None:
        self.lines.append(f"{member.id} left")

    def published(self, member: Member, track: Track) -> None:
        self.lines.append(f"{member.id} sends {track.kind}")

    def unpublished(self, member: Member, track: Track) -> None:
        self.lines.append(f"{member.id} ends {track.kind}")

    def changed(self, member: Member) -> None:
        self.lines.append(f"{member.id} speaks {member.language}")

    def speaking(self, levels: Mapping[str, int]) -> None:
        self.lines.append(f"heard: {dict(levels)}")

    def pressed(self, member: Member, key: str) -> None:
        self.lines.append(f"{member.id} pressed {key}")

    def closed(self) -> None:
        self.lines.append("closed")


def room(**plan: int) -> tuple[Room, Guest, Guest]:
    made = Room(Plan(name="Stand-up", **plan))  # type: ignore[arg-type]
    ann, bo = Guest("ann", "Ann", room=made), Guest("bo", "Bo", room=made)
    made.enter(ann)
    made.enter(bo)
    return made, ann, bo


def test_everybody_else_learns_who_comes_and_goes() -> None:
    made, ann, bo = room()
    assert ann.told == [
        {
            "type": "joined",
            "participant": {"id": "bo", "name": "Bo", "language": "en", "tracks": []},
        }
    ]
    assert bo.told == []
    made.leave(bo, "left")
    made.leave(bo, "left")
    assert ann.told[1:] == [{"type": "left", "participant_id": "bo", "reason": "left"}]


def test_what_somebody_sends_is_told_to_the_others_and_can_be_found() -> None:
    made, ann, bo = room()
    voice = track("ann")
    ann.send(voice)
    made.publish(ann, [voice])
    assert (bo.heard, bo.followed, ann.heard) == (["track.published"], 1, ["joined"])
    assert made.tracks == {voice.id: voice}
    assert made.track(voice.id) == (ann, voice)
    assert made.find("ann") is ann
    made.mute(ann, voice, True)
    assert bo.told[-1] == {
        "type": "muted", "participant_id": "ann", "track_id": voice.id, "muted": True,
    }  # fmt: skip
    made.leave(ann, "lost")
    assert bo.heard == ["track.published", "muted", "track.unpublished", "left"]
    with pytest.raises(NotFound, match="no such track"):
        made.track(voice.id)
    with pytest.raises(NotFound, match="no such participant"):
        made.find("ann")


def test_a_full_room_says_so() -> None:
    made, ann, bo = room(max_participants=2, max_publishers=1)
    with pytest.raises(Overloaded, match="2 participants are in this room"):
        made.enter(Guest("cleo"))
    ann.send(track("ann"))
    made.may_publish(ann, SOUND)
    with pytest.raises(Overloaded, match="1 participants send already"):
        made.may_publish(bo, SOUND)


def test_witnesses_learn_everything_until_they_look_away() -> None:
    made, ann, bo = room()
    diary = Diary()
    stop = made.watch(diary)
    cleo = Guest("cleo", room=made)
    made.enter(cleo)
    cleo.send(track("cleo"))
    made.publish(cleo, cleo.tracks.values())
    made.speak(cleo, "de")
    made.speak(cleo, "de")
    made.speaking({"cleo": 20})
    made.pressed(cleo, "5")
    cleo.leave("left")
    assert diary.lines == [
        "cleo came", "cleo sends audio", "cleo speaks de", "heard: {'cleo': 20}",
        "cleo pressed 5", "cleo ends audio", "cleo left",
    ]  # fmt: skip
    assert bo.told[-3:][0] == {
        "type": "speakers", "speakers": [{"participant_id": "cleo", "level_dbov": -20}],
    }  # fmt: skip
    made.watch(Diary())
    made.close()
    assert diary.lines[-3:] == ["ann left", "bo left", "closed"]
    stop()
    stop()
    assert ann.left == bo.left == "room_closed"


def test_a_closed_room_lets_nobody_in_and_closes_once() -> None:
    made, ann, _ = room()
    made.close("empty")
    made.close()
    assert ann.left == "empty"
    with pytest.raises(NotFound, match="has closed"):
        made.enter(Guest("cleo"))


def test_a_witness_may_see_nothing() -> None:
    made, ann, _ = room()
    made.watch(Witness())
    voice = track("ann")
    ann.send(voice)
    made.publish(ann, [voice])
    made.speak(ann, "fr")
    made.speaking({})
    made.pressed(ann, "1")
    made.enter(Guest("cleo"))
    made.close()


def test_what_is_sent_is_encrypted_as_the_room_is() -> None:
    plain, ann, _ = room()
    hidden, bo, _ = room(e2ee=True)
    secret = [Shown("camera", "aes-128-gcm")]
    plain.may_publish(ann, SOUND)
    hidden.may_publish(bo, secret)
    with pytest.raises(NotAllowed, match="your camera is encrypted, and this room is not"):
        plain.may_publish(ann, secret)
    with pytest.raises(NotAllowed, match="encrypted from end to end, and your microphone is not"):
        hidden.may_publish(bo, SOUND + secret)


def test_how_good_connections_are_is_told_and_forgotten_with_who_leaves() -> None:
    made, ann, bo = room()
    made.rate(ann, 2)
    assert bo.told[-1] == {"type": "quality", "participant_id": "ann", "score": 2}
    assert made.scores == {"ann": 2}
    made.leave(ann, "left")
    made.rate(ann, 5)
    assert made.scores == {}
