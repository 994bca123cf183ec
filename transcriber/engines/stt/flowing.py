"""
Streams of embedded models that hear word after word.

Audio is heard a little at a time in one of the shared threads; what has come meanwhile is heard
together, so a machine that is too slow shows words in larger steps and forgets audio only then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

import numpy as np

from transcriber import aio
from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import SECONDS, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.segments import RATE, Said
from transcriber.engines.stt.base import Final, Heard, Partial, SpeechStarted, Word
from transcriber.engines.stt.sherpa import Flow
from transcriber.engines.stt.turns import Turns
from transcriber.engines.stt.wire import PATIENCE, Intake

__all__ = ["FlowStream"]

PORTION = 2
"""Blocks heard together at least: a thread is not worth waking for less."""


class FlowStream(Intake):
    """One speaker: blocks go in, words come as they are said."""

    def __init__(self, flow: Flow, turns: Turns, *, partials: bool) -> None:
        self._flow = flow
        self._turns = turns
        self._partials = partials
        self._resampler = Resampler(CALL_RATE, RATE)
        self._blocks = aio.Backlog(PATIENCE)
        self._portion: list[Samples] = []
        self._shown = ""

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for block in self._blocks:
            if block is not None:
                self._portion.append(self._resampler.push(block))
            if block is None or (len(self._portion) >= PORTION and not len(self._blocks)):
                for heard in await self._hear():
                    yield heard
            if block is None:
                for heard in await self._finish():
                    yield heard
        for heard in [*await self._hear(), *await self._finish()]:
            yield heard

    async def _hear(self) -> list[Heard]:
        audio, self._portion = np.concatenate([np.zeros(0, np.float32), *self._portion]), []
        if not len(audio):
            return []
        said, over = await self._turns.run(partial(self._flow.hear, audio), urgent=False)
        return list(self._told(said, over=over))

    async def _finish(self) -> list[Heard]:
        return list(self._told(await self._turns.run(self._flow.finish, urgent=True), over=True))

    def _told(self, said: Said, *, over: bool) -> Iterator[Heard]:
        if not said.text:
            return
        words = tuple(self._placed(word) for word in said.words)
        start, end = words[0].start, words[-1].end
        if not self._shown:
            yield SpeechStarted(start)
        if over:
            self._shown = ""
            yield Final(said.text, start, end, words, bare=True)
        elif said.text != self._shown:
            self._shown = said.text
            if self._partials:
                yield Partial(said.text, start, end, words, bare=True)

    def _placed(self, word: Word) -> Word:
        lost = self.dropped * SECONDS
        return Word(word.text, round(word.start + lost, 3), round(word.end + lost, 3))
