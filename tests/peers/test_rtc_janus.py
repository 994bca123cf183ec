"""Through Janus, as Nextcloud Talk uses it: we publish, and we subscribe to it."""

from __future__ import annotations

import asyncio

import pytest

from tests.peers.janus import Handle, Janus, janus
from tests.peers.rtc import Heard, network, tone, until
from transcriber.rtc import Ears, Media, Peer

ROOM = 1234


async def publish(session: Janus, media: Media) -> tuple[Peer, int]:
    handle = await session.attach()
    await handle.ask(request="create", room=ROOM, publishers=20, audiocodec="opus")
    joined = await handle.ask(request="join", ptype="publisher", room=ROOM)
    peer = Peer(media, mouth=True)
    offer = {"type": "offer", "sdp": await peer.offer()}
    answer = await handle.ask(offer, request="publish")
    await peer.accept(answer["jsep"]["sdp"])
    await peer.connect()
    await until(lambda: handle.number in session.up, "Janus to hear us")
    return peer, joined["plugindata"]["data"]["id"]


async def subscribe(
    session: Janus, media: Media, feed: int, heard: Heard, *, trickle: bool
) -> tuple[Peer, Handle]:
    handle = await session.attach()
    offer = await handle.ask(
        request="join", ptype="subscriber", room=ROOM, streams=[{"feed": feed}]
    )
    peer = Peer(media, ears=Ears(on_block=heard, gate=127))
    answer = {"type": "answer", "sdp": await peer.answer(offer["jsep"]["sdp"])}
    assert "a=setup:passive" in answer["sdp"], "as client, a third would wait a second longer"
    async with asyncio.TaskGroup() as group:
        group.create_task(handle.ask(answer, request="start"))
        if trickle:
            await until(lambda: bool(session.trickled.get(handle.number)), "candidate")
            for candidate in session.trickled[handle.number]:
                await peer.trickle(candidate.get("candidate", ""))
        group.create_task(peer.connect())
    await until(lambda: handle.number in session.up, "Janus to be heard")
    return peer, handle


@pytest.mark.parametrize("trickle", [False, True], ids=["whole", "trickled"])
async def test_a_tone_goes_through_janus_and_comes_back(trickle: bool) -> None:
    with network() as address:
        heard = Heard()
        async with janus(address, trickle=trickle) as session, Media() as media:
            speaker, feed = await publish(session, media)
            listener, _ = await subscribe(session, media, feed, heard, trickle=trickle)
            assert speaker.sender is not None
            speaker.sender.play(tone(3.0))
            await until(lambda: heard.seconds >= 2.4, "sound")
            assert heard.frequency() == pytest.approx(1_000, abs=2)
            assert heard.loudness() == pytest.approx(0.25 * 0.707, rel=0.05)
            assert listener.receiver is not None
            assert listener.receiver.statistics().lost == 0
            await speaker.close()
            await listener.close()


async def test_many_subscriptions_connect() -> None:
    with network() as address:
        async with janus(address) as session, Media() as media:
            speaker, feed = await publish(session, media)
            ears = [Heard() for _ in range(10)]
            peers = [(await subscribe(session, media, feed, ear, trickle=False))[0] for ear in ears]
            assert speaker.sender is not None
            speaker.sender.play(tone(60.0))
            await until(lambda: all(ear.blocks for ear in ears), "sound")
            for peer in [*peers, speaker]:
                await peer.close()
