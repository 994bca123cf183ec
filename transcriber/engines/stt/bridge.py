"""
Recognisers of providers for whom others keep a client: the plugins of livekit-agents.

Four things are done here because plugins do not: audio waits in a bounded backlog (theirs has no
bound), failures are told at once (theirs tries again by itself, without the audio it had), every
utterance is announced, and errors say whether trying again helps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel

from transcriber import aio
from transcriber.audio.block import RATE, SAMPLES, SECONDS
from transcriber.audio.wav import pcm16
from transcriber.engines.plugins import CONNECTING, Bridged, Plugin, explained
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    SpeechStarted,
    StreamOptions,
    Stt,
    Word,
)
from transcriber.engines.stt.wire import PATIENCE, Intake
from transcriber.errors import EngineError

__all__ = ["PluginStream", "bridged"]

AHEAD = 10
"""Frames in the plugin's own queue from which on it counts as behind."""
LOOK = 0.02
"""Seconds between looks at that queue: it cannot be waited for."""


class BridgedStt(Bridged, Protocol):
    """A recogniser made of a plugin."""

    _engine: Any

    async def wake(self, options: StreamOptions) -> None:
        """They never sleep."""
        return

    async def __aenter__(self) -> Self:
        await self._connect()
        self._engine = self._client()
        return self

    async def __aexit__(self, *failure: object) -> None:
        engine, self._engine = self._engine, None
        await engine.aclose()
        await self._disconnect()

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[PluginStream]:
        """Start listening to one speaker; the plugin connects meanwhile."""
        if self._engine is None:
            raise EngineError("engine", "the engine has not been entered")
        from livekit.agents import APIConnectOptions

        once = APIConnectOptions(max_retry=0, timeout=CONNECTING)
        source = self._engine.stream(language=options.language, conn_options=once)
        stream = PluginStream(source, options)
        try:
            async with aio.alongside(stream.forward()):
                yield stream
        finally:
            await source.aclose()


class PluginStream(Intake):
    """One speaker's stream of a plugin."""

    def __init__(self, source: Any, options: StreamOptions) -> None:
        self._source = source
        self._partials = options.partials
        self._blocks = aio.Backlog(PATIENCE)
        self._sent = 0.0
        self._speaking = False
        self._said = 0.0

    async def forward(self) -> None:
        """Pass audio on while the plugin keeps up; one that gave up says why where it is read."""
        from livekit import rtc

        try:
            async for block in self._blocks:
                if block is None:
                    self._source.flush()
                    continue
                # The plugin's queue has no public length: that it falls behind shows only here.
                while self._source._input_ch.qsize() > AHEAD:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(LOOK)
                self._source.push_frame(rtc.AudioFrame(pcm16(block), RATE, 1, SAMPLES))
                self._sent += SECONDS
            self._source.end_input()
        except RuntimeError:
            self._blocks.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        from livekit.agents import APIError

        try:
            async for event in self._source:
                for heard in self._heard(event):
                    yield heard
        except APIError as error:
            raise explained(error) from error
        finally:
            self._blocks.close()

    def _heard(self, event: Any) -> Iterator[Heard]:
        match str(event.type.value):
            case "start_of_speech":
                yield from self._start(self._sent)
            case "interim_transcript" if event.alternatives and event.alternatives[0].text:
                start, end, words = self._times(event.alternatives[0])
                yield from self._start(start)
                if self._partials:
                    yield Partial(event.alternatives[0].text, start, end, words)
            case "final_transcript" if event.alternatives and event.alternatives[0].text:
                best = event.alternatives[0]
                start, end, words = self._times(best)
                yield from self._start(start)
                self._speaking, self._said = False, end
                confidence = best.confidence or None
                yield Final(best.text, start, end, words, str(best.language or ""), confidence)

    def _start(self, at: float) -> Iterator[Heard]:
        if not self._speaking:
            self._speaking = True
            yield SpeechStarted(max(at, self._said))

    def _times(self, best: Any) -> tuple[float, float, tuple[Word, ...]]:
        """Some providers give no times: then it was said between the last words and now."""
        words = tuple(
            Word(str(word), float(word.start_time), float(word.end_time))
            for word in best.words or ()
        )
        start, end = float(best.start_time or 0.0), float(best.end_time or 0.0)
        if words:
            return words[0].start, words[-1].end, words
        return (start, end, ()) if end > start else (self._said, self._sent, ())


def bridged(plugin: Plugin, *, word_times: Literal["none", "exact"] = "exact") -> type[Stt]:
    """Make an engine of a plugin."""

    class Engine(BridgedStt):
        info = EngineInfo(
            name=plugin.name,
            title=f"{plugin.title} (through {plugin.package})",
            languages=("*",),
            word_times=word_times,
            confidence=True,
            licence="commercial service",
        )
        Options = plugin.options()

        def __init__(self, options: BaseModel) -> None:
            self.plugin = plugin
            self._options = options
            self._engine = self._http = None

    return Engine


def _keyed(
    name: str, title: str, *, word_times: Literal["none", "exact"] = "exact", **extra: Any
) -> type[Stt]:
    """An engine that wants a key, and may be told another address."""
    upper = name.upper()
    settings = {f"{upper}_API_KEY": "api_key", f"{upper}_BASE_URL": "base_url"}
    plugin = Plugin(name, title, settings, (f"{upper}_API_KEY",), extra=extra)
    return bridged(plugin, word_times=word_times)


assemblyai = _keyed("assemblyai", "AssemblyAI")
cartesia = _keyed("cartesia", "Cartesia", word_times="none")
elevenlabs = _keyed("elevenlabs", "ElevenLabs", word_times="none", use_realtime=True)
gladia = _keyed("gladia", "Gladia")
soniox = _keyed("soniox", "Soniox")
speechmatics = _keyed("speechmatics", "Speechmatics", include_partials=True)
google = bridged(
    Plugin(
        "google",
        "Google Cloud Speech",
        {"GOOGLE_APPLICATION_CREDENTIALS": "credentials_file", "GOOGLE_STT_MODEL": "model"},
        ("GOOGLE_APPLICATION_CREDENTIALS",),
        extra={"enable_word_time_offsets": True},
    )
)
azure = bridged(
    Plugin(
        "azure",
        "Azure Speech",
        {"AZURE_SPEECH_KEY": "speech_key", "AZURE_SPEECH_REGION": "speech_region"},
        ("AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"),
    ),
    word_times="none",
)
aws = bridged(
    Plugin("aws", "AWS Transcribe", {"AWS_REGION": "region"}, ("AWS_REGION",), python=(3, 12))
)  # its plugin finds the credentials where AWS's own tools do
