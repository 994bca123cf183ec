"""
A voice that says each word as a tone of its own: one tenth of a second, as loud as it is long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self

import numpy as np
from pydantic import BaseModel

from transcriber.audio.block import RATE, Samples
from transcriber.engines.tts.base import Manner, Progress, Sound, TtsInfo, Voice
from transcriber.errors import EngineError, EngineProblem

WORD = RATE // 10
"""Samples of a word."""


class FakeTtsOptions(BaseModel):
    name: str = "fake"
    languages: tuple[str, ...] = ("*",)
    voices: tuple[str, ...] = ("ann", "bob")
    failures: int = 0
    """Texts that fail before they are heard."""
    dies_after: int | None = None
    """Words of the first text after which it breaks off."""
    problem: EngineProblem = "network"
    opening: float = 0.0
    """Seconds until the first word comes."""
    word: float = 0.0
    """Seconds until the next word comes."""


class FakeTts:
    Options = FakeTtsOptions

    def __init__(self, options: FakeTtsOptions | None = None) -> None:
        self.options = options or FakeTtsOptions()
        self.info = TtsInfo(
            self.options.name,
            "Scripted voice",
            self.options.languages,
            voices=tuple(Voice(name) for name in self.options.voices),
            speeds=(0.5, 2.0),
        )
        self.failures = self.options.failures
        self.dies_after = self.options.dies_after
        self.asked: list[str] = []
        """Each text that was to be said."""
        self.speaking = 0
        self.entered = False

    def unusable(self) -> str:
        return ""

    async def prepare(self, progress: Progress) -> None:
        progress("ready", 1.0)

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(self, *failure: object) -> None:
        self.entered = False

    def voiceprint(self, manner: Manner) -> str:
        return f"{self.info.voice(manner)} {manner.language} {manner.speed}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        self.info.demand(manner)
        self.asked.append(text)
        if self.failures:
            self.failures -= 1
            raise EngineError(self.options.problem, "no voice")
        await asyncio.sleep(self.options.opening)
        self.speaking += 1
        try:
            async with aclosing(self._words(text, manner)) as sound:
                yield sound
        finally:
            self.speaking -= 1

    async def _words(self, text: str, manner: Manner) -> AsyncGenerator[Samples]:
        for number, word in enumerate(text.split()):
            if number == self.dies_after:
                self.dies_after = None
                raise EngineError(self.options.problem, "broke off")
            yield tone(word, manner.speed)
            await asyncio.sleep(self.options.word)


def tone(word: str, speed: float = 1.0) -> Samples:
    """What a word sounds like."""
    length = min(len(word), 99) / 100
    return np.full(round(WORD / speed), length, np.float32)
