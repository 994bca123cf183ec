"""
Kyutai's voices on a GPU: `moshi-server`, as Unmute uses it.

Words go in, sound comes back frame by frame, and when all was said the server closes the
connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgpack
import numpy as np
from pydantic import BaseModel, Field, SecretStr

from transcriber.audio.block import Samples
from transcriber.engines.stt.wire import Address, Http, Message, reading
from transcriber.engines.tts.base import Manner, Sound, TtsInfo, Voice, nothing
from transcriber.engines.tts.online import Online, listen
from transcriber.errors import EngineError

__all__ = ["Kyutai", "KyutaiVoiceOptions"]

USUAL = "expresso/ex03-ex01_happy_001_channel1_334s.wav"
GUIDANCE = "1.5"
"""How closely the voice is followed; what Unmute asks for."""


class KyutaiVoiceOptions(BaseModel):
    """Settings of the GPU voice."""

    url: str = Field(
        "",
        pattern=r"^(wss?://.+)?$",
        alias="KYUTAI_TTS_URL",
        description="address of Kyutai's voice server, ws://host:8089/api/tts_streaming",
    )
    key: SecretStr = Field(
        SecretStr(""),
        alias="KYUTAI_API_KEY",
        description="key of a GPU service that does not run on Modal",
    )
    voice: str = Field(
        USUAL,
        pattern=r"^\S+$",
        alias="KYUTAI_VOICE",
        description="usual voice: a file of Kyutai's collection of voices",
    )


class Kyutai(Online):
    """A connection for each text."""

    Options = KyutaiVoiceOptions
    info = TtsInfo(
        name="kyutai",
        title="Kyutai TTS on a GPU (moshi-server)",
        languages=("en", "fr"),
        models=("tts-1.6b-en_fr",),
        voices=(Voice(USUAL),),
        more_voices=r"[\w./+-]+\.(wav|mp3|safetensors)|[\w+-]+(/[\w.+-]+)+",
        licence="CC-BY 4.0 (model by Kyutai)",
    )

    def __init__(self, options: KyutaiVoiceOptions) -> None:
        self._options = options
        self.http = Http()

    def unusable(self) -> str:
        """Say what is missing."""
        return "" if self._options.url else "no address: set KYUTAI_TTS_URL"

    def voiceprint(self, manner: Manner) -> str:
        """The language is that of the text; the voice has an accent."""
        return f"{self._options.url} {self.info.voice(manner, self._options.voice)}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        if not text.strip():
            yield nothing()
            return
        voice = self.info.voice(manner, self._options.voice)
        params = {"voice": voice, "format": "PcmMessagePack", "cfg_alpha": GUIDANCE}
        headers = {"kyutai-api-key": self._options.key.get_secret_value()}
        address = Address(self._options.url, params, headers)
        async with listen(self.http, address, Stream(text)) as sound:
            yield sound


class Stream:
    """One text on `/api/tts_streaming`."""

    def __init__(self, text: str) -> None:
        self.over = False
        self.closes = True
        self._text = text

    def say(self) -> Iterable[Message]:
        """All words, and that there are no more."""
        yield msgpack.packb({"type": "Text", "text": self._text})
        yield msgpack.packb({"type": "Eos"})

    def heard(self, message: Message) -> Samples | None:
        """Understand a message."""
        with reading():
            match msgpack.unpackb(message):
                case {"type": "Audio", "pcm": list(pcm)}:
                    return np.array(pcm, np.float32)
                case {"type": "Error", "message": str(problem)}:
                    full = "no free" in problem
                    raise EngineError("busy" if full else "engine", problem)
        return None
