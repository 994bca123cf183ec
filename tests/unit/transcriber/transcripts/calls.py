"""A call for transcripts: who is in it and what they say, as events."""

from __future__ import annotations

from transcriber.bus.memory import Bus
from transcriber.events import (
    CallStarted,
    CallTerminated,
    PersonJoined,
    Presence,
    Speech,
    SpeechFinal,
    SpokenWord,
    Started,
    Terminated,
)

__all__ = ["Call", "said"]


def said(text: str, *, start: int = 0, who: str = "p1", room: str = "r") -> SpeechFinal:
    """Make a sentence."""
    word = SpokenWord(text=text, start_ms=start, end_ms=start + 500)
    speech = Speech(
        room=room,
        person_id=who,
        person_name=who.title(),
        transcript=text,
        language="en",
        start_ms=start,
        end_ms=start + 500,
        words=(word,),
    )
    return SpeechFinal(session_id="s", data=speech)


class Call:
    """One session in one room."""

    def __init__(self, bus: Bus, room: str = "r", session: str = "s") -> None:
        self.bus, self.room, self.session = bus, room, session

    def begin(self) -> None:
        self.bus.publish(CallStarted(session_id=self.session, data=Started(room=self.room)))

    def join(self, who: str, account: str = "") -> None:
        presence = Presence(room=self.room, person_id=who, account=account or f"users/{who}")
        self.bus.publish(PersonJoined(session_id=self.session, data=presence))

    def say(self, text: str, *, start: int = 0, who: str = "p1") -> None:
        self.bus.publish(said(text, start=start, who=who, room=self.room))

    def end(self, reason: str = "ended") -> None:
        over = Terminated(room=self.room, reason=reason, duration_ms=1)
        self.bus.publish(CallTerminated(session_id=self.session, data=over))
