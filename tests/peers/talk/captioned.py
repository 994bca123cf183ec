"""A room of the real Talk back end, captioned by the product, with readers who remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hpb import Message
from tests.fakes.store import MemoryStore
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.rtc import network
from tests.peers.speech import convert, plain, samples
from tests.peers.talk.audio import Sound
from tests.peers.talk.media import speaking
from tests.peers.talk.programs import signaling_server
from tests.peers.talk.watch import Watched, watch
from transcriber.bus.memory import Bus
from transcriber.connectors.talk.call import Server, Talk, TalkCall
from transcriber.engines.stt.base import Stt
from transcriber.rtc import Media
from transcriber.session.attendant import Attendant
from transcriber.session.conversations import Conversations
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish

__all__ = [
    "AMIABLE",
    "ROOM",
    "Place",
    "Reader",
    "captioned",
    "reading",
    "sentence",
    "speaks",
    "talking",
]

Talks = Callable[[Bus], Conversations]
ROOM = "room"
AMIABLE = ["he", "might", "even", "have", "been", "made", "amiable", "himself"]
"""What is said from 13.9 s to 17.3 s of the sample."""


@dataclass
class Reader:
    """Somebody in the room, and the captions that reached him."""

    person: Watched
    captions: list[tuple[str, str, bool]] = field(default_factory=list)

    async def read(self) -> None:
        async for event in self.person.hpb:
            self.person.seen.append(event)
            if isinstance(event, Message) and event.type == "transcript":
                data = event.data
                said = (data["speakerSessionId"], data["message"], data["final"])
                self.captions.append(said)

    @property
    def speakers(self) -> set[str]:
        """Whose captions came."""
        return {who for who, _, _ in self.captions}

    def finals(self, speaker: str) -> list[str]:
        """A speaker's final captions."""
        return [text for who, text, final in self.captions if final and who == speaker]

    def words(self, speaker: str) -> list[str]:
        """The words of them."""
        return plain(" ".join(self.finals(speaker)))

    async def reads_on(self, speaker: str) -> None:
        """Wait until there is more to read."""
        before = len(self.finals(speaker))
        await until(lambda: len(self.finals(speaker)) > before + 1)


@asynccontextmanager
async def reading(stack: HpbStack, name: str, room: str = ROOM) -> AsyncIterator[Reader]:
    """Let somebody be in the room and remember the captions he gets."""
    async with watch(stack.user(name, room)) as (person,):
        reader = Reader(person)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(reader.read())
            yield reader
            task.cancel()


@asynccontextmanager
async def speaks(stack: HpbStack, name: str, sound: Sound, room: str = ROOM) -> AsyncIterator[str]:
    """Let somebody be in the call and speak; gives his session."""
    async with watch(stack.user(name, room)) as (person,):
        await stack.nextcloud.set_in_call(f"nc-{name}", 3)
        async with speaking(person, sound):
            yield person.hpb.session_id


class Place:
    """A room with a supervisor that captions it."""

    def __init__(
        self, stack: HpbStack, stt: Stt, media: Media, url: str, talks: Talks | None
    ) -> None:
        self.stack, bus = stack, Bus()
        self.talks = talks(bus) if talks else None
        server = Server(url or stack.url, stack.nextcloud.base_url, stack.internal_secret)
        self.talk = Talk(server, media)
        self.calls: list[TalkCall] = []
        self.attendant = Attendant(
            self._connect,
            stt=stt,
            bus=bus,
            ended=lambda room: self.captions.ended(room),
            talker=self.talks,
        )
        self.captions = Supervisor(MemoryStore(), self.attendant)
        if self.talks:
            self.talks.calls["talk"] = self.captions
        self._tasks = asyncio.TaskGroup()
        self._resources = AsyncExitStack()

    def _connect(self, room: str, wish: Callable[[], Wish]) -> TalkCall:
        self.calls.append(self.talk.connect(room, lambda: wish().awaited))
        return self.calls[-1]

    async def reader(self, name: str, *, asks: bool = True) -> Reader:
        """Let somebody come in and, if he asks, read."""
        reader = await self._resources.enter_async_context(reading(self.stack, name))
        if asks:
            await self.captions.read(ROOM, f"nc-{name}")
        return reader

    def speaker(self, name: str, sound: Sound) -> AbstractAsyncContextManager[str]:
        """Let somebody come in and speak; gives his session."""
        return speaks(self.stack, name, sound)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Place]:
        async with self._tasks:
            self._tasks.create_task(self.captions.run())
            self._tasks.create_task(self.attendant.run())
            talking = self._tasks.create_task(self.talks.run()) if self.talks else None
            try:
                async with self._resources:
                    yield self
            finally:
                self.captions.stop()
                self.attendant.close()
                if talking:
                    talking.cancel()


@asynccontextmanager
async def captioned(
    stack: HpbStack, stt: Stt, *, url: str = "", talks: Talks | None = None
) -> AsyncIterator[Place]:
    """Have it captioned, and conversations held there if `talks` makes them."""
    async with Media() as media, Place(stack, stt, media, url, talks).running() as place:
        yield place


def sentence(folder: Path, start: float = 13.9, end: float = 17.3) -> Sound:
    """A part of the sample, again and again, with pauses around it; as said, it is `AMIABLE`."""
    cut = f"atrim={start}:{end},asetpts=N/SR/TB,adelay=1000,apad=pad_dur=2"
    path = convert(folder / f"{start}.wav", "-ar", "48000", "-ac", "1", "-af", cut)
    return Sound(samples(path)[0])


@asynccontextmanager
async def talking(generation: str, *, janus: str = "") -> AsyncIterator[HpbStack]:
    """Have a back end with media and a room; Janus may be told more."""
    signaling_server(generation)  # may have to be fetched, which needs the machine's network
    with network() as address:
        stack = HpbStack(generation, mcu_timeout=2, media_address=address, janus=janus)
        async with stack:
            stack.nextcloud.rooms[ROOM] = {"name": "Room", "type": 2}
            yield stack
