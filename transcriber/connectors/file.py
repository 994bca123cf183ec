"""
A file as a call: its people are one, or one for each channel.

The same session that listens to a conference listens to a file. A file can wait, so nothing of
it is ever lost: before each block the session is asked whether it is ready.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from transcriber.audio.block import RATE, SECONDS, Block, Blocks, Samples
from transcriber.audio.resample import Resampler
from transcriber.call import Caption, Listener, Person
from transcriber.connectors.media import Media
from transcriber.errors import BadInput

__all__ = ["Channels", "FileCall"]

Channels = Literal["mix", "separate"]
PORTION = 6
"""Blocks (half a second) that are read at a time, in a thread."""
MOST = 32
"""Channels that can be people of their own; those beyond are not heard."""

Moment: TypeAlias = tuple[Block, ...]
"""What everybody said in the same 80 ms, in the order of the channels."""


class FileCall:
    """Plays a file to its listener, as fast as it is heard or, if `realtime`, as it was spoken."""

    def __init__(
        self,
        path: str,
        *,
        channels: Channels = "mix",
        realtime: bool = False,
        progress: Callable[[float, float | None], object] = lambda done, total: None,
    ) -> None:
        self.room = Path(path).name
        self._path = path
        self._channels = channels
        self._realtime = realtime
        self._progress = progress
        self._over = False
        self._played = 0

    async def run(self, listener: Listener) -> None:
        """Play the file to its end; raises `BadInput` when it cannot be used, or not wholly."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "file") as thread:
            media = await loop.run_in_executor(thread, Media, self._path)
            try:
                moments = _moments(media, self._channels)
                began = loop.time()
                while portion := await loop.run_in_executor(thread, _take, moments):
                    await self._play(listener, portion, began)
                    self._progress(media.seconds, media.duration)
            finally:
                media.stop()
                thread.submit(media.close)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """Nobody reads along."""

    def play(self, samples: Samples) -> None:
        """Nobody listens."""

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Nothing goes out."""
        reached(False)

    def stop(self) -> None:
        """We are silent."""

    def hang_up(self) -> None:
        """Stop before the end."""
        self._over = True

    async def _play(self, listener: Listener, portion: list[Moment], began: float) -> None:
        loop = asyncio.get_running_loop()
        for moment in () if self._over else portion:
            if not self._played:
                self._introduce(listener, len(moment))
            await listener.ready()
            for number, block in enumerate(moment, 1):
                listener.heard(str(number), block)
            self._played += 1
            if self._realtime:
                await asyncio.sleep(began + self._played * SECONDS - loop.time())

    def _introduce(self, listener: Listener, people: int) -> None:
        for number in range(1, people + 1):
            name = f"Channel {number}" if self._channels == "separate" else ""
            listener.joined(Person(str(number), name))


def _take(moments: Iterator[Moment]) -> list[Moment]:
    return list(itertools.islice(moments, PORTION))


def _moments(media: Media, channels: Channels) -> Iterator[Moment]:
    """Cut the file into blocks, side by side; what is wrong with it is raised at its end."""
    lanes: list[Lane] = []
    problem = None
    try:
        for rate, samples in media:
            rows = samples.mean(axis=0)[None] if channels == "mix" else samples[:MOST]
            lanes = lanes or [Lane() for _ in rows]
            rows = np.resize(rows, (len(lanes), rows.shape[1]))
            yield from zip(*map(Lane.push, lanes, itertools.repeat(rate), rows), strict=True)
    except BadInput as error:
        problem = error
    yield from zip(*map(Lane.flush, lanes), strict=True)
    if problem:
        raise problem


class Lane:
    """One channel on its way to blocks; its rate may change within the file."""

    def __init__(self) -> None:
        self._rate = RATE
        self._resampler = Resampler(RATE, RATE)
        self._blocks = Blocks()

    def push(self, rate: int, samples: Samples) -> list[Block]:
        """Take in samples; returns the blocks that are complete."""
        rest = []
        if rate != self._rate:
            rest = list(self._blocks.push(self._resampler.flush()))
            self._rate, self._resampler = rate, Resampler(rate, RATE)
        return [*rest, *self._blocks.push(self._resampler.push(samples))]

    def flush(self) -> list[Block]:
        """Return what is left."""
        return [*self._blocks.push(self._resampler.flush()), *self._blocks.flush()]
