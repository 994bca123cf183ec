"""
Our place in one built-in room.

Each microphone is a person; what somebody's screen says is one of its own. Nothing is decoded but
while this call runs. Captions go to the participants who asked, over the connection they have with
us anyway; our voice is a participant of its own, who appears with its first word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from transcriber.audio.block import Samples
from transcriber.call import Caption, Listener, Person
from transcriber.rtc.media import Media
from transcriber.rtc.sfu.bot import Bot
from transcriber.rtc.sfu.room import Member, Room, Witness
from transcriber.rtc.sfu.track import Track

__all__ = ["SfuCall"]

VOICE = "transcriber"
"""Our name in a room."""


REMEMBERED = 1_000
"""People whose last words may still come after they have left."""


@dataclass(slots=True)
class _Said:
    """Whose words a person's are, and how many utterances are finished."""

    participant_id: str
    name: str
    number: int = 0


class SfuCall(Witness):
    """One room; a `Call`, to be run once."""

    def __init__(self, room: Room, media: Media) -> None:
        self.room = room.id
        self._place, self._media = room, media
        self._over = asyncio.Event()
        self._listener: Listener | None = None
        self._heard: dict[str, tuple[str, Callable[[], None]]] = {}
        """By the track: whose it is, and how to stop listening."""
        self._said: dict[str, _Said] = {}
        self._bot: Bot | None = None

    async def run(self, listener: Listener) -> None:
        """Listen to everybody until the room closes or we hang up."""
        self._listener = listener
        stop = self._place.watch(self)
        try:
            for member in self._place.members.values():
                for track in member.tracks.values():
                    self.published(member, track)
            if not self._place.closed:
                await self._over.wait()
        finally:
            stop()
            for track_id in tuple(self._heard):
                self._leave(track_id)
            self._listener = None
            if self._bot is not None:
                self._bot.close()

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """Display a caption to participants."""
        said = self._said.get(caption.person_id) or _Said(caption.person_id, "")
        message = {
            "type": "caption",
            "id": f"{caption.person_id}-{said.number}",
            "participant_id": said.participant_id,
            "name": said.name,
            "text": caption.text,
            "language": caption.language,
            "final": caption.final,
            "start_ms": caption.start_ms,
            "end_ms": caption.end_ms,
            "at": _now(),
        }
        said.number += caption.final
        for reader in readers:
            if member := self._place.members.get(reader):
                member.tell(message)

    def play(self, samples: Samples) -> None:
        """Say something to everybody; raises `Overloaded` when minutes of it wait."""
        if self._bot is None:
            self._bot = Bot(self._place, self._media, VOICE)
        self._bot.play(samples)

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Tell when everything so far has gone out."""
        if self._bot is None:
            reached(True)
        else:
            self._bot.mark(reached)

    def stop(self) -> None:
        """Be silent at once."""
        if self._bot is not None:
            self._bot.stop()

    def hang_up(self) -> None:
        """Leave; `run` returns."""
        self._over.set()

    def published(self, member: Member, track: Track) -> None:
        """Listen to somebody, unless it is ourselves."""
        ours = isinstance(member, Bot) and not member.heard
        if track.kind != "audio" or self._listener is None or ours:
            return
        person = _person(member, track)
        stop = track.listen(partial(self._listener.heard, person.id))
        self._heard[track.id] = person.id, stop
        self._said.setdefault(person.id, _Said(member.id, person.name))
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        self._listener.joined(person)

    def unpublished(self, member: Member, track: Track) -> None:
        """Listen to somebody no more."""
        self._leave(track.id)

    def changed(self, member: Member) -> None:
        """Listen to somebody in another language from now on."""
        for track in member.tracks.values():
            if track.id in self._heard:
                self._leave(track.id)
                self.published(member, track)

    def pressed(self, member: Member, key: str) -> None:
        """Somebody pressed a key."""
        if self._listener is not None:
            self._listener.pressed(member.id, key)

    def closed(self) -> None:
        """The room is no more."""
        self._over.set()

    def _leave(self, track_id: str) -> None:
        if one := self._heard.pop(track_id, None):
            person_id, stop = one
            stop()
            if self._listener is not None:
                self._listener.left(person_id)


def _person(member: Member, track: Track) -> Person:
    if track.source == "microphone":
        return Person(member.id, member.name, member.language)
    return Person(track.id, f"{member.name} (screen)", member.language)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
