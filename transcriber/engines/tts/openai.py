"""
OpenAI's voices and everything that is compatible with them: LocalAI, speaches, Kokoro servers.

A request for each text; its answer is read while it is still being made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from pydantic import Field

from transcriber.audio.block import RATE
from transcriber.engines.openai import HOST, Account, refused
from transcriber.engines.stt.wire import Http
from transcriber.engines.tts.base import Manner, Sound, TtsInfo, Voice, nothing
from transcriber.engines.tts.online import Online, Post, request, sound
from transcriber.errors import EngineError

__all__ = ["OpenAi", "OpenAiVoiceOptions"]

NAMES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
SAMPLES = ("", "application/octet-stream", "audio/l16", "audio/pcm", "audio/x-pcm")
FILES = ("audio/wav", "audio/wave", "audio/x-wav")
"""What samples are called, without and with a header."""
STEADY = "gpt-"
"""How the names of models begin that do not know speeds."""


class OpenAiVoiceOptions(Account):
    """How texts are spoken there."""

    model: str = Field(
        "gpt-4o-mini-tts",
        pattern=r"^\S+$",
        alias="OPENAI_TTS_MODEL",
        description="model that speaks: gpt-4o-mini-tts, tts-1, tts-1-hd, ...",
    )
    voice: str = Field(
        "alloy",
        pattern=r"^\S+$",
        alias="OPENAI_TTS_VOICE",
        description="usual voice of OpenAI or of a compatible service",
    )


class OpenAi(Online):
    """A request for each text."""

    Options = OpenAiVoiceOptions
    info = TtsInfo(
        name="openai",
        title="OpenAI and compatible services (LocalAI, speaches, Kokoro)",
        languages=("*",),
        models=("gpt-4o-mini-tts", "tts-1", "tts-1-hd"),
        voices=tuple(Voice(name) for name in NAMES),
        more_voices=r"voice_\w+",
        licence="commercial service",
    )

    def __init__(self, options: OpenAiVoiceOptions) -> None:
        self._options = options
        self.http = Http()
        if options.url != HOST:
            self.info = replace(self.info, more_voices=r"\S+")
        if not options.model.startswith(STEADY):
            self.info = replace(self.info, speeds=(0.5, 2.0))

    def unusable(self) -> str:
        """Say what is missing."""
        return self._options.lacking

    def voiceprint(self, manner: Manner) -> str:
        """The service, the model, the voice and the speed."""
        ours = self._options
        return f"{ours.url} {ours.model} {self._voice(manner)} {manner.speed:g}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        if not text.strip():
            yield nothing()
            return
        body = {"model": self._options.model, "input": text, "voice": self._voice(manner)}
        body |= {"response_format": "pcm"}
        speed = {"speed": manner.speed} if manner.speed != 1.0 else {}
        post = Post(self._options.at("audio/speech"), body | speed, self._options.headers)
        async with (
            request(self.http, post, refused) as answer,
            aclosing(sound(answer, _rate(answer.headers.get("Content-Type", "")))) as pieces,
        ):
            yield pieces

    def _voice(self, manner: Manner) -> str:
        return self.info.voice(manner, self._options.voice)


def _rate(content_type: str) -> int:
    """Samples a second of the answer, which compatible services choose themselves."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in SAMPLES + FILES:
        raise EngineError("engine", f"the answer is {kind}, not samples")
    rates = [value for value in parameters if value.startswith("rate=")]
    return int(rates[0][5:]) if rates and rates[0][5:].isdigit() else RATE
