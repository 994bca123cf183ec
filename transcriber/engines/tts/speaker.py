"""
Everything that is said goes through here: a text becomes sound, whichever engine makes it.

A text is cut into sentences, its words are written as they are to be said, and each sentence is
made by the engine that policy and wish name, or the next one if that fails. Sentences are made a
little ahead of who listens, and no further: most of what is interrupted was then never made.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, Field

from transcriber.audio.block import RATE, Samples
from transcriber.engines.stt.policy import Policy
from transcriber.engines.tts.base import Manner, Progress
from transcriber.engines.tts.fallback import Members
from transcriber.engines.tts.pronunciation import Pronunciations
from transcriber.engines.tts.sentences import sentences
from transcriber.errors import BadInput, Misconfigured

__all__ = ["Piece", "Speaker", "VoiceOptions"]

LONGEST = 20_000
"""Characters of a text: a quarter of an hour."""
AHEAD = 5 * RATE
"""Samples (five seconds) that are made before somebody wants them."""


class VoiceOptions(BaseModel):
    """Who speaks, and how, where nobody says otherwise."""

    engine: str = Field(
        "en -> local, espeak; else espeak",
        alias="TTS_BACKEND",
        description="who speaks: a voice engine, or several by language, such as"
        " `en -> local; else espeak; fallback openai`",
    )
    voice: str = Field(
        "", alias="TTS_VOICE", description="voice, as its engine names it; empty: the usual one"
    )
    speed: float = Field(
        1.0, ge=0.5, le=2.0, alias="TTS_SPEED", description="how fast it speaks: 0.5 to 2"
    )
    pronunciations: str = Field(
        "",
        alias="TTS_PRONUNCIATIONS",
        description="YAML file of words and how to say them, `Nextcloud: next cloud`",
    )
    cache_mb: int = Field(
        64,
        ge=0,
        le=65_536,
        alias="TTS_CACHE_MB",
        description="megabytes of speech that are remembered; a minute takes three",
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """Some sound, and the sentence it is part of, as it was written."""

    text: str
    samples: Samples
    engine: str


class Speaker:
    """
    The voice of the house; `async with` loads and frees its engines.

    Raises `Misconfigured` when there is no such engine, or no such usual voice.
    """

    def __init__(
        self,
        members: Members,
        policy: Policy,
        *,
        usual: Manner | None = None,
        pronunciations: Pronunciations | None = None,
    ) -> None:
        self._members = members
        self._policy = policy
        self._usual = usual or Manner()
        self._pronunciations = pronunciations or Pronunciations()
        voice = self._usual.voice
        if voice and not self._known(voice, policy.engines):
            raise Misconfigured("TTS_VOICE", f"no engine of TTS_BACKEND has the voice {voice}")

    async def __aenter__(self) -> Self:
        await self._members.__aenter__()
        await self._members.load(self._policy.engines)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._members.__aexit__(*failure)

    def unusable(self) -> str:
        """Say what is wrong with every engine, when none of them can be used."""
        names = self._policy.engines
        problems = {name: self._members.member(name).engine.unusable() for name in names}
        if not all(problems.values()):
            return ""
        return "; ".join(f"{name}: {problem}" for name, problem in problems.items())

    async def prepare(self, progress: Progress) -> None:
        """Load or fetch what takes time."""
        for name in self._policy.engines:
            tts = self._members.member(name).engine
            if not tts.unusable():
                await tts.prepare(progress)

    @asynccontextmanager
    async def speak(
        self,
        text: str,
        *,
        voice: str = "",
        language: str = "",
        engine: str = "",
        speed: float = 0.0,
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        """
        Say a text; what is left empty is as usual.

        Raises `BadInput` for a text that is too long, `Misconfigured` for an engine that does not
        exist, and `EngineError` when no engine can say it.
        """
        if len(text) > LONGEST:
            raise BadInput(f"{len(text)} characters are too long to say", remedy=f"say {LONGEST}")
        usual = self._usual
        manner = Manner(voice, language or usual.language, speed or usual.speed)
        names = (engine,) if engine else self._policy.order(manner.language)
        if usual.voice and not voice and self._known(usual.voice, names):
            manner = replace(manner, voice=usual.voice)
        ahead = Ahead(self._pieces(text, manner, names))
        try:
            async with aclosing(ahead.pieces()) as pieces:
                yield pieces
        finally:
            await ahead.stop()

    def _known(self, voice: str, names: Sequence[str]) -> bool:
        infos = [self._members.member(name).engine.info for name in names]
        return any(info.knows(voice) for info in infos)

    async def _pieces(
        self, text: str, manner: Manner, names: Sequence[str]
    ) -> AsyncGenerator[Piece]:
        for sentence in sentences(text):
            said = self._pronunciations.apply(sentence, manner.language)
            async with self._members.speak(said, manner, names) as sound:
                async for engine, samples in sound:
                    yield Piece(sentence, samples, engine)


class Ahead:
    """Takes pieces from a source before they are wanted, but not many."""

    def __init__(self, source: AsyncGenerator[Piece]) -> None:
        self._waiting: deque[Piece] = deque()
        self._samples = 0
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._fill(source))
        self._task.add_done_callback(lambda task: self._changed.set())

    async def pieces(self) -> AsyncGenerator[Piece]:
        """Give them in their order; raises what the source raised, after those before it."""
        while self._waiting or not self._task.done():
            if self._waiting:
                piece = self._waiting.popleft()
                self._samples -= len(piece.samples)
                self._changed.set()
                yield piece
            else:
                await self._change()
        self._task.result()

    async def stop(self) -> None:
        """Take no more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()

    async def _fill(self, source: AsyncGenerator[Piece]) -> None:
        async with aclosing(source):
            async for piece in source:
                self._waiting.append(piece)
                self._samples += len(piece.samples)
                self._changed.set()
                while self._samples > AHEAD:
                    await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
