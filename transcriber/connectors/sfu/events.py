"""What happens in a built-in room, for everybody who follows events."""

from __future__ import annotations

from collections.abc import Mapping

from transcriber.bus.memory import Bus
from transcriber.events import (
    ActiveSpeakers,
    Loudness,
    SpeakerChanged,
    TrackPublished,
    TrackUnpublished,
)
from transcriber.events import Track as Sent
from transcriber.rtc.sfu.room import Member, Room, Witness
from transcriber.rtc.sfu.track import Track

__all__ = ["RoomEvents"]


class RoomEvents(Witness):
    """Publishes events of one room; they belong to the room's id, whoever listens in it."""

    def __init__(self, room: Room, bus: Bus) -> None:
        self._room, self._bus = room.id, bus
        self._speaking: tuple[str, ...] = ()

    def published(self, member: Member, track: Track) -> None:
        """Somebody sends something."""
        self._bus.publish(TrackPublished(session_id=self._room, data=self._sent(member, track)))

    def unpublished(self, member: Member, track: Track) -> None:
        """Somebody no longer sends it."""
        self._bus.publish(TrackUnpublished(session_id=self._room, data=self._sent(member, track)))

    def speaking(self, levels: Mapping[str, int]) -> None:
        """Tell who speaks, when that is somebody else than before."""
        if tuple(levels) == self._speaking:
            return
        self._speaking = tuple(levels)
        speakers = tuple(Loudness(person_id=id_, audio_level=at) for id_, at in levels.items())
        data = ActiveSpeakers(room=self._room, speakers=speakers)
        self._bus.publish(SpeakerChanged(session_id=self._room, data=data))

    def _sent(self, member: Member, track: Track) -> Sent:
        kind = "audio" if track.kind == "audio" else "video"
        return Sent(room=self._room, person_id=member.id, track_id=track.id, kind=kind)
