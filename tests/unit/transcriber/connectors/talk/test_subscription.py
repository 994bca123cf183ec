"""A stream is asked for until it is heard, and again when it dies in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from hpb import Candidate, Failed, Ice, Offer, Request, requests
from transcriber.audio.block import Block, silence
from transcriber.connectors.talk.subscription import (
    CONNECT,
    OFFER,
    PAUSE,
    SILENCE,
    Subscription,
    Unheard,
)
from transcriber.rtc import Ears, NoKeys, NoRelay, NoRoute, Unreachable
from transcriber.rtc.receiver import Formats, Receiver


class FakePeer:
    def __init__(self, world: World, ears: Ears, on_lost: Callable[[str], None]) -> None:
        self.world = world
        self.ears = ears
        self.lost = on_lost
        self.offers: list[str] = []
        self.ways: list[str] = []
        self.connected = asyncio.Event()
        self.closed_at = 0.0
        self.receiver: Receiver | None = None

    async def answer(self, offer: str) -> str:
        self.offers.append(offer)
        await asyncio.sleep(0.01)
        return f"answer to {offer}"

    async def trickle(self, line: str) -> None:
        self.ways.append(line)

    async def connect(self, within: float) -> None:
        if self.world.unreachable:
            self.world.unreachable -= 1
            raise self.world.problem("no way")
        await asyncio.sleep(min(self.world.slow, within))
        if self.world.slow > within:
            raise NoRoute("no address of the other side answers")
        self.receiver = Receiver(Formats())
        self.connected.set()

    async def close(self) -> None:
        with suppress(asyncio.CancelledError):  # as libraries do that wait for tasks of their own
            await asyncio.sleep(self.world.closing)
        self.closed_at = self.world.now


class World:
    """A signaling server that offers at once what is asked for, and the peers that answer."""

    def __init__(self) -> None:
        self.joined = True
        self.mute = False
        self.refuses = ""
        self.refuses_after = 0.0
        self.unreachable = 0
        self.problem: type[Unreachable] = Unreachable
        self.slow = 0.05
        self.closing = 0.0
        self.asked: list[float] = []
        self.answers: list[tuple[str, str]] = []
        self.peers: list[FakePeer] = []
        self.heard: list[Block] = []
        self.troubles: list[Unheard] = []
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.one = Subscription(
            "ann",
            hpb=self,
            dial=self.dial,
            handshakes=asyncio.Semaphore(2),
            on_block=self.heard.append,
            on_trouble=self.troubles.append,
        )

    @property
    def now(self) -> float:
        return round(self.loop.time() - self.began, 3)

    def dial(self, *, ears: Ears, on_lost: Callable[[str], None]) -> FakePeer:
        self.peers.append(FakePeer(self, ears, on_lost))
        return self.peers[-1]

    async def send(self, request: Request) -> str:
        number = str(len(self.asked) + 1)
        if request.topic == "requestoffer":
            self.asked.append(self.now)
            if self.refuses:
                failed = Failed(self.refuses, request=request, id=number)
                self.loop.call_later(self.refuses_after, self.one.failed, failed)
            elif not self.mute:
                self.offer(f"s{number}")
            return number
        self.answers.append((request.sid, request.body["data"]["payload"]["sdp"]))
        return "x"

    def offer(self, sid: str, *, kind: str = "video") -> None:
        self.one.offered(Offer("ann", sid, kind, f"offer {sid}"))

    async def way(self, sid: str, line: str) -> None:
        await self.one.candidate(Candidate("ann", sid, "video", Ice(line) if line else None))

    async def speak(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.08)):
            for peer in self.peers[-1:]:
                if peer.ears.on_block and peer.connected.is_set() and not peer.closed_at:
                    peer.ears.on_block(silence())
            await asyncio.sleep(0.08)

    @asynccontextmanager
    async def running(self, after: asyncio.Task[None] | None = None) -> AsyncIterator[World]:
        task = asyncio.create_task(self.one.run(after))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})
        assert all(peer.closed_at for peer in self.peers)


async def test_a_stream_that_is_offered_is_answered_and_heard() -> None:
    async with World().running() as world:
        await world.speak(60)
    assert world.asked == [0]
    assert world.answers == [("s1", "answer to offer s1")]
    assert len(world.heard) > 700


async def test_the_log_says_how_the_sound_arrived() -> None:
    with capture_logs() as logs:
        async with World().running() as world:
            await world.speak(1)
    (said,) = [line for line in logs if line["event"] == "speaker's sound ends"]
    assert (said["received"], said["lost"], said["speaker"]) == (0, 0, "ann")


async def test_candidates_count_for_their_own_connection_alone() -> None:
    async with World().running() as world:
        await asyncio.sleep(0.005)
        await world.way("s1", "early")
        await world.way("s0", "stray")
        await asyncio.sleep(1)
        await world.way("s1", "late")
        await world.way("s0", "stray")
        await world.way("s1", "")
    assert world.peers[0].ways == ["early", "late", ""]


async def test_silence_means_that_the_stream_has_died() -> None:
    async with World().running() as world:
        await world.speak(10)
        await asyncio.sleep(SILENCE + 2)
        assert len(world.asked) == 2
        assert world.asked[1] >= world.peers[0].closed_at + PAUSE


async def test_nothing_is_taken_for_dead_while_we_are_offline() -> None:
    async with World().running() as world:
        await world.speak(1)
        world.joined = False
        await asyncio.sleep(25)
        world.joined = True
        await world.speak(3)
        assert len(world.asked) == 1


async def test_what_is_never_heard_is_asked_for_less_and_less_often() -> None:
    async with World().running() as world:
        await asyncio.sleep(600)
    assert 15 <= len(world.asked) <= 60
    assert all(peer.closed_at for peer in world.peers)


async def test_no_offer_in_time_is_asked_for_again() -> None:
    async with World().running() as world:
        world.mute = True
        await asyncio.sleep(OFFER + 2)
        assert len(world.asked) == 2


async def test_a_server_that_waited_for_the_speaker_is_asked_again_at_once() -> None:
    world = World()
    world.refuses, world.refuses_after = "client_not_found", 10.0
    async with world.running():
        await asyncio.sleep(600)
    assert len(world.asked) >= 50


async def test_a_refusal_at_once_is_asked_less_and_less_often() -> None:
    world = World()
    world.refuses = "processing_failed"
    async with world.running():
        await asyncio.sleep(600)
    assert len(world.asked) <= 70


async def test_no_way_and_a_slow_one_are_tried_again() -> None:
    world = World()
    world.unreachable = 1
    async with world.running():
        await world.speak(3)
        assert len(world.peers) == 2
        assert world.heard
    world = World()
    world.slow = CONNECT + 1
    async with world.running():
        await asyncio.sleep(CONNECT + 2)
        assert len(world.peers) == 2


async def test_a_lost_way_is_replaced() -> None:
    async with World().running() as world:
        await world.speak(1)
        world.peers[0].lost("failed")
        await world.speak(3)
        assert len(world.peers) == 2


async def test_an_answer_that_is_refused_is_given_anew() -> None:
    async with World().running() as world:
        await world.speak(1)
        stray = requests.answer("ann", "x", sid="s0")
        world.one.failed(Failed("client_not_found", request=stray, id="7"))
        await world.speak(1)
        assert len(world.peers) == 1
        ours = requests.answer("ann", "x", sid="s1")
        world.one.failed(Failed("client_not_found", request=ours, id="8"))
        await world.speak(3)
        assert len(world.peers) == 2


async def test_the_same_connection_may_be_offered_again() -> None:
    async with World().running() as world:
        await world.speak(1)
        world.offer("s1")
        await world.speak(1)
        assert world.peers[0].offers == ["offer s1"] * 2
        assert len(world.peers) == 1


async def test_another_connection_takes_the_place_of_the_old_one() -> None:
    async with World().running() as world:
        await world.speak(1)
        world.offer("s9")
        await world.way("s9", "new")
        await world.speak(2)
        assert [peer.offers for peer in world.peers] == [["offer s1"], ["offer s9"]]
        assert world.peers[1].ways == ["new"]
        assert len(world.asked) == 1


async def test_a_shared_screen_is_not_the_speaker() -> None:
    async with World().running() as world:
        await world.speak(1)
        world.offer("s9", kind="screen")
        await world.speak(1)
        assert len(world.peers) == 1


async def test_it_waits_for_the_end_of_an_older_one() -> None:
    async def older() -> None:
        await asyncio.sleep(3)

    async with World().running(asyncio.create_task(older())) as world:
        await asyncio.sleep(4)
        assert world.asked == [3 + PAUSE]


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (NoRelay, "unheard_no_turn", "name a TURN server"),
        (NoRoute, "unheard_no_route", "UDP ports be reached from the TURN server"),
        (NoKeys, "unheard_no_keys", "the log of Janus"),
        (Unreachable, "unheard", "no way"),
    ],
)
async def test_somebody_learns_once_why_nothing_is_heard(
    problem: type[Unreachable], code: str, said: str
) -> None:
    world = World()
    world.unreachable, world.problem = 10, problem
    async with world.running():
        await asyncio.sleep(120)
    (trouble,) = world.troubles
    assert trouble.code == code
    assert said in str(trouble)


async def test_who_is_refused_at_once_is_a_trouble_and_who_does_not_speak_yet_is_none() -> None:
    world = World()
    world.refuses = "processing_failed"
    async with world.running():
        await asyncio.sleep(60)
        assert ["processing_failed" in str(one) for one in world.troubles] == [True]
    patient = World()
    patient.refuses, patient.refuses_after = "client_not_found", 10.0
    async with patient.running():
        await asyncio.sleep(120)
    assert patient.troubles == []


async def test_who_is_cancelled_while_a_connection_closes_does_not_make_another() -> None:
    world = World()
    world.closing = 1.0
    async with world.running():
        await asyncio.sleep(SILENCE + 0.5)
        assert [peer.closed_at for peer in world.peers] == [0.0]
    assert len(world.peers) == 1
