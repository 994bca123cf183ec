"""
A room: who is in it, what they send, and who may do what. It knows of no connection and no socket.

What happens is told to every participant as a message, and to witnesses in the house: captions,
events, programs that listen. A room closes when it was empty for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from transcriber.errors import NotAllowed, NotFound, Overloaded
from transcriber.ids import new_id
from transcriber.rtc.sfu.track import Shown, Track

__all__ = ["Grant", "Member", "Message", "Plan", "Room", "Witness"]

Message = dict[str, Any]
Grant = str
"""What a token allows: join, publish, subscribe, admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a room is to be like."""

    name: str = ""
    language: str = "en"
    captions: bool = True
    e2ee: bool = False
    open: bool = False
    """Whether anybody who knows the room may enter it."""
    dialog: str = ""
    """The dialog that is held in it from the first participant on."""
    max_participants: int = 100
    max_publishers: int = 100
    engine: str = ""
    """Who hears the room, as a policy says it; empty: who usually does."""
    model: str = ""


class Member(Protocol):
    """A participant, as the room sees them."""

    id: str
    name: str
    language: str

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What they send, by the tracks' ids."""

    def tell(self, message: Message) -> None:
        """Send them a message, soon."""

    def follow(self) -> None:
        """What they can get has changed."""

    def look(self, now: float) -> None:
        """See to it that what they get fits through their way."""

    def leave(self, reason: str) -> None:
        """Let them go."""


class Witness:
    """Somebody in the house who learns what they want to; the methods return at once."""

    def entered(self, member: Member) -> None:
        """Somebody came."""

    def gone(self, member: Member) -> None:
        """Somebody left."""

    def published(self, member: Member, track: Track) -> None:
        """Somebody began to send something."""

    def unpublished(self, member: Member, track: Track) -> None:
        """Somebody no longer sends it."""

    def changed(self, member: Member) -> None:
        """Somebody speaks another language from now on."""

    def speaking(self, levels: Mapping[str, int]) -> None:
        """Others speak than before: how far below full scale each is, the loudest first."""

    def pressed(self, member: Member, key: str) -> None:
        """Somebody pressed a key of a telephone."""

    def closed(self) -> None:
        """The room is no more."""


@dataclass(slots=True)
class Room:
    """One room."""

    plan: Plan
    id: str = field(default_factory=lambda: new_id("room"))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    members: dict[str, Member] = field(default_factory=dict)
    witnesses: list[Witness] = field(default_factory=list)
    scores: dict[str, int] = field(default_factory=dict)
    """How good connections are, of those who told it; see `Quality`."""
    closed: bool = False

    @property
    def tracks(self) -> dict[str, Track]:
        """Everything that is sent in the room."""
        return {id_: t for member in self.members.values() for id_, t in member.tracks.items()}

    def watch(self, witness: Witness) -> Callable[[], None]:
        """Tell a witness what happens from now on; returns how to stop."""
        self.witnesses.append(witness)

        def stop() -> None:
            if witness in self.witnesses:
                self.witnesses.remove(witness)

        return stop

    def enter(self, member: Member) -> None:
        """Let somebody in; raises `Overloaded` when the room is full."""
        if self.closed:
            raise NotFound("this room has closed")
        if len(self.members) >= self.plan.max_participants:
            raise Overloaded(
                f"{len(self.members)} participants are in this room already",
                remedy="try again when somebody has left",
            )
        self.tell({"type": "joined", "participant": describe(member)})
        self.members[member.id] = member
        for witness in tuple(self.witnesses):
            witness.entered(member)

    def leave(self, member: Member, reason: str) -> None:
        """Somebody has left; what they sent is gone."""
        if self.members.pop(member.id, None) is None:
            return
        self.scores.pop(member.id, None)
        self.unpublish(member, member.tracks.values())
        self.tell({"type": "left", "participant_id": member.id, "reason": reason})
        for witness in tuple(self.witnesses):
            witness.gone(member)

    def may_publish(self, member: Member, shown: Iterable[Shown]) -> None:
        """
        Raise `NotAllowed` for what is not encrypted as the room is, and `Overloaded` when too many
        others send something already.
        """
        for one in shown:
            if self.plan.e2ee and not one.encryption:
                raise NotAllowed(
                    f"this room is encrypted from end to end, and your {one.source} is not",
                    remedy="encrypt it, and say how in `encryption`",
                )
            if one.encryption and not self.plan.e2ee:
                raise NotAllowed(
                    f"your {one.source} is encrypted, and this room is not",
                    remedy="send it as it is, or use a room with `e2ee`",
                )
        others = [one for one in self.members.values() if one.tracks and one is not member]
        if len(others) >= self.plan.max_publishers:
            raise Overloaded(
                f"{len(others)} participants send already",
                remedy="try again when one has stopped",
            )

    def publish(self, member: Member, tracks: Iterable[Track]) -> None:
        """Somebody sends more than before."""
        for track in tracks:
            message = {"type": "track.published", "participant_id": member.id}
            self.tell({**message, "track": track.as_dict()}, but=member)
            for witness in tuple(self.witnesses):
                witness.published(member, track)
        self.follow(but=member)

    def unpublish(self, member: Member, tracks: Iterable[Track]) -> None:
        """Somebody sends less than before."""
        for track in tuple(tracks):
            message = {"type": "track.unpublished", "participant_id": member.id}
            self.tell({**message, "track_id": track.id}, but=member)
            for witness in tuple(self.witnesses):
                witness.unpublished(member, track)
        self.follow(but=member)

    def mute(self, member: Member, track: Track, muted: bool) -> None:
        """Mute something, or end that."""
        track.mute(muted)
        told = {"type": "muted", "participant_id": member.id}
        self.tell({**told, "track_id": track.id, "muted": muted})

    def rate(self, member: Member, score: int) -> None:
        """Somebody's connection is better or worse than before."""
        if member.id in self.members:
            self.scores[member.id] = score
            self.tell({"type": "quality", "participant_id": member.id, "score": score})

    def speak(self, member: Member, language: str) -> None:
        """Somebody speaks another language from now on."""
        if member.language == language:
            return
        member.language = language
        self.tell({"type": "language", "participant_id": member.id, "language": language})
        for witness in tuple(self.witnesses):
            witness.changed(member)

    def speaking(self, levels: Mapping[str, int]) -> None:
        """Others speak than before."""
        speakers = [{"participant_id": id_, "level_dbov": -level} for id_, level in levels.items()]
        self.tell({"type": "speakers", "speakers": speakers})
        for witness in tuple(self.witnesses):
            witness.speaking(levels)

    def pressed(self, member: Member, key: str) -> None:
        """Somebody pressed a key."""
        for witness in tuple(self.witnesses):
            witness.pressed(member, key)

    def find(self, member_id: str) -> Member:
        """Return a participant; raises `NotFound`."""
        if member := self.members.get(member_id):
            return member
        raise NotFound("there is no such participant")

    def track(self, track_id: str) -> tuple[Member, Track]:
        """Return something that is sent, and who does; raises `NotFound`."""
        for member in self.members.values():
            if track := member.tracks.get(track_id):
                return member, track
        raise NotFound("there is no such track")

    def close(self, reason: str = "room_closed") -> None:
        """Send everybody away."""
        if self.closed:
            return
        self.closed = True
        for member in tuple(self.members.values()):
            member.leave(reason)
        for witness in tuple(self.witnesses):
            witness.closed()

    def tell(self, message: Message, *, but: Member | None = None) -> None:
        """Tell everybody, perhaps but for one."""
        for member in tuple(self.members.values()):
            if member is not but:
                member.tell(message)

    def follow(self, *, but: Member | None = None) -> None:
        """Have everybody get what is sent now."""
        for member in tuple(self.members.values()):
            if member is not but:
                member.follow()


def describe(member: Member) -> Message:
    """Describe a participant to others."""
    return {
        "id": member.id,
        "name": member.name,
        "language": member.language,
        "tracks": [track.as_dict() for track in member.tracks.values()],
    }
