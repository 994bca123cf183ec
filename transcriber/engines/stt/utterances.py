"""
Streams of recognisers that hear whole utterances, ours or somebody's service.

Silero finds where utterances begin and end; a partial is the open utterance recognised once more.
There is no queue of work: of one speaker, one partial is recognised at a time while listening goes
on, so whoever is too slow shows fewer of them. In a short pause the utterance is recognised as if
it were over, whatever partial is still on its way; if it was, its final is there at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any

from transcriber import aio
from transcriber.audio.block import SECONDS, Block, Samples
from transcriber.engines.segments import Rules, Said, Segmenter, Work
from transcriber.engines.stt.base import Final, Heard, Partial, SpeechStarted
from transcriber.engines.stt.wire import PATIENCE, Intake
from transcriber.engines.vad import Voice
from transcriber.engines.windows import Windows

__all__ = ["Recognise", "UtteranceStream"]

BEHIND = 6
"""Blocks (half a second) waiting from which on partials are skipped."""

Recognise = Callable[[Work], Coroutine[Any, Any, Said]]


@dataclass(slots=True)
class Attempt:
    """A partial that is being recognised, or was, and is told then."""

    work: Work
    task: asyncio.Task[Said]
    told: bool = False


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
        self._windows = Windows()
        self._blocks = aio.Backlog(PATIENCE)
        self._attempt: Attempt | None = None

    async def __aiter__(self) -> AsyncIterator[Heard]:
        try:
            async for block in self._blocks:
                for happened in self._digest(block):
                    if (heard := await self._heard(happened)) is not None:
                        yield heard
                if (partial := self._partial()) is not None:
                    yield partial
            for happened in self._digest(None):
                if (heard := await self._heard(happened)) is not None:
                    yield heard
        finally:
            self._drop()

    def _digest(self, block: Block | None) -> Iterator[SpeechStarted | Work]:
        """Listen to a block; None ends the open utterance."""
        if block is not None:
            windows = self._windows.push(block)
            for window, chance in zip(windows, self._voice.probabilities(windows), strict=True):
                yield from self._judge(window, chance)
        elif work := self._segmenter.finish():
            yield work

    def _judge(self, window: Samples, chance: float) -> Iterator[SpeechStarted | Work]:
        speaking = self._segmenter.speaking
        work = self._segmenter.push(window, chance)
        if self._segmenter.speaking and not speaking:
            yield SpeechStarted(self._segmenter.now)
        if work is not None and (work.final or len(self._blocks) < BEHIND):
            yield work

    async def _heard(self, happened: SpeechStarted | Work) -> Heard | None:
        if isinstance(happened, SpeechStarted):
            return replace(happened, at=happened.at + self.dropped * SECONDS)
        if happened.final:
            return self._told(happened, await self._said(happened))
        if happened.pausing or self._attempt is None or self._attempt.told:
            self._drop()
            self._attempt = Attempt(happened, asyncio.create_task(self._recognise(happened)))
        return None

    async def _said(self, work: Work) -> Said:
        """What is recognised in the pause holds as long as nothing was said since."""
        attempt = self._attempt
        if attempt and attempt.work.pausing and attempt.work.end == work.end:
            self._attempt = None
            return await attempt.task
        self._drop()
        return await self._recognise(work)

    def _partial(self) -> Heard | None:
        """What was attempted, once it is known."""
        attempt = self._attempt
        if attempt is None or attempt.told or not attempt.task.done():
            return None
        attempt.told = True
        return self._told(attempt.work, attempt.task.result())

    def _told(self, work: Work, said: Said) -> Heard | None:
        if not said.text:
            return None
        lost = self.dropped * SECONDS
        start, end = work.start + lost, work.end + lost
        words = said.placed(start, end)
        kind = Final if work.final else Partial
        return kind(said.text, start, end, words, bare=self._bare)

    def _drop(self) -> None:
        """Nobody wants to know any more; what a thread has begun it finishes for nobody."""
        if self._attempt is not None:
            self._attempt.task.cancel()
            self._attempt.task.add_done_callback(_forgotten)
            self._attempt = None


def _forgotten(task: asyncio.Task[Said]) -> None:
    if not task.cancelled():
        task.exception()
