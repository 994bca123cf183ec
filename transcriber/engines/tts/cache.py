"""
What was said before is not made again.

A recording is kept under everything that makes a difference to it: the engine, what the engine
calls the voiceprint, and the text. Many who want the same at the same time share one that is still
being made; when the last of them stops listening, making it stops. What is kept is bounded by its
bytes, and what was asked for longest ago goes first. Whoever asks is not told whether it was kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Self

import numpy as np

from transcriber.audio.block import Samples
from transcriber.audio.wav import pcm16
from transcriber.engines.tts.base import Manner, Progress, Sound, Tts
from transcriber.errors import EngineError

__all__ = ["Cache", "Cached"]

SHARE = 8
"""A recording that would take more than one part of so many is not kept."""


class Recording:
    """Something that was said, or is being said; samples of 16 bits, half as large as ours."""

    def __init__(self, making: AbstractAsyncContextManager[Sound]) -> None:
        self.size = 0
        self.listeners = 0
        self._pieces: list[bytes] = []
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._make(making))
        self.task.add_done_callback(lambda task: self._tell())

    async def play(self) -> AsyncGenerator[Samples]:
        """Listen from the beginning; raises what went wrong when it was made."""
        at = 0
        while True:
            for piece in self._pieces[at:]:
                at += 1
                yield np.frombuffer(piece, "<i2").astype(np.float32) / np.float32(32_767)
            if at == len(self._pieces):
                if self.task.done():
                    break
                await self._news.wait()
        if self.task.cancelled():
            raise EngineError("engine", "the voice was closed")
        self.task.result()

    async def stop(self) -> None:
        """Make no more of it."""
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.exception()

    async def _make(self, making: AbstractAsyncContextManager[Sound]) -> None:
        async with making as sound:
            async for samples in sound:
                piece = pcm16(samples)
                self._pieces.append(piece)
                self.size += len(piece)
                self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Cache:
    """The recordings; `async with` ends those that are being made."""

    def __init__(self, limit_bytes: int) -> None:
        self.size = 0
        """Bytes of all recordings that are complete."""
        self._limit = limit_bytes
        self._recordings: OrderedDict[bytes, Recording] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        recordings = list(self._recordings.values())
        self._recordings.clear()
        self.size = 0
        for recording in recordings:
            await recording.stop()

    def __contains__(self, key: bytes) -> bool:
        recording = self._recordings.get(key)
        return recording is not None and recording.task.done()

    def find(self, key: bytes) -> Recording | None:
        """What was or is being recorded under a key."""
        if key in self._recordings:
            self._recordings.move_to_end(key)
        return self._recordings.get(key)

    def add(self, key: bytes, recording: Recording) -> None:
        """Keep a recording, if it is completed and not too long."""
        self._recordings[key] = recording
        recording.task.add_done_callback(lambda task: self._completed(key, recording))

    def forget(self, key: bytes) -> None:
        """Whoever asks from now on gets another recording than this, which is not complete."""
        self._recordings.pop(key, None)

    def _completed(self, key: bytes, recording: Recording) -> None:
        if self._recordings.get(key) is not recording:
            return
        failed = recording.task.cancelled() or recording.task.exception()
        if failed or recording.size * SHARE > self._limit:
            del self._recordings[key]
            return
        self.size += recording.size
        while self.size > self._limit:
            oldest = next(key for key, one in self._recordings.items() if one.task.done())
            self.size -= self._recordings.pop(oldest).size


class Cached:
    """An engine that remembers."""

    def __init__(self, tts: Tts, cache: Cache) -> None:
        self.info = tts.info
        self.Options: Any = tts.Options
        self._tts = tts
        self._cache = cache

    def unusable(self) -> str:
        """Say what the engine inside says."""
        return self._tts.unusable()

    async def prepare(self, progress: Progress) -> None:
        """Prepare the engine inside."""
        await self._tts.prepare(progress)

    async def __aenter__(self) -> Self:
        await self._tts.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._tts.__aexit__(*failure)

    def voiceprint(self, manner: Manner) -> str:
        """The same as the engine's."""
        return self._tts.voiceprint(manner)

    def remembers(self, text: str, manner: Manner) -> bool:
        """Whether something can be said without the engine."""
        return self._key(text, manner) in self._cache

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something as it was said before, or for the first time."""
        self.info.demand(manner)
        key = self._key(text, manner)
        recording = self._cache.find(key)
        if recording is None:
            recording = Recording(self._tts.speak(text, manner))
            self._cache.add(key, recording)
        recording.listeners += 1
        try:
            async with aclosing(recording.play()) as sound:
                yield sound
        finally:
            recording.listeners -= 1
            if not recording.listeners and not recording.task.done():
                self._cache.forget(key)
                await recording.stop()

    def _key(self, text: str, manner: Manner) -> bytes:
        parts = (self.info.name, self._tts.voiceprint(manner), text)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
