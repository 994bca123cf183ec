"""
ElevenLabs: a WebSocket for each text, on which sound comes while it is being made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from transcriber.audio.block import Samples
from transcriber.engines.stt.wire import Address, Http, Message, reading
from transcriber.engines.tts.base import Manner, Sound, TtsInfo, Voice, nothing
from transcriber.engines.tts.online import Online, listen
from transcriber.engines.tts.pcm import Pcm
from transcriber.errors import EngineError, EngineProblem

__all__ = ["ElevenLabs", "ElevenLabsOptions"]

HOST = "https://api.elevenlabs.io"
LANGUAGES = (
    *("ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr", "hi", "hr", "hu", "id"),
    *("it", "ja", "ko", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk"),
    *("vi", "zh"),
)
TOLD = ("eleven_flash_v2_5", "eleven_turbo_v2_5")
"""Models that can be told the language; others find it out."""
ENGLISH = ("eleven_flash_v2", "eleven_turbo_v2", "eleven_monolingual_v1")
PROBLEMS: dict[str, EngineProblem] = {
    "invalid_api_key": "auth",
    "needs_authorization": "auth",
    "quota_exceeded": "quota",
    "voice_not_found": "bad_request",
    "voice_id_does_not_exist": "bad_request",
    "model_not_found": "bad_request",
    "too_many_concurrent_requests": "busy",
    "system_busy": "busy",
}
"""What their errors mean."""


class ElevenLabsOptions(BaseModel):
    """Settings of ElevenLabs."""

    key: SecretStr = Field(
        SecretStr(""), alias="ELEVENLABS_API_KEY", description="key of ElevenLabs"
    )
    url: str = Field("", alias="ELEVENLABS_BASE_URL", description="where ElevenLabs is")
    model: str = Field(
        "eleven_flash_v2_5",
        pattern=r"^\S+$",
        alias="ELEVENLABS_TTS_MODEL",
        description="model of ElevenLabs that speaks: eleven_flash_v2_5, eleven_multilingual_v2",
    )
    voice: str = Field(
        "JBFqnCBsd6RMkjVDRZzb",
        pattern=r"^[A-Za-z0-9]+$",
        alias="ELEVENLABS_VOICE",
        description="usual voice of ElevenLabs, by its id",
    )


class ElevenLabs(Online):
    """A connection for each text."""

    Options = ElevenLabsOptions
    info = TtsInfo(
        name="elevenlabs",
        title="ElevenLabs",
        languages=LANGUAGES,
        models=("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_multilingual_v2"),
        voices=(
            Voice("JBFqnCBsd6RMkjVDRZzb", title="George"),
            Voice("EXAVITQu4vr4xnSDxMaL", title="Sarah"),
            Voice("pNInz6obpgDQGcFmaJgB", title="Adam"),
            Voice("21m00Tcm4TlvDq8ikWAM", title="Rachel"),
        ),
        more_voices=r"[A-Za-z0-9]{20}",
        speeds=(0.7, 1.2),
        licence="commercial service",
    )

    def __init__(self, options: ElevenLabsOptions) -> None:
        self._options = options
        self.http = Http()
        if options.model in ENGLISH:
            self.info = replace(self.info, languages=("en",))

    def unusable(self) -> str:
        """Say what is missing."""
        return "" if self._options.key.get_secret_value() else "no key: set ELEVENLABS_API_KEY"

    def voiceprint(self, manner: Manner) -> str:
        """The model, the voice, and the language if it is told."""
        address = self._address(manner)
        return f"{address.url} {dict(address.params)} {manner.speed:g}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        if not text.strip():
            yield nothing()
            return
        async with listen(self.http, self._address(manner), Stream(text, manner)) as sound:
            yield sound

    def _address(self, manner: Manner) -> Address:
        ours = self._options
        host = (ours.url or HOST).rstrip("/").removesuffix("/v1").replace("http", "ws", 1)
        voice = self.info.voice(manner, ours.voice)
        params = {"model_id": ours.model, "output_format": "pcm_24000", "auto_mode": "true"}
        if ours.model in TOLD:
            params["language_code"] = manner.language.partition("-")[0]
        url = f"{host}/v1/text-to-speech/{voice}/stream-input"
        return Address(url, params, {"xi-api-key": ours.key.get_secret_value()})


class Stream:
    """One text on their `stream-input`."""

    def __init__(self, text: str, manner: Manner) -> None:
        self.over = self.closes = False
        self._text = text
        self._speed = manner.speed
        self._pcm = Pcm()

    def say(self) -> Iterable[Message]:
        """A space begins, an empty text ends; a text ends with a space, or its last word waits."""
        settings = {"voice_settings": {"speed": self._speed}} if self._speed != 1.0 else {}
        yield json.dumps({"text": " "} | settings)
        yield json.dumps({"text": f"{self._text} "})
        yield json.dumps({"text": ""})

    def heard(self, message: Message) -> Samples | None:
        """Understand a message."""
        with reading():
            event = json.loads(message)
            if event.get("error"):
                raise _problem(event)
            samples = self._pcm.push(base64.b64decode(event.get("audio") or ""))
            self.over = bool(event.get("isFinal"))
        return samples


def _problem(event: dict[str, Any]) -> EngineError:
    code = str(event["error"])
    return EngineError(PROBLEMS.get(code, "engine"), str(event.get("message") or code))
