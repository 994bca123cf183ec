"""One voice in a call: blocks in, words out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from transcriber.aio import Backlog
from transcriber.audio.block import SECONDS, Block
from transcriber.call import Person
from transcriber.engines.stt import base
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Interrupted,
    Partial,
    StreamOptions,
    Stt,
    SttStream,
    Word,
)
from transcriber.events import (
    Beginning,
    Event,
    Finish,
    Speech,
    SpeechFinal,
    SpeechPartial,
    SpeechStarted,
    SpokenWord,
    TurnEnded,
)

__all__ = ["Place", "Speaker"]

PATIENCE = 25
"""Blocks (two seconds) kept while the engine is not yet listening."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and since when somebody speaks; `since` counts from when the first could be heard."""

    session_id: str
    room: str
    person: Person
    since: float


Tell = Callable[[Event], object]
"""Told what is said, by events."""
Warn = Callable[[Place, Interrupted], None]
"""Told whose words come late, and why."""


class Speaker:
    """Listens to one person through one recogniser stream."""

    def __init__(
        self, place: Place, *, stt: Stt, options: StreamOptions, tell: Tell, warn: Warn
    ) -> None:
        self.place = place
        self._stt = stt
        self._options = options
        self._report = tell
        self._warn = warn
        self.over = asyncio.Event()
        self._heard = 0
        self._offset = 0.0
        self._waiting: Backlog[Block] = Backlog(PATIENCE)
        self._stream: SttStream | None = None

    def hear(self, block: Block) -> None:
        """Take in audio; never waits."""
        self._heard += 1
        if self._stream is None:
            self._waiting.push(block)
        else:
            self._stream.push(block)

    async def ready(self) -> None:
        """Wait until audio can be taken in without losing any, or none is wanted."""
        if self._stream is None:
            await self._waiting.room()
        else:
            await self._stream.ready()

    def close(self) -> None:
        """The person left: finish the last sentence, then `run` returns."""
        self.over.set()
        self._waiting.close()
        if self._stream is not None:
            self._stream.close()

    async def run(self) -> None:
        """Recognise until closed."""
        async with self._stt.open(self._options) as stream:
            self._catch_up(stream)
            try:
                async for heard in stream:
                    self._tell(heard)
            finally:
                self._stream = None

    def _catch_up(self, stream: SttStream) -> None:
        self._offset = self.place.since + (self._heard - len(self._waiting)) * SECONDS
        while len(self._waiting):
            stream.push(self._waiting.pop())
        self._stream = stream
        if self.over.is_set():
            stream.close()

    def _tell(self, heard: Heard) -> None:
        session_id = self.place.session_id
        match heard:
            case base.SpeechStarted(at):
                self._report(SpeechStarted(session_id=session_id, data=self._beginning(at)))
            case Partial():
                self._report(SpeechPartial(session_id=session_id, data=self._speech(heard)))
            case Final():
                self._report(SpeechFinal(session_id=session_id, data=self._speech(heard)))
            case base.TurnEnded():
                self._report(TurnEnded(session_id=session_id, data=self._finish(heard)))
            case Interrupted():
                self._warn(self.place, heard)

    def _beginning(self, at: float) -> Beginning:
        person = self.place.person
        room, at_ms = self.place.room, self._ms(at)
        return Beginning(room=room, person_id=person.id, person_name=person.name, at_ms=at_ms)

    def _finish(self, turn: base.TurnEnded) -> Finish:
        beginning = self._beginning(turn.at).model_dump()
        return Finish(**beginning, probability=turn.probability)

    def _speech(self, heard: Partial | Final) -> Speech:
        return Speech(
            room=self.place.room,
            person_id=self.place.person.id,
            person_name=self.place.person.name,
            transcript=heard.text,
            language=getattr(heard, "language", "") or self._options.language,
            start_ms=self._ms(heard.start),
            end_ms=self._ms(heard.end),
            confidence=getattr(heard, "confidence", None),
            words=tuple(self._word(word) for word in heard.words),
        )

    def _word(self, word: Word) -> SpokenWord:
        return SpokenWord(
            text=word.text,
            start_ms=self._ms(word.start),
            end_ms=self._ms(word.end),
            confidence=word.confidence,
            estimated=word.estimated,
        )

    def _ms(self, at: float) -> int:
        return round((self._offset + at) * 1000)
