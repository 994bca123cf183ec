"""Complete transcripts are handed over once, and old ones are deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.fakes.store import MemoryStore
from transcriber.bus.memory import Bus
from transcriber.connectors.nextcloud import Unanswered
from transcriber.events import ErrorHappened, TranscriptEnded, TranscriptOver
from transcriber.store import Record, StoreFailed
from transcriber.transcripts.archive import Archive, Kept
from transcriber.transcripts.caretaker import DAY, DEAD, PATIENCE, ROUND, Caretaker


class World:
    """A caretaker at a time of our choice."""

    def __init__(self, *, days: int = 30, hands: bool = True) -> None:
        self.now = 1_000_000.0
        self.bus, self.store = Bus(), MemoryStore(lambda: self.now)
        self.archive = Archive(self.store)
        self.handed: list[str] = []
        self.away = 0
        self.problems: list[str] = []
        self.bus.subscribe(ErrorHappened, lambda event: self.problems.append(event.data.code))
        self.days, self.hands = days, hands
        self.caretaker = self.made()

    def made(self) -> Caretaker:
        return Caretaker(
            self.bus,
            self.store,
            self.archive,
            days=self.days,
            deliver=self.deliver if self.hands else None,
            now=lambda: self.now,
        )

    async def deliver(self, kept: Kept) -> None:
        if self.away:
            self.away -= 1
            raise Unanswered("Nextcloud is away")
        self.handed.append(kept.id)

    async def kept(self, *, ended: bool = True) -> Kept:
        kept = await self.archive.begin("r", title="Team", by="users/ann", now=self.now)
        return await self.archive.save(replace(kept, ended=self.now if ended else None))

    async def rounds(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            await self.caretaker.go_round()
            self.now += ROUND


async def test_a_transcript_is_handed_over_once() -> None:
    world = World()
    kept = await world.kept()
    await world.rounds(DAY)
    assert world.handed == [kept.id]
    assert (await world.archive.get(kept.id)).delivered


async def test_one_that_goes_on_is_left_alone_and_a_dead_one_is_ended() -> None:
    world = World()
    kept = await world.kept(ended=False)
    await world.caretaker.go_round()
    assert (await world.archive.get(kept.id)).ended is None
    world.now += DEAD + 1
    await world.caretaker.go_round()
    assert (await world.archive.get(kept.id)).ended == kept.alive
    assert world.handed == [kept.id]


async def test_what_fails_is_tried_again_less_and_less_often() -> None:
    world = World()
    world.away = 3
    await world.kept()
    await world.rounds(DAY / 2)
    assert len(world.handed) == 1
    assert world.problems == ["transcript_not_uploaded"] * 3


async def test_it_is_not_tried_for_ever() -> None:
    world = World()
    world.away = 1_000
    await world.kept()
    await world.rounds(2 * PATIENCE)
    assert 5 < len(world.problems) < 12
    assert world.caretaker._tries == {}


async def test_without_a_place_to_go_transcripts_stay() -> None:
    world = World(hands=False)
    kept = await world.kept()
    await world.rounds(DAY)
    assert not (await world.archive.get(kept.id)).delivered


async def test_old_ones_are_deleted() -> None:
    world = World(days=2)
    await world.kept()
    await world.rounds(1.5 * DAY)
    young = await world.kept()
    await world.rounds(DAY)
    assert [kept.id for kept in await world.archive.page()] == [young.id]


async def test_none_are_deleted_if_that_is_wanted() -> None:
    world = World(days=0)
    kept = await world.kept()
    world.now += 10_000 * DAY
    await world.caretaker.go_round()
    assert (await world.archive.get(kept.id)).id == kept.id


async def test_one_of_several_instances_does_it() -> None:
    world = World()
    await world.kept()
    held = await world.store.lease("transcripts", "other", now=world.now, until=world.now + 60)
    assert held
    await world.caretaker.go_round()
    assert world.handed == []
    await world.store.release("transcripts", "other")
    await asyncio.gather(world.caretaker.go_round(), world.made().go_round())
    assert len(world.handed) == 1


async def test_a_store_that_fails_is_asked_again_later() -> None:
    world = World()
    await world.kept()
    records = world.store.records

    async def failing(kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        raise StoreFailed("disk full")

    world.store.records = failing  # type: ignore[method-assign]
    await world.caretaker.go_round()
    world.store.records = records  # type: ignore[method-assign]
    await world.caretaker.go_round()
    assert len(world.handed) == 1


async def test_it_comes_at_once_when_a_transcript_has_ended() -> None:
    world = World()
    task = asyncio.create_task(world.caretaker.run())
    await asyncio.sleep(1)
    kept = await world.kept()
    over = TranscriptOver(room="r", transcript_id=kept.id, lines=1)
    world.bus.publish(TranscriptEnded(session_id="s", data=over))
    await asyncio.sleep(1)
    assert world.handed == [kept.id]
    task.cancel()
    await asyncio.wait({task})
