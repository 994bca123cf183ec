"""
The embedded voice: English on this machine's own processor, without any account.

hibari makes a sentence faster than a network could bring it, so a few threads serve everybody.
A thread cannot be stopped, but its work is short: a long sentence is made in parts, and who has
stopped listening asks for no further one. The same text sounds the same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from transcriber.audio.block import RATE, Samples
from transcriber.engines.tts.base import Manner, Progress, Sound, TtsInfo, Voice
from transcriber.engines.vad import installed
from transcriber.errors import EngineError

__all__ = ["Local", "LocalOptions"]

LOADING = "loading the embedded voice"
SEED = 0
"""Of the noise in consonants, which is the same each time."""
SOUND = 0.001
"""What a sample must exceed to be heard."""
LEAD = round(0.02 * RATE)
"""Samples that are kept before the first sound: it begins some quiet 0.3 s after its beginning."""


class LocalOptions(BaseModel):
    """Settings of the embedded voice."""

    threads: int = Field(
        2,
        ge=1,
        le=64,
        alias="LOCAL_VOICE_THREADS",
        description="sentences that the embedded voice makes at the same time",
    )


class Local:
    """The model, loaded once for everybody."""

    Options = LocalOptions
    info = TtsInfo(
        name="local",
        title="Embedded voice (hibari)",
        languages=("en",),
        models=("hibari-0.2.1",),
        voices=(Voice("heart", ("en",), "American woman"),),
        speeds=(0.5, 2.0),
        network=False,
        licence="Apache-2.0",
    )

    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        self._model: Any = None
        self._pool: ThreadPoolExecutor | None = None

    def unusable(self) -> str:
        """Say what is missing."""
        wanted = {"hibari": "hibari-tts==0.2.1", "onnxruntime": "onnxruntime"}
        lacking = [package for module, package in wanted.items() if not installed(module)]
        return f"not installed: {', '.join(lacking)}; see requirements.lock" if lacking else ""

    async def prepare(self, progress: Progress) -> None:
        """Load the model and its dictionary, in a thread."""
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        if self._model is None:
            progress(LOADING, 0.0)
            self._model = await asyncio.to_thread(_load)
        progress(LOADING, 1.0)

    async def __aenter__(self) -> Self:
        await self.prepare(lambda what, done: None)
        self._pool = ThreadPoolExecutor(self._options.threads, "voice")
        return self

    async def __aexit__(self, *failure: object) -> None:
        pool, self._pool = self._pool, None
        self._model = None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    def voiceprint(self, manner: Manner) -> str:
        """The release decides, too: it brings the model."""
        return f"{self.info.models[0]} {self.info.voice(manner)} {manner.speed:g}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something, sentence by sentence."""
        self.info.demand(manner)
        if self._pool is None:
            raise EngineError("engine", "the embedded voice is not loaded")
        async with aclosing(self._parts(self._pool, text, manner.speed)) as sound:
            yield sound

    async def _parts(
        self, pool: ThreadPoolExecutor, text: str, speed: float
    ) -> AsyncGenerator[Samples]:
        loop, model = asyncio.get_running_loop(), self._model
        try:
            for phonemes in await loop.run_in_executor(pool, model.phonemize, _plain(text)):
                part = await loop.run_in_executor(pool, model.from_phonemes, phonemes, speed, SEED)
                if len(part := _begun(part)):
                    yield part
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise EngineError("engine", f"cannot say that: {type(error).__name__}") from error


def _load() -> Any:
    """The first words make it load what it would otherwise load when somebody waits."""
    from hibari import Hibari

    model = Hibari()
    model("Ready.")
    return model


def _begun(part: Samples) -> Samples:
    """Leave out the silence before the first sound, for which whoever has asked would wait."""
    first = int(np.argmax(np.abs(part) > SOUND)) if len(part) else 0
    return part[max(0, first - LEAD) :]


def _plain(text: str) -> str:
    """Keep a text from giving the pronunciation of its own words, which is written `[x](/y/)`."""
    return text.replace("](", "] (")
