"""
Our stay in one call.

A session owns everything that runs on behalf of the call. When `run` returns or is
cancelled, nothing of it is left: no task, no stream, no socket.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from transcriber import aio
from transcriber.audio.block import Block
from transcriber.bus.memory import Bus
from transcriber.call import Call, Person
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.errors import EngineError
from transcriber.events import (
    CallStarted,
    CallTerminated,
    DtmfReceived,
    PersonJoined,
    PersonLeft,
    Presence,
    Pressed,
    Started,
    Terminated,
)
from transcriber.ids import new_id
from transcriber.session.limits import Seats
from transcriber.session.speaker import Place
from transcriber.session.speakers import Speakers

__all__ = ["KEYS", "Session"]

KEYS = "0123456789*#ABCD"
"""The keys that a telephone can have."""

log = structlog.get_logger(__name__)


class Session:
    """Listens to a call and publishes what is said in it."""

    def __init__(
        self,
        call: Call,
        *,
        stt: Stt,
        bus: Bus,
        options: StreamOptions | None = None,
        seats: Seats | None = None,
    ) -> None:
        self.id = new_id("ses")
        self.people: dict[str, Person] = {}
        """Who is in the call, by id."""
        self._call = call
        self._stt = stt
        self._bus = bus
        self.usual = self._options = options or StreamOptions()
        """How everybody is listened to unless something else is wished."""
        self._deaf = False
        self._language = ""
        self._tasks = asyncio.TaskGroup()
        self._speakers = Speakers(stt, bus, seats or Seats(), self._tasks)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._first: float | None = None
        self._log = log.bind(room=call.room, session=self.id)

    async def run(self) -> None:
        """Stay until the call ends; raises what ended it, after everybody's last words."""
        self._began, reason = self._clock(), "cancelled"
        self._bus.publish(CallStarted(session_id=self.id, data=Started(room=self._call.room)))
        try:
            async with self._tasks:
                async with aio.alongside(self._wake()):
                    problem = await self._stay()
                self._hear_nobody()
            reason = "failed" if problem else "ended"
            if problem:
                raise problem
        finally:
            self._terminated(reason)

    async def last_words(self) -> None:
        """Hear nobody any more, and return when everybody's last words were published."""
        self._deaf = True
        self._hear_nobody()
        await self._speakers.last_words()

    async def _stay(self) -> Exception | None:
        try:
            await self._call.run(self)
        except Exception as problem:  # noqa: BLE001 - raised once the speakers have finished
            return problem
        return None

    async def _wake(self) -> None:
        """Nobody has spoken yet: an engine that sleeps has time to wake."""
        try:
            await self._stt.wake(self._options)
        except EngineError as problem:
            self._log.warning("recogniser not woken", code=problem.code, pii_problem=str(problem))

    def joined(self, person: Person) -> None:
        """Listen to somebody."""
        self.left(person.id)
        if self._deaf:
            return
        if self._first is None:
            self._first = self._clock()
        self.people[person.id] = person
        self._bus.publish(PersonJoined(session_id=self.id, data=self._presence(person)))
        self._hear(person)

    def speak(self, language: str, *, engine: str = "", model: str = "") -> None:
        """Something else is usual in this call, from everybody's next words on."""
        before = self.usual
        self.usual = replace(before, language=language, engine=engine, model=model)
        if self.usual == before:
            return
        options = replace(
            self._options,
            language=self._language or language,
            engine=engine if self._options.engine == before.engine else self._options.engine,
            model=model,
        )
        if options != self._options:
            self._options = options
            self._hear_anew()

    def left(self, person_id: str) -> None:
        """Stop listening to somebody, after their last words."""
        if person := self.people.pop(person_id, None):
            self._speakers.leave(person_id)
            self._bus.publish(PersonLeft(session_id=self.id, data=self._presence(person)))

    def listen(
        self, *, language: str = "", engine: str = "", vocabulary: tuple[str, ...] = ()
    ) -> None:
        """
        Listen to everybody this way from now on, after the words that they are saying.

        What is empty is as usual; a language counts for everybody, whatever they usually speak.
        """
        before, usual = (self._language, self._options), self.usual
        self._language = language
        self._options = replace(
            usual,
            language=language or usual.language,
            engine=engine or usual.engine,
            vocabulary=vocabulary or usual.vocabulary,
        )
        if before != (self._language, self._options):
            self._hear_anew()

    def heard(self, person_id: str, block: Block) -> None:
        """Pass on audio; called 12.5 times a second for each person."""
        self._speakers.hear(person_id, block)

    def pressed(self, person_id: str, digit: str) -> None:
        """Tell of a key, if it is one."""
        if digit not in KEYS or len(digit) != 1:
            self._log.warning("not a key", person=person_id, length=len(digit))
            return
        key = Pressed(room=self._call.room, person_id=person_id, key=digit, digit=ord(digit))
        self._bus.publish(DtmfReceived(session_id=self.id, data=key))

    async def ready(self) -> None:
        """Wait until everybody can be heard without losing any audio."""
        await self._speakers.ready()

    def _hear(self, person: Person) -> None:
        since = round(self._clock() - (self._first or 0.0), 3)
        place = Place(self.id, self._call.room, person, since)
        language = self._language or person.language or self._options.language
        options = replace(self._options, language=language)
        self._speakers.listen(place, options)

    def _hear_anew(self) -> None:
        for person in self.people.values():
            self._speakers.leave(person.id)
            self._hear(person)

    def _hear_nobody(self) -> None:
        """We leave; nobody else does."""
        self.people.clear()
        self._speakers.leave_all()

    def _presence(self, person: Person) -> Presence:
        return Presence(
            room=self._call.room,
            person_id=person.id,
            person_name=person.name,
            account=person.account,
        )

    def _terminated(self, reason: str) -> None:
        duration = round((self._clock() - self._began) * 1000)
        over = Terminated(room=self._call.room, reason=reason, duration_ms=duration)
        self._bus.publish(CallTerminated(session_id=self.id, data=over))
