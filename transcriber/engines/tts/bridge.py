"""
Voices of providers for whom others keep a client: the plugins of livekit-agents.

Two things are done here because plugins do not: a text is never taken for markup, and errors say
whether trying again helps. A client is made for each text, as its voice is a setting of the client;
the connections behind it are shared where the plugin lets us.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self
from xml.sax.saxutils import escape

import aiohttp
from pydantic import BaseModel, SecretStr

from transcriber.audio.block import Samples
from transcriber.engines.plugins import CONNECTING, Bridged, Plugin, explained
from transcriber.engines.tts.base import Manner, Sound, Tts, TtsInfo, Voice, nothing
from transcriber.engines.tts.pcm import Pcm
from transcriber.errors import EngineError

__all__ = ["Provider", "bridged"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A plugin that speaks: which of its arguments take what somebody wishes."""

    plugin: Plugin
    usual: Voice
    """Who speaks when nobody is named."""
    voice: str = "voice"
    language: str = ""
    """Nothing: the voice brings its language."""
    named: Callable[[str], object] = str
    """Makes a voice's name what the plugin wants."""
    plain: Callable[[str], str] = lambda text: text.replace("<", " ").replace(">", " ")
    """Keeps a text from being taken for markup."""

    @property
    def info(self) -> TtsInfo:
        """What it can do."""
        return TtsInfo(
            name=self.plugin.name,
            title=f"{self.plugin.title} (through {self.plugin.package})",
            languages=("*",),
            voices=(self.usual,),
            more_voices=".+",
            licence="commercial service",
        )


class BridgedTts(Bridged, Protocol):
    """A voice made of a plugin."""

    provider: Provider
    info: TtsInfo

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._disconnect()

    def voiceprint(self, manner: Manner) -> str:
        """Everything that the client is told, but for keys."""
        told = {name: v for name, v in self._options if not isinstance(v, SecretStr)}
        return json.dumps(told | self._wishes(manner), sort_keys=True, default=str)

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        if self._http is None:
            raise EngineError("engine", "the engine has not been entered")
        wishes = self._wishes(manner)
        if not any(map(str.isalnum, text)):
            yield nothing()
            return
        from livekit.agents import APIConnectOptions
        from livekit.agents.utils import http_context

        once = APIConnectOptions(max_retry=0, timeout=CONNECTING)
        async with AsyncExitStack() as stack:
            if not self._shares:
                await stack.enter_async_context(http_context.open())
            client = self._client(**wishes)
            stack.push_async_callback(client.aclose)
            making = client.synthesize(self.provider.plain(text), conn_options=once)
            stack.push_async_callback(making.aclose)
            yield await stack.enter_async_context(aclosing(_sound(making)))

    def _wishes(self, manner: Manner) -> dict[str, Any]:
        provider = self.provider
        settings = dict(self._options)
        name = self.info.voice(manner, settings[provider.voice])
        if not name:
            wanted = next(
                one for one, what in self.plugin.settings.items() if what == provider.voice
            )
            problem = f"{self.info.name} has no usual voice for {manner.language}"
            raise EngineError("bad_request", problem, remedy=f"name one, or set {wanted}")
        language = {provider.language: manner.language} if provider.language else {}
        return {provider.voice: provider.named(name), **language}


async def _sound(making: Any) -> AsyncGenerator[Samples]:
    from livekit.agents import APIError

    pcm = None
    try:
        async for made in making:
            pcm = pcm or Pcm(made.frame.sample_rate)
            if len(samples := pcm.push(bytes(made.frame.data))):
                yield samples
    except APIError as error:
        raise explained(error) from error
    if pcm and len(samples := pcm.flush()):
        yield samples


def bridged(provider: Provider) -> type[Tts]:
    """Make an engine of a plugin."""

    class Engine(BridgedTts):
        info = provider.info
        Options = provider.plugin.options()

        def __init__(self, options: BaseModel) -> None:
            self.plugin, self.provider = provider.plugin, provider
            self._options = options
            self._http: aiohttp.ClientSession | None = None

    return Engine


def _keyed(name: str, title: str, usual: Voice, **more: Any) -> type[Tts]:
    """An engine that wants a key, and may be told its usual voice."""
    upper = name.upper()
    argument = more.get("voice", "voice")
    settings = {f"{upper}_API_KEY": "api_key", f"{upper}_VOICE": argument}
    extra = more.pop("extra", {})
    plugin = Plugin(name, title, settings, (f"{upper}_API_KEY",), extra, kind="TTS")
    return bridged(Provider(plugin, usual, **more))


cartesia = _keyed(
    "cartesia", "Cartesia", Voice("f786b574-daa5-4673-aa0c-cbe3e8534c02"), language="language"
)
deepgram = _keyed("deepgram", "Deepgram Aura", Voice("aura-2-andromeda-en", ("en",)), voice="model")
gnani = _keyed("gnani", "Gnani Vachana", Voice("Pranav", ("en", "hi")))
hume = _keyed(
    "hume", "Hume Octave", Voice("Male English Actor", ("en",)),
    named=lambda name: {"name": name, "provider": "HUME_AI"},
)  # fmt: skip
lmnt = _keyed("lmnt", "LMNT voices", Voice("leah"), language="language")
azure = bridged(
    Provider(
        Plugin(
            "azure",
            "Azure Speech",
            {
                "AZURE_SPEECH_KEY": "speech_key",
                "AZURE_SPEECH_REGION": "speech_region",
                "AZURE_SPEECH_VOICE": "voice",
            },
            ("AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"),
            kind="TTS",
        ),
        Voice("en-US-JennyNeural", ("en",)),
        plain=escape,
    )
)
aws = bridged(
    Provider(
        Plugin(
            "aws",
            "AWS Polly",
            {"AWS_REGION": "region", "AWS_POLLY_VOICE": "voice"},
            ("AWS_REGION",),
            extra={"sample_rate": 24_000},
            kind="TTS",
            python=(3, 12),
        ),
        Voice("Ruth", ("en",)),
    )
)  # its plugin finds the credentials where AWS's own tools do
