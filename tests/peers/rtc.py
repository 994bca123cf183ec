"""What the tests of the media path share: a network, a tone, and an ear for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from aiortc import RTCPeerConnection

from tests.network import NoNetwork, own_network
from tests.peers import missing
from transcriber.audio.block import RATE, Block, Samples

__all__ = ["Heard", "close", "network", "tone", "until"]


@contextmanager
def network() -> Iterator[str]:
    """Be in a network of our own, or skip the test."""
    try:
        with own_network() as address:
            yield address
    except NoNetwork as error:
        missing(f"this machine lets us make no network: {error}")


def tone(seconds: float, frequency: float = 1_000.0, level: float = 0.25) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * frequency * at)).astype(np.float32)


class Heard:
    """Remembers blocks, and when they came (`time.monotonic`), and measures them."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.at: list[float] = []

    def __call__(self, block: Block) -> None:
        self.blocks.append(block)
        self.at.append(time.monotonic())

    @property
    def seconds(self) -> float:
        return len(self.blocks) * 0.08

    def last(self, seconds: float) -> Samples:
        return np.concatenate(self.blocks)[-round(seconds * RATE) :]

    def frequency(self, seconds: float = 0.8) -> float:
        samples = self.last(seconds)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum)) * RATE / len(samples)

    def loudness(self, seconds: float = 0.8) -> float:
        """Return that of the louder moments: on a starved machine one may be missing."""
        moments = self.last(seconds).reshape(-1, RATE // 50)
        return float(np.percentile(np.sqrt(np.mean(moments * moments, axis=1)), 75))


async def until(met: Callable[[], bool], what: str, seconds: float = 45.0) -> None:
    """Wait for something to be so."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not met():
        assert asyncio.get_running_loop().time() < deadline, f"no {what} within {seconds} seconds"
        await asyncio.sleep(0.02)


async def close(connection: RTCPeerConnection) -> None:
    """Close a connection of aiortc's, and let what it had begun come to its end."""
    await connection.close()
    tasks = [(task, getattr(task.get_coro(), "cr_frame", None)) for task in asyncio.all_tasks()]
    begun = [task for task, frame in tasks if frame and frame.f_locals.get("self") is connection]
    if begun:
        await asyncio.wait(begun)
