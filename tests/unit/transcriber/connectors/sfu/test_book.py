"""Which built-in rooms there are, for several processes that share a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.store import MemoryStore
from transcriber.connectors.sfu.book import BEAT, Book, signing_secret
from transcriber.errors import Overloaded
from transcriber.rtc.sfu.options import RoomsOptions
from transcriber.rtc.sfu.room import Plan, Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.store import Record, StoreFailed

EMPTY = 60.0


class Shaky(MemoryStore):
    """A store that can be away, on the test's clock."""

    away = False

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().time)

    async def put(self, kind: str, key: str, value: Any, **options: Any) -> Record:
        if self.away:
            raise StoreFailed("away")
        return await super().put(kind, key, value, **options)


class Process:
    """One of those that have rooms."""

    def __init__(self, store: MemoryStore, **limits: Any) -> None:
        clock = asyncio.get_running_loop().time
        media: Any = SimpleNamespace(now=clock)
        self.hall = Rooms(media, RoomsOptions(), most=100)
        self.book = Book(store, self.hall, now=clock, **({"most": lambda: 100} | limits))

    @property
    def rooms(self) -> dict[str, Room]:
        return self.hall.rooms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        tasks = [asyncio.create_task(work) for work in (self.hall.run(), self.book.run())]
        await asyncio.sleep(0.1)
        try:
            yield self
        finally:
            self.hall.stop()
            await tasks[0]
            tasks[1].cancel()
            await asyncio.wait(tasks)


class Somebody:
    """A member of a room, as far as a room looks at one."""

    id, name, language = "par_1", "Ann", "en"
    tracks: dict[str, Any] = {}  # noqa: RUF012 - nobody sends anything

    def tell(self, message: Any) -> None: ...

    def follow(self) -> None: ...

    def look(self, now: float) -> None: ...

    def leave(self, reason: str) -> None: ...


@pytest.fixture
async def store() -> Shaky:
    return Shaky()


async def test_a_room_is_opened_where_somebody_asks_for_it(store: Shaky) -> None:
    async with Process(store).running() as front, Process(store).running() as worker:
        booked = await front.book.add(Plan(name="Tea", language="fr"))
        assert await worker.book.knows(booked.id)
        await worker.book.arrive(booked.id)
        await worker.book.arrive(booked.id)
        opened = worker.rooms[booked.id]
        assert (opened.plan, opened.created) == (booked.plan, booked.created)
        assert front.rooms == {}
        assert opened.plan.max_participants == worker.hall.options.participants
        await asyncio.sleep(EMPTY / 2)
        opened.enter(Somebody())
        await asyncio.sleep(1000)
        assert [(one.room.id, one.participants) for one in await front.book.page()] == [
            (booked.id, 1)
        ]


async def test_a_room_that_closed_is_forgotten(store: Shaky) -> None:
    async with Process(store).running() as one:
        room = await one.book.add(Plan())
        await one.book.arrive(room.id)
        await asyncio.sleep(EMPTY + BEAT + 1)
        assert one.rooms == {}
        assert not await one.book.knows(room.id)
        await one.book.arrive(room.id)
        assert one.rooms == {}


async def test_a_room_that_is_closed_does_not_come_back_at_once(store: Shaky) -> None:
    async with Process(store).running() as one:
        room = await one.book.add(Plan())
        await one.book.arrive(room.id)
        one.hall.close(one.rooms[room.id])
        await one.book.arrive(room.id)
        assert one.rooms == {}


async def test_a_room_that_nobody_entered_is_forgotten(store: Shaky) -> None:
    async with Process(store).running() as one:
        room = await one.book.add(Plan())
        await asyncio.sleep(EMPTY + 1)
        assert not await one.book.knows(room.id)


async def test_rooms_are_there_again_after_a_restart(store: Shaky) -> None:
    async with Process(store).running() as before:
        room = await before.book.add(Plan(name="Tea"))
        await before.book.arrive(room.id)
        await asyncio.sleep(10)
    assert before.rooms == {}
    async with Process(store).running() as after:
        await after.book.arrive(room.id)
        assert after.rooms[room.id].plan.name == "Tea"


async def test_rooms_beyond_the_limits_are_refused(store: Shaky) -> None:
    async with Process(store, most=lambda: 2).running() as one:
        for _ in range(2):
            await one.book.add(Plan())
        with pytest.raises(Overloaded, match="2 rooms"):
            await one.book.add(Plan())
    async with Process(store, refuse=lambda: "no memory").running() as one:
        with pytest.raises(Overloaded, match="no memory"):
            await one.book.add(Plan())


async def test_rooms_are_listed_in_pages(store: Shaky) -> None:
    async with Process(store).running() as one:
        made = sorted([(await one.book.add(Plan())).id for _ in range(5)])
        assert sorted(await one.book.ids()) == made
        page = await one.book.page(after=made[1], limit=2)
        assert [booked.room.id for booked in page] == made[2:4]


async def test_while_the_store_is_away_rooms_stay_open(store: Shaky) -> None:
    async with Process(store).running() as one:
        room = await one.book.add(Plan())
        await one.book.arrive(room.id)
        one.rooms[room.id].enter(Somebody())
        store.away = True
        await asyncio.sleep(1000)
        assert await one.book.knows(room.id)
        store.away = False
        await asyncio.sleep(BEAT + 1)
        assert await one.book.ids() == [room.id]


async def test_the_signing_secret_is_the_same_for_everybody(store: Shaky) -> None:
    first = await signing_secret(store)
    assert len(first) == 64
    assert await signing_secret(store) == first
