"""
IBM Watson's voices: a request for each text, whose answer is read while it is still being made.

A text is taken for XML there, so what could be markup is written as what it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from pydantic import Field, SecretStr

from transcriber.audio.block import RATE
from transcriber.engines.ibm import Counter, Tokens
from transcriber.engines.stt.wire import Http
from transcriber.engines.tts.base import Manner, Sound, TtsInfo, Voice, nothing
from transcriber.engines.tts.online import Online, Post, request, sound

__all__ = ["Ibm", "IbmVoiceOptions"]

VOICES = tuple(
    Voice(f"{name}V3Voice", (name[:2],))
    for name in (
        *("en-US_Allison", "de-DE_Birgit", "es-ES_Laura", "fr-FR_Renee", "it-IT_Francesca"),
        *("ja-JP_Emi", "ko-KR_Jin", "nl-NL_Merel", "pt-BR_Isabela"),
    )
)


class IbmVoiceOptions(Counter):
    """Settings of IBM Watson's voices."""

    key: SecretStr = Field(
        SecretStr(""), alias="IBM_TTS_API_KEY", description="key of IBM Watson Text to Speech"
    )
    url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        alias="IBM_TTS_URL",
        description="address of your instance of it, as IBM Cloud shows it beside the key",
    )


class Ibm(Online):
    """A request for each text, one token for all."""

    Options = IbmVoiceOptions
    info = TtsInfo(
        name="ibm",
        title="IBM Watson Text to Speech",
        languages=tuple(voice.languages[0] for voice in VOICES),
        voices=VOICES,
        more_voices=r"[a-z]{2}-[A-Z]{2}_\w+",
        licence="commercial service",
    )

    def __init__(self, options: IbmVoiceOptions) -> None:
        self._options = options
        self.http = Http()
        self._tokens = Tokens(self.http, options.tokens, options.key)

    def unusable(self) -> str:
        """Say what is missing."""
        return self._options.lacking

    def voiceprint(self, manner: Manner) -> str:
        """A voice brings its language."""
        return f"{self._options.url} {self.info.voice(manner)}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        if not text.strip():
            yield nothing()
            return
        query = urlencode({"voice": self.info.voice(manner)})
        headers = {
            "Authorization": f"Bearer {await self._tokens.token()}",
            "Accept": f"audio/l16;rate={RATE}",
        }
        url = f"{self._options.url.rstrip('/')}/v1/synthesize?{query}"
        async with (
            request(self.http, Post(url, {"text": escape(text)}, headers)) as answer,
            aclosing(sound(answer, RATE)) as pieces,
        ):
            yield pieces
