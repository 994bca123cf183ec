"""
What everything that speaks offers.

A voice engine is chosen by name, made from its `Options`, and entered once for the process: that
is when models are loaded or connections prepared. Each text is then spoken by itself.

* Sound is 24 kHz, mono, float32, in pieces of any length, each as soon as it is made. Who stops
  listening leaves the block, and the engine stops working and costing money.
* A text is plain words. What an engine would take for markup is said or left out, never obeyed;
  a text in which there is nothing to say makes no sound, and no error.
* A wish that the engine cannot fulfil (a voice, a language, a speed) is refused, never replaced.
* An engine makes no second try and keeps nothing. When it fails it raises `EngineError`; what
  stands around all engines decides, the same way for each.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from transcriber.audio.block import Samples
from transcriber.errors import EngineError

__all__ = ["Manner", "Progress", "Sound", "Tts", "TtsInfo", "Voice", "nothing"]

Progress = Callable[[str, float], None]
"""Told what is being prepared and how far it is, from 0.0 to 1.0."""
Sound = AsyncIterator[Samples]
"""What is heard, piece by piece."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to say something; an empty voice is the engine's usual one."""

    voice: str = ""
    language: str = "en"
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who can speak; `unusable` says why they cannot here, and what to do about it."""

    name: str
    languages: tuple[str, ...] = ("*",)
    title: str = ""
    unusable: str = ""

    def speaks(self, language: str) -> bool:
        """Whether it can be understood in a language; `pt-BR` is also `pt`."""
        return _among(language, self.languages)


@dataclass(frozen=True, slots=True)
class TtsInfo:
    """What an engine can do, for people who choose and for code that fills the gaps."""

    name: str
    title: str
    languages: tuple[str, ...]
    """Codes of two letters; `*` when it speaks any."""
    models: tuple[str, ...] = ()
    voices: tuple[Voice, ...] = ()
    """Those it is known to have, the usual one first."""
    more_voices: str = ""
    """A regular expression of the names that it may know besides."""
    speeds: tuple[float, float] = (1.0, 1.0)
    """The slowest and the fastest it can speak; 1.0 is as usual."""
    streaming: bool = True
    network: bool = True
    licence: str = ""

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can do, in words."""
        slowest, fastest = self.speeds
        flags = {
            "streaming": self.streaming,
            f"speed {slowest:g}-{fastest:g}": slowest < fastest,
            "offline": not self.network,
        }
        return tuple(ability for ability, has in flags.items() if has)

    def speaks(self, language: str) -> bool:
        """Whether it knows a language; `pt-BR` is also `pt`."""
        return _among(language, self.languages)

    def knows(self, voice: str) -> bool:
        """Whether a voice is, or may be, one of its own."""
        named = any(one.name == voice for one in self.voices)
        return named or bool(self.more_voices and re.fullmatch(self.more_voices, voice))

    def able(self, manner: Manner) -> bool:
        """Whether it can speak like that."""
        return not self._unable(manner)

    def demand(self, manner: Manner) -> None:
        """Raise `EngineError` with what is wrong, unless it can speak like that."""
        if problem := self._unable(manner):
            raise EngineError("bad_request", f"{self.name} {problem}")

    def voice(self, manner: Manner, usual: str = "") -> str:
        """Whose voice it is: as wished, or `usual`, or the first that speaks the language."""
        return manner.voice or usual or next(iter(self._voices(manner.language)), "")

    def _unable(self, manner: Manner) -> str:
        slowest, fastest = self.speeds
        if not self.speaks(manner.language):
            return f"does not speak {manner.language}; choose one of {', '.join(self.languages)}"
        if manner.voice and not self.knows(manner.voice):
            known = ", ".join(self._voices(manner.language))
            return f"has no voice {manner.voice}; choose one of {known}"
        if any(one.name == manner.voice and not one.speaks(manner.language) for one in self.voices):
            known = ", ".join(self._voices(manner.language))
            return f"does not speak {manner.language} as {manner.voice}; choose one of {known}"
        if not slowest <= manner.speed <= fastest:
            return f"speaks at speeds from {slowest:g} to {fastest:g}, not {manner.speed:g}"
        return ""

    def _voices(self, language: str) -> list[str]:
        return [one.name for one in self.voices if one.speaks(language)]


class Tts(Protocol):
    """An engine that can say many things at once; `async with` loads and frees it."""

    info: TtsInfo
    Options: Any
    """A pydantic model of its settings; a field's alias is the setting's name."""

    def __init__(self, options: Any) -> None: ...

    def unusable(self) -> str:
        """Say why it cannot work here and what to do about it; empty when it can."""

    async def prepare(self, progress: Progress) -> None:
        """Load or fetch what takes time. Entering does the same, without telling anybody."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    def speak(self, text: str, manner: Manner) -> AbstractAsyncContextManager[Sound]:
        """Say something."""

    def voiceprint(self, manner: Manner) -> str:
        """Everything but the text that makes a difference to what is heard."""


async def nothing() -> AsyncGenerator[Samples]:
    """What is heard of a text in which there is nothing to say."""
    return
    yield  # so that this is a generator


def _among(language: str, known: tuple[str, ...]) -> bool:
    return "*" in known or language in known or language.partition("-")[0] in known
