"""
A recogniser whose captions can be counted and timed, and readers who do so.

For each half second of sound it says one sentence: which of its streams, which sentence of it, and
when that was said. Silence does not count. So what arrives tells how much of what was spoken became
captions, and how long those took.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import numpy as np
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
)
from transcriber.errors import EngineError

__all__ = ["PIECE", "Counted", "Counting"]

BLOCKS = 6
PIECE = BLOCKS * SECONDS
"""Seconds of sound in one sentence."""
QUIET = 0.001
"""Samples that are never louder are silence."""
SAID = re.compile(r"caption (\d+) of stream (\d+) at (\d+)", re.IGNORECASE)


class Counting:
    """The recogniser; while `dead` it fails whoever uses it, when `quiet` it says no more."""

    Options: type[BaseModel] = BaseModel
    info = EngineInfo("counting", "Counts", languages=("*",), network=False)

    def __init__(self) -> None:
        self.dead = self.quiet = False
        self.said = 0
        self._numbers = itertools.count()

    def unusable(self) -> str:
        return ""

    async def prepare(self, progress: Progress) -> None: ...

    async def wake(self, options: StreamOptions) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None: ...

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[_Stream]:
        self.check()
        stream = _Stream(self, next(self._numbers))
        try:
            yield stream
        finally:
            stream.close()

    def check(self) -> None:
        """Fail if we are dead."""
        if self.dead:
            raise EngineError("network", "the recogniser is dead")


class _Stream:
    def __init__(self, engine: Counting, number: int) -> None:
        self._engine, self._number = engine, number
        self._blocks: Backlog[Block] = Backlog(1000)
        self._at = 0.0
        self._count = self._loud = 0

    @property
    def dropped(self) -> int:
        return self._blocks.dropped

    def push(self, block: Block) -> None:
        if not self._blocks.closed:
            self._blocks.push(block)

    async def ready(self) -> None:
        await self._blocks.room()

    def flush(self) -> None: ...

    def close(self) -> None:
        self._blocks.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for block in self._blocks:
            self._engine.check()
            self._at += SECONDS
            if self._engine.quiet or np.abs(block).max() < QUIET:
                continue
            self._loud += 1
            start = self._at - PIECE
            if self._loud % BLOCKS == 1:
                yield SpeechStarted(self._at - SECONDS)
                yield Partial("caption", self._at - SECONDS, self._at)
            elif not self._loud % BLOCKS:
                self._engine.said += 1
                yield Final(self._text(), max(0.0, start), self._at)

    def _text(self) -> str:
        self._count += 1
        now = time.monotonic_ns() // 1000
        return f"caption {self._count} of stream {self._number} at {now}"


class Counted:
    """The captions that reached one reader: each once, and how long after it was said."""

    def __init__(self) -> None:
        self.delays: dict[tuple[int, int], float] = {}
        self.repeated = self.strange = 0
        self.last = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of speech that these are."""
        return len(self.delays) * PIECE

    def take(self, data: Mapping[str, Any]) -> None:
        """Look at what a message of captions says."""
        if not data["final"]:
            return
        found = SAID.search(data["message"])
        if not found:
            self.strange += 1
            return
        caption, stream, at = map(int, found.groups())
        self.last = time.monotonic()
        if (stream, caption) in self.delays:
            self.repeated += 1
        else:
            self.delays[stream, caption] = self.last - at / 1e6
