"""Reality follows the wishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import pytest

from tests.fakes.call import Mute
from tests.fakes.stt import FakeStt
from transcriber.bus.memory import Bus
from transcriber.call import Caption, Listener
from transcriber.errors import Misconfigured, Overloaded
from transcriber.session.supervisor import GRACE, Supervisor
from transcriber.session.wishes import Wish


class Place(Mute):
    """A call that lasts until somebody hangs up, or breaks on demand."""

    def __init__(self, room: str, wish: Callable[[], Wish], problem: Exception | None) -> None:
        self.room = room
        self.wish = wish
        self.here = False
        self._problem = problem
        self.over = asyncio.Event()

    async def run(self, listener: Listener) -> None:
        if self._problem:
            raise self._problem
        self.here = True
        await self.over.wait()
        await asyncio.sleep(1)
        self.here = False

    async def show(self, caption: Caption, readers: Collection[str]) -> None: ...

    def hang_up(self) -> None:
        self.over.set()


class World:
    """The places we were in, and the problems we will have."""

    def __init__(self, *problems: Exception, most: int = 100) -> None:
        self.places: list[Place] = []
        self.problems = list(problems)
        self.supervisor = Supervisor(self.connect, stt=FakeStt(), bus=Bus(), most=most)

    def connect(self, room: str, wish: Callable[[], Wish]) -> Place:
        self.places.append(Place(room, wish, self.problems.pop(0) if self.problems else None))
        return self.places[-1]

    @property
    def rooms(self) -> list[str]:
        return [place.room for place in self.places if place.here]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Supervisor]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.supervisor.run())
            await asyncio.sleep(0.1)
            yield self.supervisor
            self.supervisor.stop()


async def test_a_wished_room_is_entered_at_once() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(0.1)
        assert world.rooms == ["r"]


async def test_wishes_from_before_the_start_are_met() -> None:
    world = World()
    world.supervisor.read("r", "ann")
    async with world.running():
        assert world.rooms == ["r"]


async def test_a_second_wish_enters_no_second_time() -> None:
    world = World()
    async with world.running() as supervisor:
        for reader in ("ann", "bob", "ann"):
            supervisor.read("r", reader)
            await asyncio.sleep(1)
        assert len(world.places) == 1
        assert set(world.places[0].wish().readers) == {"ann", "bob"}


async def test_it_leaves_some_time_after_the_last_reader() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        supervisor.read("r", "bob")
        supervisor.stop_reading("r", "ann")
        await asyncio.sleep(10 * GRACE)
        assert world.rooms == ["r"]
        supervisor.stop_reading("r", "bob")
        await asyncio.sleep(GRACE - 1)
        assert world.rooms == ["r"]
        await asyncio.sleep(3)
        assert world.rooms == []
        assert supervisor.wishes == []


async def test_whoever_comes_back_in_time_finds_it_there() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        supervisor.stop_reading("r", "ann")
        await asyncio.sleep(GRACE - 1)
        supervisor.read("r", "ann")
        await asyncio.sleep(10 * GRACE)
        assert len(world.places) == 1
        assert world.rooms == ["r"]


async def test_whoever_comes_back_while_it_leaves_is_not_forgotten() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        supervisor.stop_reading("r", "ann")
        await asyncio.sleep(GRACE + 0.5)
        supervisor.read("r", "ann")
        await asyncio.sleep(5)
        assert world.rooms == ["r"]
        assert len(world.places) == 2


async def test_a_broken_call_is_entered_again_for_the_same_readers() -> None:
    world = World(OSError("gone"), OSError("gone"), OSError("gone"))
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(60)
        assert world.rooms == ["r"]
        assert set(world.places[-1].wish().readers) == {"ann"}


async def test_what_cannot_be_helped_is_given_up() -> None:
    problem = Misconfigured("LT_INTERNAL_SECRET", "wrong")
    problem.retryable = False  # type: ignore[attr-defined]
    world = World(problem)
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(60)
        assert len(world.places) == 1
        assert supervisor.wishes == []


async def test_a_room_that_fails_for_ever_can_be_left() -> None:
    world = World(*[OSError("gone")] * 1000)
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(60)
        supervisor.leave("r")
        await asyncio.sleep(0.1)
        tries = len(world.places)
        await asyncio.sleep(600)
        assert len(world.places) == tries


async def test_a_call_that_ends_takes_its_wish_along() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(1)
        world.places[0].hang_up()
        await asyncio.sleep(2)
        assert supervisor.wishes == []
        assert len(world.places) == 1


async def test_leaving_has_no_grace() -> None:
    world = World()
    async with world.running() as supervisor:
        supervisor.read("r", "ann")
        await asyncio.sleep(1)
        supervisor.leave("r")
        supervisor.leave("r")
        await asyncio.sleep(2)
        assert world.rooms == []


async def test_rooms_beyond_the_limit_are_refused_clearly() -> None:
    world = World(most=2)
    async with world.running() as supervisor:
        supervisor.read("a", "ann")
        supervisor.read("b", "ann")
        with pytest.raises(Overloaded, match="2 rooms"):
            supervisor.read("c", "ann")
        supervisor.read("a", "bob")


async def test_languages_are_kept_with_the_wish() -> None:
    world = World()
    supervisor = world.supervisor
    supervisor.read("r", "ann", language="fr")
    supervisor.translate("r", "ann", "de")
    supervisor.read("r", "ann")
    supervisor.speak("r", "es")
    assert supervisor.wishes == [Wish("r", "es", {"ann": "de"})]
    with pytest.raises(KeyError):
        supervisor.speak("x", "fr")
    with pytest.raises(KeyError):
        supervisor.translate("x", "ann", "fr")
    with pytest.raises(KeyError):
        supervisor.translate("r", "bob", "fr")


async def test_who_never_read_can_stop_reading() -> None:
    World().supervisor.stop_reading("r", "ann")


async def test_stopping_leaves_every_room() -> None:
    world = World()
    async with world.running() as supervisor:
        for room in "abc":
            supervisor.read(room, "ann")
        await asyncio.sleep(1)
    assert world.rooms == []
    world.supervisor.read("late", "ann")
    assert len(world.places) == 3
