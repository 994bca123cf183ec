"""
What it costs to speak, ours beside aiortc's own ways, in one run.

    python -m tests.load.mouth --streams 20 --seconds 5 --json

This process speaks the same speech to a process that listens, over real ICE, DTLS and SRTP on
loopback: `live` are samples that are encoded when they are due, `clip` was encoded once for all,
as announcements are. `stock` is an aiortc track of audio frames, as most bots speak; `ready` is one
of packets that are ready, the fastest that aiortc has. Samples cost at least `encode_us`, what the
codec alone takes here and now; the rest is ours. `stop_ms_max` is how long anything is still
heard after we were told to fall silent: until the arrival of the last packet, and its 20 ms.
"""

from __future__ import annotations

import asyncio
import fractions
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.load import report, speech
from tests.load.loopback import only_loopback
from transcriber.audio.block import RATE, Samples
from transcriber.rtc import Clip, Media, Peer
from transcriber.rtc.opus import CLOCK, FRAME

WARM = 1.0
"""Seconds of speech before anything is measured."""
AFTER = 0.3
"""Seconds after everybody was told to stop, in which nothing more may come."""
STEP = 0.02


class Listener:
    """The process that listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **order: str) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(stdout.readline(), 60))
        return answer


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.mouth_listener", stdin=pipe, stdout=pipe, limit=1 << 20
    )
    try:
        yield Listener(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


class Speaking(Protocol):
    """One way to speak to many."""

    async def join(self, listener: Listener) -> None:
        """Connect once more and begin to speak."""

    def stop(self) -> None:
        """Fall silent at once."""

    async def close(self) -> None:
        """Leave all."""


class Ours:
    """Our mouth; `what` is said again and again."""

    def __init__(self, media: Media, what: Samples | Clip, times: int) -> None:
        self._media, self._what, self._times = media, what, times
        self._peers: list[Peer] = []

    async def join(self, listener: Listener) -> None:
        peer = Peer(self._media, mouth=True)
        self._peers.append(peer)
        await peer.accept((await listener.ask(offer=await peer.offer()))["answer"])
        await peer.connect()
        assert peer.sender is not None
        for _ in range(self._times):
            peer.sender.play(self._what)

    def stop(self) -> None:
        for peer in self._peers:
            assert peer.sender is not None
            peer.sender.stop()

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))


class Track(MediaStreamTrack):
    """Gives what is said, piece by piece, each 20 ms."""

    kind = "audio"

    def __init__(self, pieces: Sequence[bytes | Samples]) -> None:
        super().__init__()
        self._pieces = enumerate(itertools.cycle(pieces))
        self._began = time.monotonic()

    async def recv(self) -> Any:
        number, piece = next(self._pieces)
        await asyncio.sleep(self._began + number * STEP - time.monotonic())
        made: Any
        if isinstance(piece, bytes):
            made = av.Packet(piece)
            made.time_base, made.pts = fractions.Fraction(1, CLOCK), number * CLOCK // 50
        else:
            samples = (piece * 32_767).astype(np.int16).reshape(1, -1)
            made = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            made.sample_rate = RATE
            made.time_base, made.pts = fractions.Fraction(1, RATE), number * FRAME
        return made


class Theirs:
    """aiortc's peer connections."""

    def __init__(self, pieces: Sequence[bytes | Samples]) -> None:
        self._pieces = pieces
        self._peers: list[RTCPeerConnection] = []

    async def join(self, listener: Listener) -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        peer.addTrack(Track(self._pieces))
        await peer.setLocalDescription(await peer.createOffer())
        answer = (await listener.ask(offer=peer.localDescription.sdp))["answer"]
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def stop(self) -> None:
        """Speak on: only our own promptness is measured."""

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))


async def measure(speaking: Speaking, streams: int, seconds: float) -> dict[str, float]:
    """Return what a packet costs, and what came of the packets."""
    async with listening() as listener:
        for _ in range(streams):
            await speaking.join(listener)
        await asyncio.sleep(WARM)
        before, cpu, began = await listener.ask(), time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        received = (await listener.ask())["received"] - before["received"]
        speaking.stop()
        stopped = time.time()
        await asyncio.sleep(AFTER)
        last = (await listener.ask())["last"]
        await speaking.close()
    return {
        "us_per_packet": cpu / max(1, received) * 1e6,
        "ms_per_stream_s": cpu / wall / streams * 1000,
        "kept_up": received / (streams * wall / STEP),
        "stop_ms_max": (last - stopped + STEP) * 1000,
    }


async def run(streams: int, seconds: float) -> dict[str, float]:
    said = speech.speech()
    frames = [said[at : at + FRAME] for at in range(0, len(said) - FRAME, FRAME)]
    packets = speech.packets(said)
    times = round((seconds + 10) * RATE / len(said)) + 1
    figures: dict[str, float] = {"streams": streams}
    async with Media() as media:
        ways: dict[str, Speaking] = {
            "clip": Ours(media, Clip.of(said), times),
            "live": Ours(media, said, times),
            "ready": Theirs(packets),
            "stock": Theirs(frames),
        }
        for name, speaking in ways.items():
            found = await measure(speaking, streams, seconds)
            figures |= {f"{name}_{figure}": value for figure, value in found.items()}
    for name in ("ready", "stock"):
        del figures[f"{name}_stop_ms_max"]
    figures["encode_us"] = speech.encode_cost()
    figures["ratio_ready"] = figures["ready_us_per_packet"] / figures["clip_us_per_packet"]
    figures["ratio_stock"] = figures["stock_us_per_packet"] / figures["live_us_per_packet"]
    return figures


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--streams", type=int, default=20)
    options.add_argument("--seconds", type=float, default=5.0)
    given = options.parse_args()
    only_loopback()
    figures = asyncio.run(run(given.streams, given.seconds))
    bars = [
        report.Bar("ratio_ready", figures["ratio_ready"], ">=", 1),
        report.Bar("ratio_stock", figures["ratio_stock"], ">=", 2),
    ]
    for name in ("clip", "live"):
        bars.append(report.Bar(f"{name}_kept_up", figures[f"{name}_kept_up"], ">=", 0.99))
        bars.append(report.Bar(f"{name}_stop_ms_max", figures[f"{name}_stop_ms_max"], "<=", 40))
    return report.finish("mouth", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
