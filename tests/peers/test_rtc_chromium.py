"""A real browser says a tone to us and measures the one that it hears from us."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.peers.chromium import Page, browser
from tests.peers.rtc import Heard, network, tone, until
from transcriber.rtc import Ears, Media, Peer

SCRIPT = """
const post = (path, value) => fetch(path, {method: 'POST', body: JSON.stringify(value)});
(async () => {
  const audio = new AudioContext({sampleRate: 48000});
  await audio.resume();
  const oscillator = new OscillatorNode(audio, {frequency: 1000});
  const gain = new GainNode(audio, {gain: 0.25});
  const out = audio.createMediaStreamDestination();
  oscillator.connect(gain).connect(out);
  oscillator.start();
  const pc = new RTCPeerConnection({iceServers: []});
  pc.addTrack(out.stream.getAudioTracks()[0], out.stream);
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.ontrack = ({streams, track}) => {
    const stream = streams[0] || new MediaStream([track]);
    const element = new Audio();
    element.srcObject = stream;
    element.play();
    const analyser = new AnalyserNode(audio, {fftSize: 16384, smoothingTimeConstant: 0});
    new MediaStreamAudioSourceNode(audio, {mediaStream: stream}).connect(analyser);
    setInterval(() => {
      const wave = new Float32Array(analyser.fftSize), bins = new Float32Array(8192);
      analyser.getFloatTimeDomainData(wave);
      analyser.getFloatFrequencyData(bins);
      const rms = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
      const best = bins.reduce((top, x, at) => x > bins[top] ? at : top, 1);
      post('/tell', {rms, frequency: best * 48000 / analyser.fftSize});
    }, 200);
  };
  pc.onicecandidate = ({candidate}) =>
    post('/ask', {candidate: candidate ? candidate.candidate : ''});
  await pc.setLocalDescription(await pc.createOffer());
  const reply = await post('/ask', {sdp: pc.localDescription.sdp});
  await pc.setRemoteDescription(await reply.json());
})().catch(error => post('/tell', {error: String(error)}));
"""


async def test_tone_and_level_are_right_at_both_ends() -> None:
    heard = Heard()
    with network():
        async with Media() as media, asyncio.TaskGroup() as group:
            peer = Peer(media, ears=Ears(on_block=heard, gate=127), mouth=True)

            async def answer(message: dict[str, Any]) -> dict[str, Any]:
                if "sdp" not in message:
                    await peer.trickle(message["candidate"])
                    return {}
                sdp = await peer.answer(message["sdp"])
                group.create_task(peer.connect())
                return {"type": "answer", "sdp": sdp}

            page = Page(SCRIPT, answer)
            async with browser(page):
                await until(lambda: heard.seconds >= 2.4, "sound from the browser", 40)
                assert heard.frequency() == pytest.approx(1_000, abs=2)
                assert heard.loudness() == pytest.approx(0.25 * 0.707, rel=0.1)
                assert peer.receiver is not None
                assert peer.receiver.statistics().lost < 100  # some, where it is starved
                assert peer.sender is not None
                peer.sender.play(tone(60.0, 600))
                measured = await loud(page, 0.25 * 0.707)
                assert measured["frequency"] == pytest.approx(600, abs=4)
                peer.sender.stop()
                await quiet(page)
            await peer.close()


async def loud(page: Page, level: float) -> dict[str, float]:
    """Return what the page measures once a tone of that level fills its window."""
    async with asyncio.timeout(30):
        while True:
            told = await page.told.get()
            assert "error" not in told, told
            if told["rms"] == pytest.approx(level, rel=0.1):
                return told


async def quiet(page: Page) -> None:
    """Wait until the page hears nothing."""
    async with asyncio.timeout(30):
        while (await page.told.get())["rms"] > 0.001:
            pass
