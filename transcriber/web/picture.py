"""
What goes on in all rooms, as one picture.

It is drawn from events alone, so it shows what every subscriber could see, wherever a room is
attended. Each room remembers a little: who is there, how loud they are, their last words, the last
things that went wrong. Whoever shows the picture asks which rooms have changed since they last
looked, so a hundred events between two looks cost one drawing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from transcriber.events import (
    CallStarted,
    CallTerminated,
    DialogEnded,
    DialogStarted,
    ErrorHappened,
    Event,
    PersonJoined,
    PersonLeft,
    SpeakerChanged,
    Speech,
    SpeechFinal,
    SpeechPartial,
    SpeechStarted,
    StateTransition,
)

__all__ = ["Picture"]

SAID = 6
"""Sentences that a room remembers."""
WRONG = 5
"""Failures that a room remembers."""
MOST = 1_000
"""Rooms in the picture; the oldest is forgotten, should so many never end."""

Json = dict[str, Any]


@dataclass(slots=True)
class Person:
    """Somebody in a room."""

    id: str
    name: str = ""
    speaking: bool = False
    level: int = 127
    text: str = ""
    final: bool = True
    sentences: int = 0

    def shown(self) -> Json:
        """Everything, as JSON."""
        return {
            "id": self.id, "name": self.name, "speaking": self.speaking, "level": self.level,
            "text": self.text, "final": self.final, "sentences": self.sentences,
        }  # fmt: skip


@dataclass(slots=True)
class Place:
    """One room."""

    room: str
    protocol: str = ""
    since: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    said: deque[Json] = field(default_factory=lambda: deque(maxlen=SAID))
    wrong: deque[Json] = field(default_factory=lambda: deque(maxlen=WRONG))
    dialog: Json | None = None

    def person(self, id_: str, name: str = "") -> Person:
        """Somebody, also if nobody told that they came."""
        person = self.people.setdefault(id_, Person(id_))
        person.name = name or person.name
        return person

    def shown(self) -> Json:
        """Everything, as JSON."""
        return {
            "room": self.room, "protocol": self.protocol, "since": self.since,
            "people": [person.shown() for person in self.people.values()],
            "said": list(self.said), "wrong": list(self.wrong), "dialog": self.dialog,
        }  # fmt: skip


class Picture:
    """All rooms; `change` counts what happened, so that news can be told from what is known."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._changes: dict[str, int] = {}
        self.change = 0

    def apply(self, event: Event) -> None:
        """Take in something that happened; what belongs to no call we are in changes nothing."""
        room = getattr(event.data, "room", "")
        match event:
            case CallStarted():
                self._begin(event)
            case CallTerminated():
                self._end(room)
            case _ if place := self._places.get(room):
                if take := _TAKES.get(type(event)):
                    take(place, event)
                    self._changed(room)

    def rooms(self) -> list[Json]:
        """Every room as it is."""
        return [place.shown() for place in self._places.values()]

    def since(self, change: int) -> tuple[list[Json], list[str]]:
        """Rooms that have changed after a change, and names of those that are gone."""
        names = [room for room, at in self._changes.items() if at > change]
        shown = [self._places[room].shown() for room in names if room in self._places]
        return shown, [room for room in names if room not in self._places]

    def _begin(self, event: CallStarted) -> None:
        if len(self._places) >= MOST:
            self._end(next(iter(self._places)))
        room, since = event.data.room, _moment(event.timestamp)
        self._places[room] = Place(room, event.data.protocol, since)
        self._changed(room)

    def _end(self, room: str) -> None:
        if self._places.pop(room, None):
            self._changed(room)

    def _changed(self, room: str) -> None:
        """Note it; of rooms that are gone, only so many are remembered."""
        self.change += 1
        self._changes.pop(room, None)
        self._changes[room] = self.change
        if len(self._changes) > 2 * MOST:
            gone = next(room for room in self._changes if room not in self._places)
            del self._changes[gone]


def _joined(place: Place, event: PersonJoined) -> None:
    place.person(event.data.person_id, event.data.person_name)


def _left(place: Place, event: PersonLeft) -> None:
    place.people.pop(event.data.person_id, None)


def _began(place: Place, event: SpeechStarted) -> None:
    place.person(event.data.person_id, event.data.person_name).speaking = True


def _partial(place: Place, event: SpeechPartial) -> None:
    person = _speaks(place, event.data)
    person.speaking, person.final = True, False


def _final(place: Place, event: SpeechFinal) -> None:
    person = _speaks(place, event.data)
    person.speaking, person.final = False, True
    person.sentences += 1
    said = {
        "id": event.id, "name": person.name or person.id, "text": person.text,
        "language": event.data.language, "at": _moment(event.timestamp),
    }  # fmt: skip
    place.said.append(said)


def _speaks(place: Place, speech: Speech) -> Person:
    person = place.person(speech.person_id, speech.person_name)
    person.text = speech.transcript
    return person


def _levels(place: Place, event: SpeakerChanged) -> None:
    levels = {one.person_id: one.audio_level for one in event.data.speakers}
    for id_ in levels:
        place.person(id_)
    for person in place.people.values():
        person.level = levels.get(person.id, 127)
        person.speaking = person.id in levels


def _failed(place: Place, event: ErrorHappened) -> None:
    data = event.data
    place.wrong.append({"code": data.code, "message": data.message, "at": _moment(event.timestamp)})


def _dialog(place: Place, event: DialogStarted) -> None:
    dialog, data = event.metadata.get("dialog_id", ""), event.data
    place.dialog = {"id": dialog, "name": data.dialog_name, "state": data.state}


def _moved(place: Place, event: StateTransition) -> None:
    dialog, data = event.metadata.get("dialog_id", ""), event.data
    place.dialog = {"id": dialog, "name": data.dialog_name, "state": data.to_state}


def _over(place: Place, event: DialogEnded) -> None:
    place.dialog = None


_TAKES: Mapping[type[Event], Callable[[Place, Any], None]] = {
    PersonJoined: _joined,
    PersonLeft: _left,
    SpeechStarted: _began,
    SpeechPartial: _partial,
    SpeechFinal: _final,
    SpeakerChanged: _levels,
    ErrorHappened: _failed,
    DialogStarted: _dialog,
    StateTransition: _moved,
    DialogEnded: _over,
}


def _moment(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
