"""Our stays: entered again when they break, left when nobody reads, ended with the last words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from tests.fakes.place import Places
from tests.fakes.stt import FakeStt
from transcriber.audio.block import SAMPLES
from transcriber.bus.memory import Bus
from transcriber.call import Person
from transcriber.captions.broadcaster import REFUSED
from transcriber.captions.translation import Translates
from transcriber.errors import Misconfigured
from transcriber.session.attendant import GRACE, Attendant
from transcriber.session.limits import Seats
from transcriber.session.wishes import Wish

READ = Wish("r").read_by("ann")


class World(Places):
    """Places, and an attendant who goes there."""

    def __init__(
        self,
        *problems: Exception,
        seats: int = 10,
        drain: float = 20.0,
        translator: Translates | None = None,
    ) -> None:
        super().__init__(*problems)
        self.ended: list[str] = []
        self.attendant = Attendant(
            self.connect,
            stt=FakeStt(),
            bus=Bus(),
            ended=self.ended.append,
            seats=Seats(seats),
            translator=translator,
            drain=drain,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Attendant]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.attendant.run())
            await asyncio.sleep(0.1)
            yield self.attendant
            self.attendant.close()


async def test_a_room_is_entered_at_once() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(0.1)
        assert world.rooms == ["r"]


async def test_rooms_from_before_the_start_are_entered() -> None:
    world = World()
    world.attendant.start("r", READ)
    async with world.running():
        assert world.rooms == ["r"]


async def test_a_room_is_not_entered_twice_and_follows_its_wish() -> None:
    world = World()
    async with world.running() as attendant:
        for wish in (READ, READ.read_by("bob"), READ.read_by("bob").spoken_in("fr")):
            attendant.start("r", wish)
            await asyncio.sleep(1)
        assert len(world.made) == 1
        assert world.made[0].wish() == wish


async def test_it_leaves_some_time_after_the_last_reader() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(10 * GRACE)
        assert world.rooms == ["r"]
        attendant.start("r", Wish("r"))
        await asyncio.sleep(GRACE - 1)
        assert (world.rooms, world.ended) == (["r"], [])
        await asyncio.sleep(3)
        assert (world.rooms, world.ended) == ([], ["r"])


async def test_whoever_comes_back_in_time_finds_it_there() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", Wish("r"))
        await asyncio.sleep(GRACE - 1)
        attendant.start("r", READ)
        await asyncio.sleep(10 * GRACE)
        assert len(world.made) == 1
        assert world.rooms == ["r"]


async def test_whoever_comes_back_while_it_leaves_is_not_forgotten() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", Wish("r"))
        await asyncio.sleep(GRACE + 0.5)
        attendant.start("r", READ)
        await asyncio.sleep(5)
        assert (world.rooms, world.ended) == (["r"], [])
        assert len(world.made) == 2


async def test_a_broken_call_is_entered_again() -> None:
    world = World(OSError("gone"), OSError("gone"), OSError("gone"))
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(60)
        assert world.rooms == ["r"]
        assert world.made[-1].wish() == READ


async def test_what_cannot_be_helped_is_given_up() -> None:
    problem = Misconfigured("LT_INTERNAL_SECRET", "wrong")
    problem.retryable = False  # type: ignore[attr-defined]
    world = World(problem)
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(60)
        assert len(world.made) == 1
        assert world.ended == ["r"]


async def test_a_room_that_fails_for_ever_can_be_left() -> None:
    world = World(*[OSError("gone")] * 1000)
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(60)
        attendant.stop("r")
        await asyncio.sleep(0.1)
        tries = len(world.made)
        await asyncio.sleep(600)
        assert len(world.made) == tries
        assert world.ended == []


async def test_a_call_that_ends_is_told() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(1)
        world.made[0].hang_up()
        await asyncio.sleep(2)
        assert world.ended == ["r"]
        assert len(world.made) == 1


async def test_leaving_has_no_grace() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(1)
        attendant.stop("r")
        attendant.stop("r")
        await asyncio.sleep(2)
        assert (world.rooms, world.ended) == ([], [])


async def test_at_the_end_every_room_is_left() -> None:
    world = World()
    async with world.running() as attendant:
        for room in "abc":
            attendant.start(room, Wish(room).read_by("ann"))
        await asyncio.sleep(1)
    assert (world.rooms, world.ended) == ([], [])
    world.attendant.start("late", READ)
    assert len(world.made) == 3


async def test_last_words_are_shown_before_the_room_is_left() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(1)
        place = world.made[0]
        assert place.listener
        place.listener.joined(Person("eve"))
        await asyncio.sleep(0.1)
        for word in (1, 2):
            place.listener.heard("eve", np.full(SAMPLES, word, np.float32))
        await attendant.last_words()
        assert (place.shown[-1], world.rooms) == ("1 2", [])
    place.listener.joined(Person("late"))


async def test_a_room_that_does_not_end_is_left_after_all() -> None:
    world = World(drain=0.5)
    began = asyncio.get_running_loop().time()
    async with world.running() as attendant:
        attendant.start("r", READ)
    assert asyncio.get_running_loop().time() - began < 1


async def test_who_is_one_too_many_is_told_so_and_heard_when_somebody_leaves() -> None:
    world = World(seats=1)
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(1)
        place = world.made[0]
        assert place.listener
        for name in ("ann", "bob", "cid"):
            place.listener.joined(Person(name))
        await asyncio.sleep(5)
        assert place.shown == [REFUSED, REFUSED]
        place.listener.left("cid")
        place.listener.left("ann")
        await asyncio.sleep(2)
        place.listener.heard("bob", np.full(SAMPLES, 7, np.float32))
        place.listener.left("bob")
        await asyncio.sleep(2)
        assert place.shown[-1] == "7"


class German:
    async def translate(self, text: str, *, source: str, target: str) -> str:
        await asyncio.sleep(3)
        return f"{target}: {text}"


async def test_readers_get_their_language_to_the_last_word() -> None:
    world = World(translator=German())
    async with world.running() as attendant:
        attendant.start("r", READ.translated("ann", "de"))
        await asyncio.sleep(0.1)
        (place,) = world.made
        assert place.listener
        place.listener.joined(Person("p", "Pat"))
        place.listener.heard("p", np.full(SAMPLES, 1, np.float32))
        await asyncio.sleep(1)
    assert place.shown == ["de: 1"]


async def test_another_language_is_spoken_without_leaving() -> None:
    world = World()
    async with world.running() as attendant:
        attendant.start("r", READ)
        await asyncio.sleep(0.1)
        (place,) = world.made
        assert place.listener
        place.listener.joined(Person("p", "Pat"))
        place.listener.heard("p", np.full(SAMPLES, 1, np.float32))
        attendant.start("r", READ.spoken_in("fr"))
        await asyncio.sleep(1)
        assert len(world.made) == 1
        assert place.shown[-1] == "1"
