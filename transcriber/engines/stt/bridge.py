"""
The providers for whom others keep a client: the plugins of livekit-agents, as recognisers here.

A plugin is an extra that is installed when it is wanted; without it the engine says so and
everything else works. Four things are done here because plugins do not: audio waits in a bounded
backlog (theirs has no bound), failures are told at once (theirs tries again by itself, without
the audio it had), every utterance is announced, and errors say whether trying again helps.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Protocol, Self

import aiohttp
from pydantic import BaseModel, Field, SecretStr, create_model

from transcriber import aio
from transcriber.audio.block import RATE, SAMPLES, SECONDS
from transcriber.audio.wav import pcm16
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    Progress,
    SpeechStarted,
    StreamOptions,
    Stt,
    Word,
)
from transcriber.engines.stt.wire import PATIENCE, Intake, refusal
from transcriber.errors import EngineError, EngineProblem

__all__ = ["Plugin", "PluginStream", "bridged"]

AHEAD = 10
"""Frames in the plugin's own queue from which on it counts as behind."""
LOOK = 0.02
"""Seconds between looks at that queue: it cannot be waited for."""
CONNECTING = 10.0
"""Seconds for a plugin to connect."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One provider: where its plugin is and what it must be told."""

    name: str
    title: str
    settings: Mapping[str, str]
    """By the name of the setting: the argument it becomes. Names with KEY in them are secrets."""
    required: tuple[str, ...]
    """Settings without which it cannot work."""
    languages: tuple[str, ...] = ("*",)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are always the same."""
    word_times: Literal["none", "exact"] = "exact"
    kind: str = "STT"

    @property
    def package(self) -> str:
        """What to install."""
        return f"livekit-plugins-{self.name}"

    @property
    def info(self) -> EngineInfo:
        """What it can do."""
        return EngineInfo(
            name=self.name,
            title=f"{self.title} (through {self.package})",
            languages=self.languages,
            word_times=self.word_times,
            confidence=True,
            licence="commercial service",
        )

    def options(self) -> type[BaseModel]:
        """Make the model of its settings."""
        fields: dict[str, Any] = {}
        for setting, argument in self.settings.items():
            secret = "KEY" in setting
            what = "key" if secret else argument.replace("_", " ")
            default = SecretStr("") if secret else ""
            described = Field(default, alias=setting, description=f"{self.title}: {what}")
            fields[argument] = (SecretStr if secret else str, described)
        return create_model(f"{self.name.capitalize()}Options", **fields)


class Bridged(Protocol):
    """An engine made of a plugin."""

    plugin: Plugin
    _options: BaseModel
    _engine: Any
    _http: aiohttp.ClientSession | None

    def unusable(self) -> str:
        """Say what is missing."""
        values = self._arguments()
        lacking = [name for name in self.plugin.required if not values[self.plugin.settings[name]]]
        if lacking:
            return f"not configured: set {' and '.join(lacking)}"
        if not _installed(self.plugin.package):
            return f"not installed: pip install '{self.plugin.package}==1.8.*'"
        return ""

    async def prepare(self, progress: Progress) -> None:
        """Import the plugin, which takes seconds and must happen in the main thread."""
        progress(f"loading {self.plugin.package}", 0.0)
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        importlib.import_module(f"livekit.plugins.{self.plugin.name}")
        logging.getLogger("livekit").setLevel(logging.CRITICAL)
        progress(f"{self.plugin.name} ready", 1.0)

    async def wake(self, options: StreamOptions) -> None:
        """They never sleep."""
        return

    async def __aenter__(self) -> Self:
        await self.prepare(lambda what, done: None)
        module = importlib.import_module(f"livekit.plugins.{self.plugin.name}")
        kind = getattr(module, self.plugin.kind)
        arguments: dict[str, Any] = {name: v for name, v in self._arguments().items() if v}
        if "http_session" in kind.__init__.__kwdefaults__:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            arguments["http_session"] = self._http
        self._engine = kind(**arguments, **self.plugin.extra)
        return self

    async def __aexit__(self, *failure: object) -> None:
        engine, http = self._engine, self._http
        self._engine = self._http = None
        await engine.aclose()
        if http is not None:
            await http.close()

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

    def _arguments(self) -> dict[str, str]:
        values = dict(self._options)
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in values.items()
        }


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
            raise _problem(error) from error
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


def _installed(package: str) -> bool:
    """Look a package up without importing anything of it."""
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _problem(error: Any) -> EngineError:
    """Say what an error of a plugin means for us."""
    from livekit.agents import APIStatusError, APITimeoutError

    if isinstance(error, APIStatusError) and error.status_code > 0:
        return refusal(error.status_code, {}, "")
    kind: EngineProblem = "timeout" if isinstance(error, APITimeoutError) else "network"
    return EngineError(kind if error.retryable else "bad_request", str(error.message))


def bridged(plugin: Plugin) -> type[Stt]:
    """Make an engine of a plugin."""

    class Engine(Bridged):
        info = plugin.info
        Options = plugin.options()

        def __init__(self, options: BaseModel) -> None:
            self.plugin = plugin
            self._options = options
            self._engine = self._http = None

    return Engine


def _keyed(name: str, title: str, **more: Any) -> type[Stt]:
    """An engine that wants a key, and may be told another address."""
    upper = name.upper()
    settings = {f"{upper}_API_KEY": "api_key", f"{upper}_BASE_URL": "base_url"}
    return bridged(Plugin(name, title, settings, (f"{upper}_API_KEY",), **more))


assemblyai = _keyed("assemblyai", "AssemblyAI")
cartesia = _keyed("cartesia", "Cartesia", word_times="none")
elevenlabs = _keyed("elevenlabs", "ElevenLabs", extra={"use_realtime": True}, word_times="none")
gladia = _keyed("gladia", "Gladia")
soniox = _keyed("soniox", "Soniox")
speechmatics = _keyed("speechmatics", "Speechmatics", extra={"include_partials": True})
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
        word_times="none",
    )
)
aws = bridged(
    Plugin("aws", "AWS Transcribe", {"AWS_REGION": "region"}, ("AWS_REGION",))
)  # its plugin finds the credentials where AWS's own tools do; it needs Python 3.12
