"""
One receiving process and its speakers, for `tests.load.media`.

    python -m tests.load.media_receiver lean|stock SPEAKERS SECONDS TALKING

Prints `ready` when all are connected, measures after a line on stdin, and prints one JSON object.
`stock` is aiortc's own way: a peer connection per speaker, whose track is awaited; as much is
done with its frames as we do, so that both deliver blocks of 24 kHz mono float32.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import math
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import aiortc
import numpy as np
import soxr
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.load import speech
from tests.load.loopback import only_loopback
from tests.load.media_sender import REMEMBERED
from transcriber.audio.block import SAMPLES, Block
from transcriber.rtc.media import Media
from transcriber.rtc.peer import Ears, Peer

__all__ = ["Lean", "Speakers", "resident", "threads"]

SHARED = "/dev/shm"
"""Where the times of packets lie: writing to a disk would make the speakers wait for it."""
PARALLEL = 12
"""Joins at the same time."""
WARM = 3.0
"""Seconds of audio before anything is measured."""
SETTLE = 0.5
"""Seconds of audio around a lost packet, and after that."""
SPARE = 10
"""Seconds that are prepared and not needed, unless the machine is slow."""
DROPS = 5
"""Lost packets of each stream; one alone may coincide with something else on the machine."""


class Speakers:
    """The process that speaks, and its lines."""

    def __init__(self, count: int, talking: float) -> None:
        shared = SHARED if Path(SHARED).is_dir() else None
        self._folder = tempfile.TemporaryDirectory(prefix="media-load-", dir=shared)
        path = Path(self._folder.name) / "times"
        self.times = np.memmap(path, np.float64, "w+", shape=(count, REMEMBERED))
        self._arguments = [str(path), str(count), str(talking)]
        self._tickets = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Speakers:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.load.media_sender", *self._arguments,
            stdin=pipe, stdout=pipe, limit=1 << 20,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading
        self._folder.cleanup()

    async def ask(self, op: str, number: int = 0, sdp: str = "") -> dict[str, Any]:
        ticket = next(self._tickets)
        answer = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        stdin = self._process.stdin
        assert stdin is not None
        order = {"op": op, "id": number, "sdp": sdp, "ticket": ticket}
        stdin.write(json.dumps(order).encode() + b"\n")
        return await asyncio.wait_for(answer, 60)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            self._waiting.pop(answer["ticket"]).set_result(answer)


class Receiving(Protocol):
    """Either kind of receiver."""

    looks: Callable[[], int]
    packets: Callable[[], int]
    lost: Callable[[], int]
    concealed: Callable[[], int]

    async def join(self, speakers: Speakers, number: int) -> None:
        """Connect to one speaker."""

    async def close(self) -> None:
        """Leave them all."""


class Delays:
    """How long audio was on its way, from the sending of a block's last packet to the block."""

    def __init__(self, times: np.ndarray[Any, Any]) -> None:
        self._times = times
        self._seen: list[float] = []
        self._most: dict[int, float] = {}

    def note(self, number: int, timestamp: int) -> None:
        """Take in a block that ends at an RTP time."""
        sent = float(self._times[number, (timestamp // 960 - 1) % REMEMBERED])
        delay = (time.monotonic() - sent) * 1000
        self._seen.append(delay)
        self._most[number] = max(delay, self._most.get(number, 0))

    def take(self) -> tuple[list[float], list[float]]:
        """Return the delays since the last time and the longest of each stream, sorted, in ms."""
        found = sorted(self._seen) or [math.nan], sorted(self._most.values()) or [math.nan]
        self._seen, self._most = [], {}
        return found


class Lean:
    """Ours."""

    def __init__(self, delays: Delays | None) -> None:
        self._media = Media()
        self._delays = delays
        self.peers: list[Peer] = []
        self.blocks = 0

    async def join(self, speakers: Speakers, number: int) -> None:
        offer = (await speakers.ask("offer", number))["sdp"]
        peer = Peer(self._media, ears=Ears(on_block=self._on_block(number), gate=127))
        self.peers.append(peer)
        sdp = await peer.answer(offer)
        await asyncio.gather(peer.connect(), speakers.ask("answer", number, sdp))

    def _on_block(self, number: int) -> Callable[[Block], None]:
        place, delays = len(self.peers), self._delays

        def count(block: Block) -> None:
            self.blocks += 1

        def count_and_time(block: Block) -> None:
            self.blocks += 1
            receiver = self.peers[place].receiver
            if receiver is not None and delays is not None:
                delays.note(number, receiver.timestamp)

        return count_and_time if delays is not None and number % 5 == 0 else count

    def looks(self) -> int:
        return self._media.reader.ticks

    def packets(self) -> int:
        return sum(peer.receiver.received for peer in self.peers if peer.receiver)

    def lost(self) -> int:
        return sum(peer.receiver.statistics().lost for peer in self.peers if peer.receiver)

    def concealed(self) -> int:
        counts = [peer.receiver.statistics() for peer in self.peers if peer.receiver]
        return sum(count.concealed + count.recovered for count in counts)

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()
        self._media.close()


class Stock:
    """aiortc's."""

    def __init__(self, delays: Delays | None) -> None:
        self._delays = delays
        self._peers: list[RTCPeerConnection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._frames = self._holes = 0

    async def join(self, speakers: Speakers, number: int) -> None:
        offer = (await speakers.ask("offer", number))["sdp"]
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)

        def listen(track: Any) -> None:
            self._tasks.append(asyncio.create_task(self._consume(track, number)))

        peer.on("track", listen)
        await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        await speakers.ask("answer", number, peer.localDescription.sdp)

    async def _consume(self, track: Any, number: int) -> None:
        resampler = soxr.ResampleStream(48_000, 24_000, 1, dtype="float32")
        pending, last = np.zeros(0, np.float32), -1
        with contextlib.suppress(aiortc.MediaStreamError):
            while True:
                frame = await track.recv()
                self._frames += 1
                self._holes += last >= 0 and frame.pts != last + 960
                last = frame.pts
                left = frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.float32) / 32_768
                pending = np.concatenate((pending, resampler.resample_chunk(left)))
                if len(pending) >= SAMPLES:
                    pending = pending[SAMPLES:]
                    if self._delays is not None and number % 5 == 0:
                        self._delays.note(number, frame.pts + 960)

    def looks(self) -> int:
        return 0

    def packets(self) -> int:
        return self._frames

    def lost(self) -> int:
        return self._holes

    def concealed(self) -> int:
        return 0

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))
        await asyncio.gather(*self._tasks)


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _stolen() -> float:
    """Return the seconds that the machine's processors wanted to run and were not let."""
    ticks = int(Path("/proc/stat").read_text().split(maxsplit=9)[8])
    return ticks / os.sysconf("SC_CLK_TCK")


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


async def measure(kind: str, count: int, seconds: float, talking: float) -> dict[str, float]:
    async with Speakers(count, talking) as speakers:
        delays = Delays(speakers.times)
        await speakers.ask("stat")
        receiving: Any = Lean(delays) if kind == "lean" else Stock(delays)
        await _line("here")
        await receiving.join(speakers, 0)
        gc.collect()
        memory, running = resident(), threads()
        joins = await _join(receiving, speakers, range(1, count))
        await _line("ready")
        await speakers.ask("start", math.ceil(WARM + seconds + 2 * SETTLE * DROPS) + SPARE)
        await asyncio.sleep(WARM)
        figures = await _window(receiving, speakers, delays, seconds)
        figures |= {
            "rss_mb_per_stream": (resident() - memory) / max(1, count - 1),
            "threads_per_stream": (threads() - running) / max(1, count - 1),
            "join_ms_p95": _at(joins, 0.95),
        }
        figures |= await _one_lost(speakers, delays)
        await receiving.close()
    return figures | {"decode_us": speech.decode_cost(), "wake_us": await _wake_cost()}


async def _wake_cost(times: int = 100, pause: float = 0.008) -> float:
    """Return what it costs here and now to wake up for nothing, in microseconds."""
    cpu = time.process_time()
    for _ in range(times):
        await asyncio.sleep(pause)
    return (time.process_time() - cpu) / times * 1e6


async def _join(receiving: Any, speakers: Speakers, numbers: range) -> list[float]:
    gate, took = asyncio.Semaphore(PARALLEL), []

    async def join(number: int) -> None:
        async with gate:
            began = time.monotonic()
            await receiving.join(speakers, number)
            took.append((time.monotonic() - began) * 1000)

    await asyncio.gather(*(join(number) for number in numbers))
    return sorted(took)


async def _window(
    receiving: Any, speakers: Speakers, delays: Delays, seconds: float
) -> dict[str, float]:
    delays.take()
    before = await speakers.ask("stat")
    packets, lost, concealed = receiving.packets(), receiving.lost(), receiving.concealed()
    looks, stolen = receiving.looks(), _stolen()
    cpu, began = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    stolen = _stolen() - stolen
    looks, packets = receiving.looks() - looks, receiving.packets() - packets
    stat = await speakers.ask("stat")
    seen, _ = delays.take()
    return {
        "cpu": cpu,
        "wall": wall,
        "looks_per_s": looks / wall,
        "packets": packets,
        "sent": stat["sent"] - before["sent"],
        "sender_late": stat["late"],
        "sender_cpu": stat["cpu"] - before["cpu"],
        "lost": receiving.lost() - lost,
        "concealed": receiving.concealed() - concealed,
        "added_ms_p50": _at(seen, 0.5),
        "added_ms_p99": _at(seen, 0.99),
        "added_ms_max": seen[-1],
        "stolen_s": stolen,
    }


async def _one_lost(speakers: Speakers, delays: Delays) -> dict[str, float]:
    """Leave out single packets of each stream and see what it does to the audio behind them."""
    middles: list[float] = []
    most, after = 0.0, list[float]()
    for _ in range(DROPS):
        delays.take()
        await speakers.ask("drop")
        await asyncio.sleep(SETTLE)
        _, longest = delays.take()
        middles.append(_at(longest, 0.5))
        most = max(most, longest[-1])
        await asyncio.sleep(SETTLE)
        after += delays.take()[0]
    return {
        "gap_ms_p50": statistics.median(middles),
        "gap_ms_max": most,
        "after_gap_ms_p50": statistics.median(after),
    }


async def _line(text: str) -> None:
    """Say something and wait for a line."""
    print(text, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    only_loopback()
    gc.freeze()
    result = asyncio.run(
        measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    )
    print(json.dumps(result), flush=True)
