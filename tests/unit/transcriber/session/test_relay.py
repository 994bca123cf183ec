"""What happens in one instance is known in all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.store import MemoryStore
from transcriber.bus.memory import Bus
from transcriber.events import CallStarted, Event, Speech, SpeechFinal, SpeechPartial, Started
from transcriber.session.relay import Relay
from transcriber.store import StoreFailed


class Instance:
    """Two buses, and what was published on the one that knows everything."""

    def __init__(self, store: MemoryStore, name: str) -> None:
        self.near, self.far = Bus(), Bus()
        self.known: list[str] = []
        self.far.subscribe(Event, lambda event: self.known.append(event.model_dump_json()))
        self.relay = Relay(store, self.near, self.far, me=name)


@asynccontextmanager
async def instances(store: MemoryStore) -> AsyncIterator[tuple[Instance, Instance]]:
    one, two = Instance(store, "one"), Instance(store, "two")
    tasks = [asyncio.create_task(each.relay.run()) for each in (one, two)]
    await asyncio.sleep(0.1)
    yield one, two
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def said(kind: type[SpeechFinal] | type[SpeechPartial], text: str = "hello") -> Event:
    speech = Speech(room="r", person_id="ann", transcript=text, language="en", start_ms=0, end_ms=9)
    return kind(session_id="s", data=speech)


async def test_what_happens_is_known_everywhere_once() -> None:
    async with instances(MemoryStore()) as (one, two):
        events = [CallStarted(session_id="s", data=Started(room="r")), said(SpeechFinal)]
        for event in events:
            one.near.publish(event)
        await asyncio.sleep(0.1)
        assert one.known == [event.model_dump_json() for event in events]
        assert two.known == one.known


async def test_interim_words_stay_where_they_are() -> None:
    async with instances(MemoryStore()) as (one, two):
        one.near.publish(said(SpeechPartial))
        await asyncio.sleep(0.1)
        assert (len(one.known), len(two.known)) == (1, 0)


async def test_an_event_of_any_size_arrives() -> None:
    async with instances(MemoryStore()) as (one, two):
        one.near.publish(said(SpeechFinal, "word " * 5000))
        await asyncio.sleep(0.1)
        assert two.known == one.known


class Shaky(MemoryStore):
    """A store that is away for a moment, or forgets too early."""

    away = forgetful = False

    async def tell(self, topic: str, value: Any) -> None:
        if self.away:
            raise StoreFailed("away")
        await super().tell(topic, value)

    async def get(self, kind: str, key: str) -> Any:
        return None if self.forgetful else await super().get(kind, key)


async def test_what_cannot_be_told_stops_nothing() -> None:
    store = Shaky()
    async with instances(store) as (one, two):
        store.away = True
        one.near.publish(said(SpeechFinal, "lost"))
        await asyncio.sleep(0.1)
        store.away, store.forgetful = False, True
        one.near.publish(said(SpeechFinal, "word " * 5000))
        await asyncio.sleep(0.1)
        await store.tell("event", {"from": "newer", "event": {"type": "not.known"}})
        one.near.publish(said(SpeechFinal, "last"))
        await asyncio.sleep(0.1)
        assert len(one.known) == 3
        assert two.known == one.known[2:]
