"""
Streams of recognisers that hear whole utterances, ours or somebody's service.

Silero finds where utterances begin and end; a partial is the open utterance recognised once more.
There is no queue of work: a stream waits for its own words while its audio waits in a short
backlog, so whoever is too slow shows fewer partials first and forgets audio only then. In a short
pause the utterance is recognised as if it were over; if it was, its final is there at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import numpy as np

from transcriber import aio
from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import SECONDS, Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.segments import RATE, WINDOW, Rules, Said, Segmenter, Work
from transcriber.engines.stt.base import Final, Heard, Partial, SpeechStarted
from transcriber.engines.stt.wire import PATIENCE, Intake
from transcriber.engines.vad import Voice

__all__ = ["UtteranceStream"]

BEHIND = 6
"""Blocks (half a second) waiting from which on partials are skipped."""

Recognise = Callable[[Work], Awaitable[Said]]


class UtteranceStream(Intake):
    """One speaker: blocks, windows, segments, words."""

    def __init__(
        self, voice: Voice, recognise: Recognise, rules: Rules, *, bare: bool = False
    ) -> None:
        """`bare` says that the words have no capitals and no full stops."""
        self._voice = voice
        self._bare = bare
        self._recognise = recognise
        self._segmenter = Segmenter(rules)
        self._resampler = Resampler(CALL_RATE, RATE)
        self._blocks = aio.Backlog(PATIENCE)
        self._rest = np.zeros(0, np.float32)
        self._guess: tuple[float, Said] | None = None

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
        said = await self._said(happened)
        if not said.text:
            return None
        start, end = happened.start + lost, happened.end + lost
        words = said.placed(start, end)
        kind = Final if happened.final else Partial
        return kind(said.text, start, end, words, bare=self._bare)

    async def _said(self, work: Work) -> Said:
        """What was heard in the pause holds as long as nothing was said since."""
        if work.final and self._guess is not None and self._guess[0] == work.end:
            return self._guess[1]
        said = await self._recognise(work)
        self._guess = (work.end, said) if work.pausing else None
        return said
