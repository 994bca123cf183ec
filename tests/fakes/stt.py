"""
A recogniser that hears the number in each block as a word, and silence as the end of a sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Self

from pydantic import BaseModel

from transcriber.aio import Backlog
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    Progress,
    SpeechStarted,
    StreamOptions,
    TurnEnded,
    Word,
)
from transcriber.errors import EngineError, EngineProblem

PATIENCE = 100
"""Blocks a stream keeps for a slow reader."""


class FakeOptions(BaseModel):
    failures: int = 0
    dies_after: int | None = None
    problem: EngineProblem = "network"
    retry_after: float | None = None
    opening: float = 0.0
    """Seconds it takes to open a stream."""
    words: tuple[str, ...] = ()
    """What is heard instead of numbers: 1 is the first."""
    late: float = 0.0
    """Seconds of an utterance of which nothing is said before it is longer."""
    mute_after: int | None = None
    """Blocks after which a stream takes audio in and says nothing more."""
    turns: bool = False
    """Whether each end of a sentence is one of a turn."""


class FakeStt:
    Options = FakeOptions
    info = EngineInfo("fake", "Scripted recogniser", languages=("*",), word_times="exact")

    def __init__(self, options: FakeOptions | None = None) -> None:
        options = options or FakeOptions()
        self.failures = options.failures
        self.dies_after = options.dies_after
        self.problem: EngineProblem = options.problem
        self.retry_after = options.retry_after
        self.opening, self.turns = options.opening, options.turns
        self.mute_after = options.mute_after
        self.late = options.late
        self.words = options.words
        self.open_streams = 0
        self.options: list[StreamOptions] = []
        """How each stream was asked for, and when."""
        self.opened: list[float] = []
        self.woken: list[StreamOptions] = []
        self.heard: list[int] = []
        """Blocks that each stream heard, once it is over."""

    def unusable(self) -> str:
        return ""

    async def prepare(self, progress: Progress) -> None:
        progress("ready", 1.0)

    async def wake(self, options: StreamOptions) -> None:
        self.woken.append(options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None: ...

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[FakeStream]:
        self.options.append(options)
        self.opened.append(asyncio.get_running_loop().time())
        if self.failures:
            self.failures -= 1
            raise self.error("no engine")
        await asyncio.sleep(self.opening)
        self.open_streams += 1
        stream = FakeStream(self, partials=options.partials)
        try:
            yield stream
        finally:
            stream.close()
            self.heard.append(stream.heard)
            self.open_streams -= 1

    def error(self, problem: str) -> EngineError:
        return EngineError(self.problem, problem, retry_after=self.retry_after)


class FakeStream:
    def __init__(self, engine: FakeStt, *, partials: bool = True) -> None:
        self._engine = engine
        self._partials = partials
        self._blocks: Backlog[Block | None] = Backlog(PATIENCE)
        self.heard = 0
        self._words: list[Word] = []

    @property
    def dropped(self) -> int:
        return self._blocks.dropped

    def push(self, block: Block) -> None:
        if not self._blocks.closed:
            self._blocks.push(block)

    async def ready(self) -> None:
        await self._blocks.room()

    def flush(self) -> None:
        if not self._blocks.closed:
            self._blocks.push(None)

    def close(self) -> None:
        self._blocks.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for block in self._blocks:
            if self.heard == self._engine.dies_after:
                self._engine.dies_after = None
                raise self._engine.error("engine died")
            for heard in self._hear(block):
                if not self._mute:
                    yield heard
        for heard in self._over():
            if not self._mute:
                yield heard

    @property
    def _mute(self) -> bool:
        return self._engine.mute_after is not None and self.heard > self._engine.mute_after

    def _hear(self, block: Block | None) -> Iterator[Heard]:
        if block is None or not block.any():
            yield from self._over()
        else:
            start = round((self.heard + self.dropped) * SECONDS, 3)
            if not self._words:
                yield SpeechStarted(start)
            self._words.append(Word(self._word(block), start, round(start + SECONDS, 3)))
            if self._partials and len(self._words) * SECONDS > self._engine.late:
                yield Partial(*self._said())
        self.heard += block is not None

    def _word(self, block: Block) -> str:
        words = self._engine.words
        return words[int(block[0]) - 1] if words else f"{block[0]:.0f}"

    def _over(self) -> Iterator[Heard]:
        if self._words:
            yield Final(*self._said())
            if self._engine.turns:
                yield TurnEnded(self._words[-1].end, 0.9)
            self._words = []

    def _said(self) -> tuple[str, float, float, tuple[Word, ...]]:
        text = " ".join(word.text for word in self._words)
        return text, self._words[0].start, self._words[-1].end, tuple(self._words)
