"""Captions in a real call: real speech through a real Janus, shown to exactly those who asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hpb import Left, Message
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.speech import convert, plain, samples
from tests.peers.talk.audio import Samples, Sound, tone
from tests.peers.talk.media import speaking
from tests.peers.talk.namespace import own_network
from tests.peers.talk.programs import GENERATIONS, signaling_server
from tests.peers.talk.proxy import Proxy
from tests.peers.talk.watch import Watched, watch
from transcriber.bus.memory import Bus
from transcriber.connectors.talk.call import Server, Talk, TalkCall
from transcriber.engines.stt.base import Stt
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.rtc import Media
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish

ROOM = "r"


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

    def words(self, speaker: str) -> list[str]:
        """The words of a speaker's final captions."""
        finals = (text for who, text, final in self.captions if final and who == speaker)
        return plain(" ".join(finals))


class Place:
    """A room with a supervisor that captions it."""

    def __init__(self, stack: HpbStack, stt: Stt, media: Media, url: str) -> None:
        self.stack = stack
        server = Server(url or stack.url, stack.nextcloud.base_url, stack.internal_secret)
        self.talk = Talk(server, media)
        self.calls: list[TalkCall] = []
        self.captions = Supervisor(self._connect, stt=stt, bus=Bus())
        self._tasks = asyncio.TaskGroup()
        self._resources = AsyncExitStack()

    def _connect(self, room: str, wish: Callable[[], Wish]) -> TalkCall:
        self.calls.append(self.talk.connect(room))
        return self.calls[-1]

    async def reader(self, name: str, *, asks: bool = True) -> Reader:
        """Let somebody come in and, if he asks, read."""
        client = self.stack.user(name, ROOM)
        (person,) = await self._resources.enter_async_context(watch(client))
        reader = Reader(person)
        task = self._tasks.create_task(reader.read())
        self._resources.callback(task.cancel)
        if asks:
            self.captions.read(ROOM, f"nc-{name}")
        return reader

    @asynccontextmanager
    async def speaker(self, name: str, sound: Sound) -> AsyncIterator[str]:
        """Let somebody come in and speak; gives his session."""
        async with watch(self.stack.user(name, ROOM)) as (person,):
            await self.stack.nextcloud.set_in_call(f"nc-{name}", 3)
            async with speaking(person, sound):
                yield person.hpb.session_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Place]:
        async with self._tasks:
            self._tasks.create_task(self.captions.run())
            try:
                async with self._resources:
                    yield self
            finally:
                self.captions.stop()


@pytest.fixture
async def local() -> AsyncIterator[Stt]:
    async with Local(LocalOptions()) as engine:
        yield engine


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    signaling_server(request.param)  # may have to be fetched, which needs the machine's network
    with own_network() as address:
        async with HpbStack(request.param, mcu_timeout=2, media_address=address) as running:
            running.nextcloud.rooms[ROOM] = {"name": "Room", "type": 2}
            yield running


@asynccontextmanager
async def captioned(stack: HpbStack, stt: Stt, *, url: str = "") -> AsyncIterator[Place]:
    async with Media() as media, Place(stack, stt, media, url).running() as place:
        yield place


@pytest.fixture
def sentence(tmp_path: Path) -> Callable[[float, float], Samples]:
    """A part of the sample in the rate of a microphone, with a pause after it."""

    def part(start: float, end: float) -> Samples:
        path = tmp_path / f"{start}.wav"
        cut = ["-ss", f"{start}", "-t", f"{end - start}", "-af", "apad=pad_dur=3"]
        speech, _ = samples(convert(path, "-ar", "48000", "-ac", "1", *cut))
        return speech

    return part


AMIABLE = ["he", "might", "even", "have", "been", "made", "amiable", "himself"]


async def test_captions_reach_exactly_those_who_asked(
    stack: HpbStack, local: Stt, sentence: Callable[[float, float], Samples]
) -> None:
    amiable, other = sentence(13.9, 17.3), sentence(0, 8.2)
    async with captioned(stack, local) as place:
        bob, cid = await place.reader("bob"), await place.reader("cid", asks=False)
        async with (
            place.speaker("ann", Sound(amiable)) as ann,
            place.speaker("eve", Sound(other)) as eve,
        ):
            await until(lambda: bob.words(ann)[:8] == AMIABLE and len(bob.words(eve)) > 8)
        assert not set(AMIABLE[4:]) & set(bob.words(eve))
        assert [final for _, _, final in bob.captions].count(False) > 1
        assert {who for who, _, _ in bob.captions} == {ann, eve}
        assert cid.captions == []


async def test_a_cut_is_not_noticed_by_readers(
    stack: HpbStack, local: Stt, sentence: Callable[[float, float], Samples]
) -> None:
    sound = Sound(sentence(13.9, 17.3))
    async with Proxy(stack.port) as proxy, captioned(stack, local, url=proxy.url) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", sound) as ann:
            await until(lambda: bob.words(ann)[:8] == AMIABLE)
            proxy.cut()
            await until(lambda: bob.words(ann)[8:16] == AMIABLE)
        assert not [event for event in bob.person.seen if isinstance(event, Left)][1:]
    assert len(place.calls) == 1


async def test_a_speaker_who_comes_back_is_heard_again(
    stack: HpbStack, local: Stt, sentence: Callable[[float, float], Samples]
) -> None:
    async with captioned(stack, local) as place:
        bob = await place.reader("bob")
        for _ in range(2):
            async with place.speaker("ann", Sound(sentence(13.9, 17.3))) as ann:
                await until(lambda ann=ann: bob.words(ann)[:8] == AMIABLE)  # type: ignore[misc]


async def test_who_asks_late_reads_from_then_on(
    stack: HpbStack, local: Stt, sentence: Callable[[float, float], Samples]
) -> None:
    async with captioned(stack, local) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", Sound(sentence(13.9, 17.3))) as ann:
            await until(lambda: bob.words(ann)[:8] == AMIABLE)
            place.captions.read(ROOM, "nc-dan")
            dan = await place.reader("dan", asks=False)
            await until(lambda: dan.words(ann)[-8:] == AMIABLE)
            place.captions.stop_reading(ROOM, "nc-bob")
            read = len(bob.captions)
            await until(lambda: len(dan.words(ann)) >= 16)
            assert len(bob.captions) <= read + 1


async def test_it_leaves_when_the_call_ends_for_all(stack: HpbStack, local: Stt) -> None:
    async with captioned(stack, local) as place:
        await place.reader("bob")
        async with place.speaker("ann", tone(700)):
            await until(lambda: place.calls and place.calls[0]._roster.speakers)
            await stack.nextcloud.end_call(ROOM)
            await until(lambda: not place.captions.wishes)
