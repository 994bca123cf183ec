"""Instances that share a store: each room is had by one, and not lost for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.store import MemoryStore
from transcriber.errors import Overloaded
from transcriber.session.places import BEAT, LIFE, Here, Shared
from transcriber.session.shares import Instance
from transcriber.store import Record, StoreFailed

ROOMS = [f"r{number}" for number in range(20)]


class Shaky(MemoryStore):
    """A store that can be away, on the test's clock."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().time)
        self.away = False

    async def put(self, kind: str, key: str, value: Any, **options: Any) -> Record:
        if self.away:
            raise StoreFailed("away")
        return await super().put(kind, key, value, **options)


@asynccontextmanager
async def instances(
    store: MemoryStore, *names: str, most: int = 100
) -> AsyncIterator[list[Shared]]:
    clock = asyncio.get_running_loop().time
    made = [Shared(store, Instance(name, most=most), now=clock) for name in names]
    tasks = [asyncio.create_task(one.run(), name=one.me.id) for one in made]
    for one in made:
        one.announce(f"http://{one.me.id}")
    await asyncio.sleep(0.1)
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def die(name: str) -> None:
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == name)
    task.cancel()


@pytest.fixture
async def store() -> Shaky:
    return Shaky()


async def test_every_room_is_had_by_exactly_one(store: Shaky) -> None:
    async with instances(store, "a", "b", "c") as several:
        for _ in range(2):
            had = [await one.mine("talk", ROOMS) for one in several]
            assert sorted(room for rooms in had for room in rooms) == sorted(ROOMS)
            assert all(had)
        assert [one.count for one in several] == [3, 3, 3]


async def test_the_rooms_of_one_that_died_are_taken_over_in_time(store: Shaky) -> None:
    async with instances(store, "a", "b") as (a, b):
        theirs, ours = await a.mine("talk", ROOMS), await b.mine("talk", ROOMS)
        die("a")
        await asyncio.sleep(LIFE - BEAT - 0.5)
        assert await b.mine("talk", ROOMS) == ours
        await asyncio.sleep(BEAT + 1)
        assert await b.mine("talk", ROOMS) == ours | theirs
        assert await a.mine("talk", ROOMS) == set()


async def test_who_leaves_gives_its_rooms_to_the_others_at_once(store: Shaky) -> None:
    async with instances(store, "a", "b") as (a, b):
        await a.mine("talk", ROOMS)
        await b.mine("talk", ROOMS)
        await a.leave()
        assert await a.mine("talk", ()) == set()
        assert await b.mine("talk", ROOMS) == set(ROOMS)


async def test_who_has_a_room_keeps_it_when_others_come(store: Shaky) -> None:
    async with instances(store, "a") as (a,):
        assert await a.mine("talk", ROOMS) == set(ROOMS)
        async with instances(store, "b") as (b,):
            assert await b.mine("talk", [*ROOMS, "x", "y", "z", "u", "v"]) <= set("xyzuv")
            assert await a.mine("talk", ROOMS) == set(ROOMS)


async def test_rooms_that_are_not_wanted_are_given_up(store: Shaky) -> None:
    async with instances(store, "a") as (a,):
        await a.mine("talk", ROOMS)
        await a.mine("other", ["r1"])
        assert await a.mine("talk", ["r1"]) == {"r1"}
        assert [one.key for one in await store.records("place")] == ["other/r1", "talk/r1"]
        await a.release("talk/r1")
        await a.release("talk/x")
        assert [one.key for one in await store.records("place")] == ["other/r1"]


async def test_who_is_full_takes_no_more(store: Shaky) -> None:
    async with instances(store, "a", "b", most=10) as (a, b):
        for _ in range(3):
            await asyncio.sleep(BEAT)
            had = [await a.mine("talk", ROOMS), await b.mine("talk", ROOMS)]
        assert [len(rooms) for rooms in had] == [10, 10]


async def test_each_says_where_a_room_is(store: Shaky) -> None:
    async with instances(store, "a", "b") as (a, b):
        for room in ROOMS:
            assert {await a.where(room), await b.where(room)} in (
                {"", "http://a"},
                {"", "http://b"},
            )
        assert {await a.where(room) for room in ROOMS} == {"", "http://b"}
        die("b")
        await asyncio.sleep(LIFE + 2)
        assert {await a.where(room) for room in ROOMS} == {""}


async def test_of_two_who_choose_at_once_one_is_believed(store: Shaky) -> None:
    async with instances(store, "a", "b") as (a, b):
        for room in ROOMS:
            answers = set(await asyncio.gather(a.where(room), b.where(room)))
            assert answers in ({"", "http://a"}, {"", "http://b"})


async def test_while_the_store_is_away_everybody_keeps_what_they_have(store: Shaky) -> None:
    async with instances(store, "a") as (a,):
        assert await a.where("r") == ""
        store.away = True
        await asyncio.sleep(3 * LIFE)
        assert await a.where("r") == ""
        store.away = False
        await asyncio.sleep(BEAT + 1)
        assert len(await store.records("instance")) == 1


async def test_who_slept_for_too_long_asks_again_what_it_has(store: Shaky) -> None:
    async with instances(store, "a", "b") as (a, b):
        ours = [room for room in ROOMS if await a.where(room) == ""]
        store.away = True
        await asyncio.sleep(2 * LIFE)
        for room in ours:
            await MemoryStore.put(store, "place", room, "b")
        store.away = False
        await asyncio.sleep(BEAT + 1)
        assert {await a.where(room) for room in ours} == {b.me.url}


async def test_when_the_store_comes_back_the_others_get_time_to_say_that_they_live(
    store: Shaky,
) -> None:
    async with instances(store, "a", "b") as (a, b):
        ours = await a.mine("talk", ROOMS)
        theirs = await b.mine("talk", ROOMS)
        store.away = True
        await asyncio.sleep(5 * LIFE)
        store.away = False
        await a._beat()
        assert await a.mine("talk", ROOMS) == ours
        room = next(iter(theirs))
        with pytest.raises(Overloaded):
            await a.where(f"talk/{room}")
        await asyncio.sleep(LIFE + BEAT)
        assert await a.mine("talk", ROOMS) == ours
        assert await b.mine("talk", ROOMS) == theirs


async def test_coming_and_giving_up_rooms_is_told(store: Shaky) -> None:
    told: list[object] = []
    store.listen("instance", told.append)
    async with instances(store, "a", "b") as (a, b):
        assert sorted(map(str, told)) == ["a", "b"]
        await a.mine("talk", ROOMS)
        await a.leave()
        await a.mine("talk", ())
        assert told[2:] == ["a"]
        assert await a.where(ROOMS[0]) == b.me.url


async def test_who_has_not_announced_itself_has_nothing(store: Shaky) -> None:
    shy = Shared(store, Instance("a", most=10))
    assert await shy.mine("talk", ROOMS) == set()
    with pytest.raises(Overloaded, match="moving"):
        await shy.where("r")


async def test_thousands_of_rooms_are_read_in_pages(store: Shaky) -> None:
    for number in range(1500):
        await store.put("place", f"talk/{number:05}", "a")
    await store.put("place", "talk0", "a")
    async with instances(store, "a", most=5000) as (a,):
        wanted = [f"{number:05}" for number in range(1500)]
        assert len(await a.mine("talk", wanted)) == 1500


async def test_one_alone_has_everything() -> None:
    here = Here()
    assert await here.mine("talk", ["a", "b"]) == {"a", "b"}
    assert await here.where("a") == ""
    await here.release("a")
    await here.run()
    here.announce("http://a")
    await here.leave()
    assert here.count == 1
