"""Nothing is kept without consent and without telling everybody; with both, every sentence is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.store import MemoryStore
from tests.unit.transcriber.transcripts.calls import Call
from transcriber.bus.memory import Bus
from transcriber.connectors.nextcloud import Unanswered
from transcriber.events import ErrorHappened, TranscriptEnded, TranscriptStarted
from transcriber.store import Entry, StoreFailed
from transcriber.transcripts.archive import Archive, Kept
from transcriber.transcripts.keeper import RETURN, Keeper
from transcriber.transcripts.permission import Permissions


class Failing(MemoryStore):
    """A store that fails when told to."""

    failures = 0

    async def append(self, *entries: Entry) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreFailed("disk full")
        await super().append(*entries)


class World:
    """A keeper, and the chat in which it speaks."""

    def __init__(self) -> None:
        self.bus, self.store = Bus(), Failing()
        self.archive, self.permissions = Archive(self.store), Permissions(self.store)
        self.announced: list[tuple[str, bool]] = []
        self.mute = False
        self.problems: list[str] = []
        self.told: list[str] = []
        self.clock = asyncio.get_running_loop().time
        self.keeper = Keeper(
            self.bus, self.archive, self.permissions, announce=self.announce, now=self.clock
        )
        self.bus.subscribe(ErrorHappened, lambda event: self.problems.append(event.data.code))
        for kind in (TranscriptStarted, TranscriptEnded):
            self.bus.subscribe(kind, lambda event: self.told.append(event.type))

    async def announce(self, room: str, kept: bool) -> None:
        await asyncio.sleep(0.5)
        if self.mute:
            raise Unanswered("the bot is not in this room", status=401)
        self.announced.append((room, kept))

    async def agree(self) -> None:
        await self.permissions.give("r", by="users/ann", title="Team")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Call]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keeper.run())
            await asyncio.sleep(0)
            yield Call(self.bus)
            await asyncio.sleep(1)
            self.keeper.stop()

    async def latest(self) -> Kept:
        return (await self.archive.page(room="r"))[-1]

    async def text(self, kept: Kept | None = None) -> str:
        kept = kept or await self.latest()
        return "".join([piece async for piece in self.archive.text(kept, "txt")])


async def test_a_call_whose_room_agreed_is_kept() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        call.join("p1")
        call.say("too early")
        await asyncio.sleep(1)
        call.say("one")
        call.say("two", start=600)
        await asyncio.sleep(1)
        call.end()
    assert world.announced == [("r", True)]
    assert await world.text() == "P1: one\nP1: two\n"
    kept = await world.latest()
    assert (kept.lines, kept.title, kept.by) == (2, "Team", "users/ann")
    assert kept.ended
    assert world.told == ["transcript.started", "transcript.ended"]


async def test_without_consent_nothing_is_kept() -> None:
    world = World()
    async with world.running() as call:
        call.begin()
        call.join("p1")
        await asyncio.sleep(1)
        call.say("one")
        await asyncio.sleep(1)
        call.end()
    assert await world.archive.page() == []
    assert world.announced == []


async def test_where_people_cannot_be_told_nothing_is_kept_and_it_is_said_why() -> None:
    world = World()
    world.mute = True
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
        await asyncio.sleep(200)
        assert world.problems == ["transcript_not_announced"], "it is not tried again and again"
        world.mute = False
        await world.permissions.changed("r")
        await asyncio.sleep(1)
        call.say("two")
        await asyncio.sleep(1)
        call.end()
    assert await world.text() == "P1: two\n"


async def test_consent_counts_from_when_it_is_given_until_it_is_withdrawn() -> None:
    world = World()
    async with world.running() as call:
        call.begin()
        for text in ("before", "one", "after", "again"):
            call.say(text)
            await asyncio.sleep(1)
            await (world.permissions.withdraw("r") if text == "one" else world.agree())
            await asyncio.sleep(1)
        call.end()
    assert world.announced[:3] == [("r", True), ("r", False), ("r", True)]
    first, second = await world.archive.page()
    assert (await world.text(first), await world.text(second)) == ("P1: one\n", "P1: again\n")


async def test_whoever_wants_to_be_left_out_is_at_once_and_for_what_was_said_before() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        call.join("p1", "users/ann")
        call.join("p2", "guests/1f")
        await asyncio.sleep(1)
        call.say("one")
        call.say("two", who="p2")
        await asyncio.sleep(1)
        await world.permissions.leave_out("r", "guests/1f")
        call.say("three", who="p2")
        await asyncio.sleep(1)
        call.say("four", who="p2")
        call.say("five")
        await asyncio.sleep(1)
        await world.permissions.let_in("r", "guests/1f")
        await asyncio.sleep(1)
        call.say("six", who="p2")
        await asyncio.sleep(1)
        call.end()
    assert await world.text() == "P1: one\nP1: five\nP2: six\n"


async def test_a_store_that_fails_loses_nothing() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        world.store.failures = 3
        for number in range(5):
            call.say(str(number), start=number)
            await asyncio.sleep(1)
        await asyncio.sleep(60)
        call.end()
    assert await world.text() == "".join(f"P1: {number}\n" for number in range(5))


async def test_a_call_that_breaks_and_comes_back_is_one_transcript() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
        call.end("failed")
        await asyncio.sleep(RETURN / 2)
        call.session = "s2"
        call.begin()
        call.say("two")
        await asyncio.sleep(RETURN)
        call.end()
    (kept,) = await world.archive.page()
    assert await world.text(kept) == "P1: one\nP1: two\n"
    assert len(world.announced) == 1


async def test_a_call_that_breaks_for_good_ends_its_transcript() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
        call.end("failed")
        await asyncio.sleep(RETURN + 1)
        assert (await world.latest()).ended
        call.end()


async def test_a_call_in_which_nobody_spoke_leaves_nothing() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.end()
    assert await world.archive.page() == []


async def test_the_end_of_the_service_ends_transcripts_with_the_last_words() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
    kept = await world.latest()
    assert kept.ended
    assert await world.text(kept) == "P1: one\n"


async def test_a_store_that_never_answers_does_not_hold_up_the_end() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        world.store.failures = 1_000_000
        call.say("one")
    assert not (await world.latest()).ended


async def test_what_is_wrong_with_one_room_is_not_the_others_problem() -> None:
    world = World()
    await world.agree()
    await world.store.put("transcript consent", "q", {"unknown": 1})
    async with world.running() as call:
        other = Call(world.bus, "q", "s9")
        other.begin()
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
        await asyncio.sleep(1)
        call.end()
        other.end()
        await world.permissions.withdraw("q")
        await asyncio.sleep(60)
    assert await world.text() == "P1: one\n"


async def test_it_is_noted_that_a_transcript_goes_on() -> None:
    world = World()
    await world.agree()
    async with world.running() as call:
        call.begin()
        await asyncio.sleep(1)
        call.say("one")
        await asyncio.sleep(600)
        kept = await world.latest()
        assert kept.alive > world.clock() - 130
        assert kept.lines == 1
        call.end()
