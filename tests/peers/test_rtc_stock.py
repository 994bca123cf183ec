"""Against aiortc's own peer connection, in both directions."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Iterator

import aiortc
import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.peers.rtc import Heard, network, tone, until
from transcriber.errors import BadInput
from transcriber.rtc import Ears, Media, NoKeys, NoRelay, Peer, Unreachable


@pytest.fixture(autouse=True)
def _own_network() -> Iterator[None]:
    with network():
        yield


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.02)
        at = (self._at + np.arange(960)) / 48_000
        pcm = (8_192 * np.sin(2 * np.pi * 1_000 * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, self._at
        frame.time_base = fractions.Fraction(1, 48_000)
        self._at += 960
        return frame


def stock() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def offered(peer: RTCPeerConnection) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


async def test_we_hear_what_aiortc_says() -> None:
    heard, other = Heard(), stock()
    other.addTrack(Tone())
    other.addTransceiver("video", direction="recvonly")
    async with Media() as media:
        peer = Peer(media, ears=Ears(on_block=heard))
        answer = await peer.answer(await offered(other))
        await other.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        await peer.connect()
        await until(lambda: heard.seconds >= 1.6, "sound")
        assert heard.frequency() == pytest.approx(1_000, abs=2)
        assert heard.loudness() == pytest.approx(0.25 * 0.71 * 0.71, rel=0.1)
        assert other.getTransceivers()[1].currentDirection in ("inactive", None)
        assert peer.receiver is not None
        assert peer.receiver.statistics().lost == 0
        await peer.close()
        await peer.close()
    await other.close()


async def test_aiortc_hears_what_we_say() -> None:
    other, frames = stock(), []
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    other.on("track", tracks.put_nowait)
    async with Media() as media:
        peer = Peer(media, mouth=True)
        await other.setRemoteDescription(RTCSessionDescription(await peer.offer(), "offer"))
        await other.setLocalDescription(await other.createAnswer())
        await peer.accept(other.localDescription.sdp)
        await peer.connect()
        assert peer.sender is not None
        peer.sender.play(tone(2.0))
        track = await tracks.get()
        for _ in range(60):
            frame = await track.recv()
            assert isinstance(frame, av.AudioFrame)
            frames.append(frame.to_ndarray().reshape(-1, 2)[:, 0] / 32_768)
        samples = np.concatenate(frames)[-24_000:]
        assert float(np.argmax(np.abs(np.fft.rfft(samples)))) * 2 == pytest.approx(1_000, abs=4)
        assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(0.25 * 0.71, rel=0.1)
        await peer.close()
    await other.close()


async def test_two_of_ours_talk_to_each_other_and_reports_arrive() -> None:
    heard = [Heard(), Heard()]
    async with Media() as media:
        a, b = (Peer(media, ears=Ears(on_block=ear), mouth=True) for ear in heard)
        await a.accept(await b.answer(await a.offer()))
        await asyncio.gather(a.connect(), b.connect())
        for peer in (a, b):
            assert peer.sender is not None
            peer.sender.play(tone(4.0, 450))
        await until(lambda: min(ear.seconds for ear in heard) >= 3.6, "sound")
        assert [round(ear.frequency()) for ear in heard] == [450, 450]  # whole waves in a packet
        for peer in (a, b):
            assert peer.sender is not None
            assert peer.sender.reported is not None
            assert peer.sender.reported.lost == 0
        await a.close()
        assert b.receiver is not None
        await until(lambda: b.receiver is not None and b.receiver.ended, "goodbye")
        await b.close()


async def test_losing_the_other_side_is_told_once() -> None:
    told: list[str] = []
    async with Media() as media:
        a = Peer(media, mouth=True)
        b = Peer(media, ears=Ears(), on_lost=told.append)
        await a.accept(await b.answer(await a.offer()))
        await asyncio.gather(a.connect(), b.connect())
        await a.close()
        await until(lambda: bool(told), "word")
        assert told == ["closed"]
        await b.close()


async def test_an_offer_without_an_answerable_address_ends_in_time() -> None:
    async with Media() as media:
        a, b = Peer(media, mouth=True), Peer(media, ears=Ears())
        offer = await a.offer()
        await b.answer("\n".join(x for x in offer.splitlines() if "candidate" not in x))
        with pytest.raises(NoRelay, match="no address"):
            await b.connect(0.5)
        await asyncio.gather(a.close(), b.close())
        with pytest.raises(Unreachable, match="nobody"):
            await b.connect()
        await b.trickle("")


def _forged(line: str) -> str:
    return line[:-1] + ("1" if line[-1] == "0" else "0")


async def test_a_wrong_certificate_is_refused() -> None:
    async with Media() as media:
        a, b = Peer(media, mouth=True), Peer(media, ears=Ears())
        offer = (await a.offer()).splitlines()
        forged = [_forged(x) if x.startswith("a=fingerprint") else x for x in offer]
        await a.accept(await b.answer("\n".join(forged)))
        results = await asyncio.gather(a.connect(), b.connect(), return_exceptions=True)
        assert isinstance(results[1], NoKeys)
        await asyncio.gather(a.close(), b.close())


async def test_trickled_candidates_make_a_way() -> None:
    heard = Heard()
    async with Media() as media:
        a, b = Peer(media, mouth=True), Peer(media, ears=Ears(on_block=heard))
        offer = (await a.offer()).splitlines()
        kept = "\n".join(line for line in offer if "candidate" not in line)
        await a.accept(await b.answer(kept))
        connecting = asyncio.gather(a.connect(), b.connect())
        for line in offer:
            if line.startswith("a=candidate"):
                await b.trickle(line)
        await b.trickle("candidate:nonsense")
        await b.trickle("")
        await connecting
        assert a.sender is not None
        a.sender.play(tone(0.5))
        await until(lambda: heard.seconds >= 0.4, "sound")
        await asyncio.gather(a.close(), b.close())


async def test_a_later_offer_is_answered_and_one_for_another_connection_refused() -> None:
    heard = Heard()
    async with Media() as media:
        a, b = Peer(media, mouth=True), Peer(media, ears=Ears(on_block=heard))
        offer = await a.offer()
        await a.accept(await b.answer(offer))
        await asyncio.gather(a.connect(), b.connect())
        assert "a=recvonly" in await b.answer(offer)
        assert a.sender is not None
        a.sender.play(tone(0.5))
        await until(lambda: heard.seconds >= 0.4, "sound")
        other = Peer(media, mouth=True)
        with pytest.raises(Unreachable, match="new connection"):
            await b.answer(await other.offer())
        await asyncio.gather(a.close(), b.close(), other.close())


async def test_what_is_no_offer_is_refused_and_leaves_nothing() -> None:
    async with Media() as media:
        for text in ("", "v=0\nm=audio 9 RTP/AVP 0"):
            peer = Peer(media, ears=Ears())
            with pytest.raises(BadInput):
                await peer.answer(text)
            await peer.close()
    assert aiortc.__version__.startswith("1.16.")
