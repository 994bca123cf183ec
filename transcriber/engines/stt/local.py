"""
The embedded recogniser: English on this machine's own processor, without any account.

Silero finds the utterances, Moonshine recognises them whole; a partial is the open utterance
recognised once more. All speakers share one model and a few decoding threads. There is no queue
of work: each stream waits for its own decoding while its audio waits in a short backlog, so a
machine that is too slow first shows fewer partials and only then forgets audio. Finals go first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, Field

from transcriber import aio
from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import SECONDS, Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.segments import RATE, WINDOW, Rules, Segmenter, Work, spread
from transcriber.engines.stt import moonshine
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    Progress,
    SpeechStarted,
    StreamOptions,
)
from transcriber.engines.vad import Silero, Voice, installed
from transcriber.errors import EngineError

__all__ = ["Local", "LocalOptions"]

PATIENCE = 62
"""Blocks (five seconds) a stream keeps while its audio cannot be decoded in time."""
BEHIND = 6
"""Blocks (half a second) waiting from which on partials are skipped."""
LOADING = "loading the embedded recogniser"

Decode = Callable[[Samples], str]


class LocalOptions(BaseModel):
    """Settings of the embedded recogniser."""

    model_dir: Path | None = Field(
        None,
        alias="LOCAL_MODEL_DIR",
        description="folder of the embedded recogniser's model; empty: the installed package",
    )
    threads: int = Field(
        2, ge=1, le=64, alias="LOCAL_THREADS", description="utterances recognised at the same time"
    )
    partial: float = Field(
        0.5,
        ge=0,
        le=5,
        alias="LOCAL_PARTIAL_SECONDS",
        description="seconds between partial results of the embedded recogniser; 0 for none",
    )


class Local:
    """Moonshine and Silero, loaded once for everybody."""

    Options = LocalOptions
    info = EngineInfo(
        name="local",
        title="Embedded recogniser (Moonshine tiny, Silero)",
        languages=("en",),
        models=("moonshine-tiny-en",),
        streaming=False,
        word_times="estimated",
        network=False,
        licence="MIT",
    )

    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        self._decoder: Decoder | None = None
        self._silero: Silero | None = None

    def unusable(self) -> str:
        """Say what is missing."""
        try:
            moonshine.find(self._options.model_dir)
        except EngineError as missing:
            return str(missing)
        wanted = {"sherpa_onnx": "sherpa-onnx", "onnxruntime": "onnxruntime"}
        wanted |= {"silero_vad": "silero-vad==6.2.3"}
        lacking = [package for module, package in wanted.items() if not installed(module)]
        return f"not installed: {', '.join(lacking)}; see requirements.lock" if lacking else ""

    async def prepare(self, progress: Progress) -> None:
        """Load the models, in a thread."""
        if self._decoder is None:
            progress(LOADING, 0.0)
            files = await asyncio.to_thread(moonshine.find, self._options.model_dir)
            model = await asyncio.to_thread(moonshine.Moonshine, files)
            self._silero = await asyncio.to_thread(Silero)
            self._decoder = Decoder(model, self._options.threads)
        progress(LOADING, 1.0)

    async def wake(self, options: StreamOptions) -> None:
        """It never sleeps."""

    async def __aenter__(self) -> Self:
        await self.prepare(lambda what, done: None)
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._decoder is not None:
            await self._decoder.close()
        self._decoder = self._silero = None

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[LocalStream]:
        """Start listening to one speaker."""
        if self._decoder is None or self._silero is None:
            raise EngineError("engine", "the embedded recogniser is not loaded")
        rules = Rules(partial=self._options.partial if options.partials else 0.0)
        stream = LocalStream(self._silero.voice(), self._decoder, rules)
        try:
            yield stream
        finally:
            stream.close()


class Decoder:
    """A few threads that run the model; those who wait for a final come before the others."""

    def __init__(self, model: Decode, threads: int) -> None:
        self._model = model
        self._pool = ThreadPoolExecutor(threads, "decoder")
        self._free = threads
        self._order = itertools.count()
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []

    async def __call__(self, work: Work) -> str:
        """Return the words of a segment."""
        await self._turn(work)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._model, work.audio)
        finally:
            self._free += 1
            self._next()

    async def close(self) -> None:
        """End the threads, after what they are doing."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def _turn(self, work: Work) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not work.final, next(self._order), turn))
        self._next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._next()
            raise

    def _next(self) -> None:
        while self._free and self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class LocalStream:
    """One speaker: blocks, windows, segments, words."""

    def __init__(
        self, voice: Voice, decode: Callable[[Work], Awaitable[str]], rules: Rules
    ) -> None:
        self._voice = voice
        self._decode = decode
        self._segmenter = Segmenter(rules)
        self._resampler = Resampler(CALL_RATE, RATE)
        self._blocks: aio.Backlog[Block | None] = aio.Backlog(PATIENCE)
        self._rest = np.zeros(0, np.float32)

    @property
    def dropped(self) -> int:
        """Blocks forgotten because decoding could not keep up."""
        return self._blocks.dropped

    def push(self, block: Block) -> None:
        """Send audio."""
        if not self._blocks.closed:
            self._blocks.push(block)

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another."""
        await self._blocks.room()

    def flush(self) -> None:
        """End the utterance now."""
        if not self._blocks.closed:
            self._blocks.push(None)

    def close(self) -> None:
        """No more audio."""
        self._blocks.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for block in self._blocks:
            for happened in self._digest(block):
                if (heard := await self._heard(happened)) is not None:
                    yield heard
        for happened in self._digest(None):
            if (heard := await self._heard(happened)) is not None:
                yield heard

    def _digest(self, block: Block | None) -> Iterator[SpeechStarted | Work]:
        """Listen to a block; None ends the open utterance."""
        if block is not None:
            for window in self._windows(block):
                yield from self._judge(window)
        elif work := self._segmenter.finish():
            yield work

    def _windows(self, block: Block) -> Iterator[Samples]:
        audio = np.concatenate([self._rest, self._resampler.push(block)])
        whole = len(audio) - len(audio) % WINDOW
        self._rest = audio[whole:]
        for start in range(0, whole, WINDOW):
            yield audio[start : start + WINDOW]

    def _judge(self, window: Samples) -> Iterator[SpeechStarted | Work]:
        speaking = self._segmenter.speaking
        work = self._segmenter.push(window, self._voice.probability(window))
        if self._segmenter.speaking and not speaking:
            yield SpeechStarted(self._segmenter.now)
        if work is not None and (work.final or len(self._blocks) < BEHIND):
            yield work

    async def _heard(self, happened: SpeechStarted | Work) -> Heard | None:
        lost = self.dropped * SECONDS
        if isinstance(happened, SpeechStarted):
            return replace(happened, at=happened.at + lost)
        text = await self._decode(happened)
        start, end = happened.start + lost, happened.end + lost
        if not text:
            return None
        words = spread(text, start, end)
        return (
            Final(text, start, end, words) if happened.final else Partial(text, start, end, words)
        )
