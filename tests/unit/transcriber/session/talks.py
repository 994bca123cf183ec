"""A service that holds conversations: flows, calls with a mouth, a store that outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dialogs import Library
from dialogs.errors import HookFailed
from dialogs.ports import Request, Response
from tests.fakes.mouth import FakeMouth, FakeVoice
from tests.fakes.place import Place, Places
from tests.fakes.store import MemoryStore
from tests.fakes.stt import FakeStt
from transcriber.audio.block import Samples
from transcriber.bus.memory import Bus
from transcriber.call import Listener, Person
from transcriber.events import Event, Speech, SpeechFinal
from transcriber.session.accounts import Accounts
from transcriber.session.attendant import Attendant
from transcriber.session.conversations import Conversations
from transcriber.session.host import Engines
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish
from transcriber.store import Record, StoreFailed

ANN = Person("p1", "Ann")

DESK = """
name: desk
initial_state: ask
variables: {who: nobody}
states:
  ask:
    on_enter: [{type: play_tts, params: {text: "Good day. What can we do for you?"}}]
    transitions:
      - {event: speech, condition: "{{ 'bye' in event.text }}", target: bye}
      - event: speech
        target: got
        actions: [{type: set_variable, params: {who: "{{ event.text }}"}}]
      - {event: dtmf, condition: "{{ event.digit == '0' }}", target: bye}
      - {event: custom.leave, target: bye}
  got:
    on_enter: [{type: play_tts, params: {text: "Thank you, {{ variables.who }}."}}]
    transitions:
      - {event: speech, target: bye}
      - {event: left, target: bye}
  bye:
    on_enter: [{type: play_tts, params: {text: "Bye."}}, {type: hangup}]
    terminal: true
"""


class Shelf(MemoryStore):
    """A store that can be away."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.away = False

    async def put(self, *args: Any, **more: Any) -> Record:
        self._answer()
        return await super().put(*args, **more)

    async def get(self, kind: str, key: str) -> Record | None:
        self._answer()
        return await super().get(kind, key)

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        self._answer()
        return await super().records(kind, after=after, limit=limit)

    def _answer(self) -> None:
        if self.away:
            raise StoreFailed("away")


class SpeakingPlace(Place):
    """A place in a call where we can be heard."""

    def __init__(self, room: str, wish: Callable[[], Wish], problem: Exception | None) -> None:
        super().__init__(room, wish, problem)
        self.mouth = FakeMouth()
        self.broken: Exception | None = None

    async def run(self, listener: Listener) -> None:
        await super().run(listener)
        if self.broken:
            raise self.broken

    def breaks(self, problem: Exception) -> None:
        self.broken = problem
        self.over.set()

    def play(self, samples: Samples) -> None:
        self.mouth.play(samples)

    def mark(self, reached: Callable[[bool], None]) -> None:
        self.mouth.mark(reached)

    def stop(self) -> None:
        self.mouth.stop()

    @property
    def ears(self) -> Listener:
        assert self.listener
        return self.listener


class SpeakingPlaces(Places):
    def connect(self, room: str, wish: Callable[[], Wish]) -> Place:
        problem = self.problems.pop(0) if self.problems else None
        self.made.append(SpeakingPlace(room, wish, problem))
        return self.made[-1]


@dataclass
class Web:
    """Answers hooks with what a test prepared."""

    answers: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        if not self.answers:
            raise HookFailed("no answer")
        return self.answers.pop(0)


class Service:
    """One life of the service; the next one gets the same store and folder."""

    def __init__(self, folder: Path, store: Shelf, *problems: Exception) -> None:
        self.bus, self.voice, self.web, self.stt = Bus(), FakeVoice(), Web(), FakeStt()
        self.events: list[Event] = []
        self.bus.subscribe(Event, self.events.append)
        self.calls = SpeakingPlaces(*problems)
        self.by_meaning = False
        engines = Engines(
            self.voice.speak, self.voice.fetch, self.web, turns=lambda *_: self.by_meaning
        )
        self.conversations = Conversations(
            Library(folder), engines, accounts=Accounts(store, lambda: 0.0), bus=self.bus, most=3
        )
        self.attendant = Attendant(
            self.calls.connect,
            stt=self.stt,
            bus=self.bus,
            ended=lambda room: self.rooms.ended(room),
            talker=self.conversations,
        )
        self.rooms = Supervisor(store, self.attendant)
        self.conversations.calls["talk"] = self.rooms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(self.conversations.run())
            tasks.create_task(self.attendant.run())
            tasks.create_task(self.rooms.run())
            await asyncio.sleep(0.1)
            yield self
            self.rooms.stop()
            self.attendant.close()
            await asyncio.sleep(30)
            talking.cancel()

    @asynccontextmanager
    async def until_killed(self) -> AsyncIterator[Service]:
        """Run until the block is over, and end without a word, as if killed."""
        runs = (self.rooms.run(), self.attendant.run(), self.conversations.run())
        tasks = [asyncio.create_task(run) for run in runs]
        await asyncio.sleep(0.1)
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                await asyncio.wait([task])

    @property
    def place(self) -> SpeakingPlace:
        place = self.calls.made[-1]
        assert isinstance(place, SpeakingPlace)
        return place

    @property
    def said(self) -> list[str]:
        return [text for text, _ in self.voice.asked]

    def told(self, name: str) -> list[dict[str, object]]:
        return [event.data.model_dump() for event in self.events if event.type == name]

    def hear(self, text: str) -> None:
        """Somebody says something, as the recogniser heard it."""
        said = Speech(
            room="r", person_id="p1", transcript=text, language="en", start_ms=0, end_ms=1
        )
        self.bus.publish(SpeechFinal(session_id=self.stay, data=said))

    @property
    def stay(self) -> str:
        """The id of our stay in the call."""
        (session,) = {event.session_id for event in self.events if event.type == "call.started"}
        return session
