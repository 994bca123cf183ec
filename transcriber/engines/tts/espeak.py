"""
espeak-ng: a voice for a hundred languages, not a beautiful one, on this machine.

Its program is run for every text, because its library can say only one thing at a time; it starts
in hundredths of a second and is killed when nobody listens any more.
"""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self

from pydantic import BaseModel

from transcriber.audio.block import Samples
from transcriber.engines.tts.base import Manner, Progress, Sound, TtsInfo, Voice
from transcriber.engines.tts.pcm import Pcm
from transcriber.errors import EngineError

__all__ = ["PROGRAM", "Espeak", "EspeakOptions", "spelled"]

PROGRAM = "espeak-ng"
PROCESSES = 4
"""Texts that are made at the same time; the others wait."""
WORDS = 175
"""Words a minute that are the usual speed."""
SPELLING = 10.0
"""Seconds in which it must say how a sentence sounds."""
READ = 16_384
"""Bytes of a piece: a third of a second."""
LANGUAGES = (
    "af am an ar as az ba be bg bn bs ca cmn cs cv cy da de el en eo es et eu fa fi fr ga gd gn gu"
    " hak haw he hi hr ht hu hy ia id io is it ja ka kk kl kn ko kok ku ky la lb lt lv mi mk ml mr"
    " ms mt my nb ne nl no nog om or pa pl pt py qu ro ru sd si sk sl sq sr sv sw ta te th tk tr tt"
    " ug uk ur uz vi yue zh"
)
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")


class EspeakOptions(BaseModel):
    """It has no settings."""


class Espeak:
    """A program for each text."""

    Options = EspeakOptions
    info = TtsInfo(
        name="espeak",
        title="espeak-ng, many languages",
        languages=tuple(LANGUAGES.split()),
        voices=(Voice("plain"), *(Voice(variant) for variant in VARIANTS)),
        speeds=(0.5, 2.0),
        network=False,
        licence="GPL-3.0-or-later",
    )

    def __init__(self, options: EspeakOptions) -> None:
        self._free = asyncio.Semaphore(PROCESSES)

    def unusable(self) -> str:
        """Say what is missing."""
        return "" if shutil.which(PROGRAM) else "not installed: apt-get install espeak-ng"

    async def prepare(self, progress: Progress) -> None:
        """Nothing needs to be loaded here."""
        progress("espeak ready", 1.0)

    async def __aenter__(self) -> Self:
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        return self

    async def __aexit__(self, *failure: object) -> None: ...

    def voiceprint(self, manner: Manner) -> str:
        """The language makes the voice."""
        return f"{self.info.voice(manner)} {manner.language} {manner.speed:g}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        async with self._free, aclosing(_said(text, manner, self.info.voice(manner))) as sound:
            yield sound


async def _said(text: str, manner: Manner, variant: str) -> AsyncGenerator[Samples]:
    voice = manner.language.lower() + ("" if variant == "plain" else f"+{variant}")
    words = f"{WORDS * manner.speed:.0f}"
    command = (PROGRAM, "-v", voice, "-s", words, "-b", "1", "--stdin", "--stdout")
    if not text.strip():
        return
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with aclosing(_sound(process, _plain(text))) as sound:
            async for samples in sound:
                yield samples
        if code := await process.wait():
            raise EngineError("engine", f"espeak-ng ended with {code}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _sound(process: Process, text: str) -> AsyncGenerator[Samples]:
    assert process.stdin is not None
    assert process.stdout is not None
    pcm = Pcm()
    try:
        process.stdin.write(text.encode("utf-8", "replace"))
        await process.stdin.drain()
        process.stdin.close()
    except ConnectionError as error:
        raise EngineError("engine", "espeak-ng does not listen") from error
    while data := await process.stdout.read(READ):
        if len(samples := pcm.push(data)):
            yield samples
    if len(samples := pcm.flush()):
        yield samples


def _plain(text: str) -> str:
    """Keep a text from giving the pronunciation of its own words, which is written `[[y]]`."""
    return text.replace("[[", "[ [")


async def spelled(text: str, voice: str) -> list[str]:
    """Say how a sentence sounds, in phonemes: a line for each of its parts."""
    command = (PROGRAM, "-q", "--ipa", "-v", voice, "-b", "1", "--stdin")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(SPELLING):
            told, _ = await process.communicate(_plain(text).encode("utf-8", "replace"))
    except TimeoutError:
        raise EngineError("timeout", "espeak-ng says nothing") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise EngineError("engine", f"espeak-ng ended with {process.returncode}")
    return [line.strip() for line in told.decode("utf-8", "replace").splitlines() if line.strip()]
