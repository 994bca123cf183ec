"""Reality follows the wishes, over restarts too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.store import MemoryStore
from transcriber.errors import Overloaded
from transcriber.session.places import LIFE, Shared
from transcriber.session.shares import Instance
from transcriber.session.supervisor import BEAT, Supervisor
from transcriber.session.wishes import Wish
from transcriber.store import Conflict, StoreFailed


class Attended:
    """Remembers which rooms are attended, and every order."""

    def __init__(self) -> None:
        self.rooms: dict[str, Wish] = {}
        self.orders: list[str] = []

    def start(self, room: str, wish: Wish) -> None:
        self.rooms[room] = wish
        self.orders.append(f"start {room}")

    def stop(self, room: str) -> None:
        self.rooms.pop(room, None)
        self.orders.append(f"stop {room}")


class World:
    """A supervisor, what it has attended, and its store."""

    def __init__(self, store: MemoryStore | None = None, **limits: Any) -> None:
        self.store = store or MemoryStore()
        self.attended = Attended()
        self.supervisor = Supervisor(self.store, self.attended, **limits)

    @property
    def rooms(self) -> dict[str, Wish]:
        return self.attended.rooms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Supervisor]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.supervisor.run())
            await asyncio.sleep(0.1)
            yield self.supervisor
            self.supervisor.stop()


async def test_a_wished_room_is_attended_at_once_and_until_nobody_wishes_it() -> None:
    world = World()
    async with world.running() as supervisor:
        await supervisor.read("r", "ann")
        await asyncio.sleep(0.1)
        assert world.rooms == {"r": Wish("r").read_by("ann")}
        await supervisor.leave("r")
        await supervisor.leave("r")
        await asyncio.sleep(0.1)
        assert world.rooms == {}


async def test_every_change_of_a_wish_is_passed_on() -> None:
    world = World()
    async with world.running() as supervisor:
        await supervisor.read("r", "ann", language="fr")
        await asyncio.sleep(0.1)
        await supervisor.translate("r", "ann", "de")
        await asyncio.sleep(0.1)
        await supervisor.read("r", "ann")
        await supervisor.speak("r", "es")
        await supervisor.read("r", "bob")
        await supervisor.stop_reading("r", "bob")
        await supervisor.hear("r", "openai")
        await asyncio.sleep(0.1)
        assert world.rooms == {"r": Wish("r", "es", {"ann": "de"}, engine="openai")}
        await supervisor.hear("r", "")
        await asyncio.sleep(0.1)
        assert world.rooms == {"r": Wish("r", "es", {"ann": "de"})}
        assert await supervisor.wishes() == [Wish("r", "es", {"ann": "de"})]


async def test_what_nobody_wished_cannot_be_changed() -> None:
    supervisor = World().supervisor
    await supervisor.stop_reading("r", "ann")
    with pytest.raises(KeyError):
        await supervisor.speak("r", "fr")
    with pytest.raises(KeyError):
        await supervisor.hear("r", "openai")
    with pytest.raises(KeyError):
        await supervisor.translate("r", "ann", "fr")
    await supervisor.read("r", "ann")
    with pytest.raises(KeyError):
        await supervisor.translate("r", "bob", "fr")


async def test_a_conversation_is_wished_like_captions() -> None:
    world = World()
    async with world.running() as supervisor:
        await supervisor.talk("r", "dlg_1")
        await asyncio.sleep(0.1)
        assert world.rooms == {"r": Wish("r").held("dlg_1")}
        await supervisor.read("r", "ann")
        assert await supervisor.wishes() == [Wish("r").held("dlg_1").read_by("ann")]


async def test_a_restart_brings_every_room_back() -> None:
    world = World()
    async with world.running() as supervisor:
        for room in "abc":
            await supervisor.read(room, "ann", language="fr")
        await asyncio.sleep(0.1)
        before = dict(world.rooms)
    assert world.rooms == {}
    with pytest.raises(Overloaded, match="stopping"):
        await supervisor.read("late", "ann")
    again = World(world.store)
    async with again.running():
        assert again.rooms == before


async def test_a_call_that_ends_takes_its_wish_along() -> None:
    world = World()
    async with world.running() as supervisor:
        await supervisor.read("r", "ann")
        await asyncio.sleep(0.1)
        supervisor.ended("r")
        supervisor.ended("x")
        await asyncio.sleep(0.1)
        assert await supervisor.wishes() == []
        assert world.attended.orders == ["start r"]


async def test_a_wish_that_was_renewed_while_its_call_ended_is_started_again() -> None:
    world = World()
    async with world.running() as supervisor:
        await supervisor.read("r", "ann")
        await asyncio.sleep(0.1)
        await world.store.put("wish", "r", Wish("r").read_by("bob").value)
        supervisor.ended("r")
        await asyncio.sleep(0.1)
        assert world.rooms == {"r": Wish("r").read_by("bob")}
        assert world.attended.orders == ["start r", "start r"]


async def test_wishes_that_nobody_told_of_are_found() -> None:
    world = World()
    async with world.running():
        await world.store.put("wish", "r", Wish("r").read_by("bob").value)
        await asyncio.sleep(BEAT + 1)
        assert list(world.rooms) == ["r"]


async def test_rooms_beyond_the_limit_are_refused_clearly() -> None:
    world = World(most=2)
    supervisor = world.supervisor
    await supervisor.read("a", "ann")
    await supervisor.read("b", "ann")
    with pytest.raises(Overloaded, match="2 rooms"):
        await supervisor.read("c", "ann")
    await supervisor.read("a", "bob")


async def test_without_memory_no_other_room_is_taken_on() -> None:
    reasons = ["", "no memory"]
    supervisor = World(refuse=lambda: reasons.pop(0)).supervisor
    await supervisor.read("a", "ann")
    with pytest.raises(Overloaded, match="no memory"):
        await supervisor.read("b", "ann")
    await supervisor.read("a", "bob")


async def test_everything_can_be_left() -> None:
    world = World()
    async with world.running() as supervisor:
        for number in range(1001):
            await world.store.put("wish", f"{number:04}", Wish("").value)
        assert len(await supervisor.wishes()) == 1001
        await supervisor.leave_all()
        await asyncio.sleep(BEAT + 1)
        assert await supervisor.wishes() == []
        assert world.rooms == {}


class Away(MemoryStore):
    """A store that can be away, or in which somebody else is always faster."""

    away = busy = False

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Any]:
        if self.away:
            raise StoreFailed("the database is away")
        return await super().records(kind, after=after, limit=limit)

    async def put(self, kind: str, key: str, value: Any, **options: Any) -> Any:
        if self.busy:
            raise Conflict("somebody was faster")
        return await super().put(kind, key, value, **options)


async def test_while_the_store_is_away_everything_stays_as_it_is() -> None:
    store = Away()
    world = World(store)
    async with world.running() as supervisor:
        await supervisor.read("r", "ann")
        await asyncio.sleep(0.1)
        store.away = True
        await asyncio.sleep(100)
        assert list(world.rooms) == ["r"]
        store.away = False
        await supervisor.leave("r")
        await asyncio.sleep(BEAT + 1)
        assert world.rooms == {}


async def test_a_wish_that_others_change_all_the_time_is_given_up() -> None:
    store = Away()
    supervisor = World(store).supervisor
    store.busy = True
    with pytest.raises(Conflict, match="try again"):
        await supervisor.read("r", "ann")


async def test_many_who_wish_at_once_are_all_heard() -> None:
    world = World()
    other = World(world.store)
    wishes = [one.supervisor.read("r", f"{n}") for n in range(20) for one in (world, other)]
    await asyncio.gather(*wishes)
    (wish,) = await world.supervisor.wishes()
    assert len(wish.readers) == 20


async def test_of_two_instances_each_room_is_attended_by_one_and_taken_over() -> None:
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock)
    worlds, tasks = [], []
    for name in ("a", "b"):
        shared = Shared(store, Instance(name, most=100), now=clock)
        world = World(store, places=shared, most=10)
        shared.announce(f"http://{name}")
        tasks += [asyncio.create_task(shared.run()), asyncio.create_task(world.supervisor.run())]
        worlds.append(world)
    one, two = worlds
    await asyncio.sleep(1)
    rooms = [f"r{number}" for number in range(20)]
    for room in rooms:
        await one.supervisor.read(room, "ann")
    with pytest.raises(Overloaded, match="20 rooms"):
        await two.supervisor.read("x", "ann")
    await asyncio.sleep(1)
    assert sorted([*one.rooms, *two.rooms]) == sorted(rooms)
    assert one.rooms
    assert two.rooms
    lost = next(iter(one.rooms))
    await two.supervisor.read(lost, "bob")
    await asyncio.sleep(0.1)
    assert set(one.rooms[lost].readers) == {"ann", "bob"}
    for task in tasks[:2]:
        task.cancel()
    await asyncio.sleep(LIFE + BEAT + 1)
    assert sorted(two.rooms) == sorted(rooms)
    two.supervisor.stop()
    await tasks[3]
    assert await store.records("place") == []
    tasks[2].cancel()
    await asyncio.wait(tasks)
