"""
The embedded recogniser: on this machine's own processor, without any account.

English needs no more than the installed packages: Moonshine. Other models are fetched when they
are first wanted; until one is there, whoever needs it is told how far it is, and other engines
may serve. All speakers share the models and a few threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, Field, field_validator

from transcriber import aio
from transcriber.engines.models import MODELS, SOURCE, Kind, Model, hears
from transcriber.engines.segments import RATE, Rules, Said, Work
from transcriber.engines.shelf import Shelf
from transcriber.engines.stt import moonshine, sherpa
from transcriber.engines.stt.base import EngineInfo, Progress, StreamOptions
from transcriber.engines.stt.flowing import FlowStream
from transcriber.engines.stt.moonshine import Moonshine
from transcriber.engines.stt.sherpa import BARE, FILES, Flowing, Loaded
from transcriber.engines.stt.turns import Turns
from transcriber.engines.stt.utterances import UtteranceStream
from transcriber.engines.vad import Silero, installed
from transcriber.errors import EngineError
from transcriber.paths import GivenPath

__all__ = ["Local", "LocalOptions"]

MOONSHINE = "moonshine-tiny-en"
"""The model that comes with the installation."""
LOADING = "loading the embedded recogniser"
SOON = 15.0
"""Seconds after which it is worth asking again for a model that is being fetched."""

log = structlog.get_logger(__name__)


class LocalOptions(BaseModel):
    """Settings of the embedded recogniser."""

    models: str = Field(
        MOONSHINE,
        alias="LOCAL_MODELS",
        description="models of the embedded recogniser, separated by commas; the first that knows a"
        " language hears it: names that `transcriber engines` lists, or KIND=FOLDER",
    )
    model_dir: GivenPath | None = Field(
        None,
        alias="LOCAL_MODEL_DIR",
        description="folder of the Moonshine model; empty: the installed package",
    )
    folder: GivenPath = Field(
        Path("~/.cache/transcriber/models"),
        validate_default=True,
        alias="LOCAL_MODEL_FOLDER",
        description="where fetched models are kept, or unpacked by hand",
    )
    source: str = Field(
        SOURCE,
        pattern=r"^https?://.+$",
        alias="LOCAL_MODEL_SOURCE",
        description="where models are fetched from: their makers, or a mirror of one's own",
    )
    download: bool = Field(
        True,
        alias="LOCAL_MODEL_DOWNLOAD",
        description="whether models that are not there are fetched",
    )
    threads: int = Field(
        2, ge=1, le=64, alias="LOCAL_THREADS", description="utterances recognised at the same time"
    )
    partial: float = Field(
        0.5,
        ge=0,
        le=5,
        alias="LOCAL_PARTIAL_SECONDS",
        description="seconds between partial results of the embedded recogniser; 0 for none",
    )

    @field_validator("models")
    @classmethod
    def _known(cls, models: str) -> str:
        for name in _names(models):
            kind, separator, folder = name.partition("=")
            if separator and (kind not in FILES or not folder):
                raise ValueError(f"{name} must be one of {', '.join(FILES)}, = and a folder")
            if not separator and name not in (MOONSHINE, *MODELS):
                raise ValueError(f"there is no {name}, but {', '.join((MOONSHINE, *MODELS))}")
        if not _names(models):
            raise ValueError("name at least one model")
        return models


@dataclass(frozen=True, slots=True)
class Choice:
    """One model that the settings name: ours, one to be fetched, or somebody's in a folder."""

    name: str
    languages: tuple[str, ...]
    bare: bool = False
    """Whether it writes words without capitals and full stops."""
    model: Model | None = None
    kind: Kind | None = None
    folder: Path = Path()


class Local:
    """Some models and Silero, loaded once for everybody."""

    Options = LocalOptions
    info = EngineInfo(
        name="local",
        title="Embedded recogniser (Moonshine; Whisper, Parakeet, SenseVoice, Zipformer, Vosk)",
        languages=("en",),
        models=(MOONSHINE, *MODELS),
        streaming=False,
        word_times="estimated",
        network=False,
        licence="MIT; other models: their own",
        sample_rate=RATE,
    )

    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        source = options.source if options.download else ""
        self._shelf = Shelf(options.folder, source)
        self._choices = [_choice(name) for name in _names(options.models)]
        self._loaded: dict[str, Loaded | Moonshine] = {}
        self._problems: dict[str, EngineError] = {}
        self._silero: Silero | None = None
        self._turns: Turns | None = None
        self._stack = AsyncExitStack()
        languages = dict.fromkeys(code for one in self._choices for code in one.languages)
        punctuation = not all(one.bare for one in self._choices)
        self.info = replace(self.info, languages=tuple(languages), punctuation=punctuation)

    def unusable(self) -> str:
        """Say what is missing, when no model can be had."""
        wanted = {"sherpa_onnx": "sherpa-onnx", "onnxruntime": "onnxruntime"}
        wanted |= {"silero_vad": "silero-vad==6.2.3"}
        if lacking := [package for module, package in wanted.items() if not installed(module)]:
            return f"not installed: {', '.join(lacking)}; see requirements.lock"
        problems = [self._missing(choice) for choice in self._choices]
        return "; ".join(problems) if all(problems) else ""

    async def prepare(self, progress: Progress) -> None:
        """Fetch and load the models; raises `EngineError` for the first that cannot be had."""
        for choice in self._choices:
            await self._load(choice, progress)
        progress(LOADING, 1.0)

    async def wake(self, options: StreamOptions) -> None:
        """It never sleeps."""

    async def __aenter__(self) -> Self:
        """Load the models that are there; the others are fetched meanwhile."""
        absent = [one for one in self._choices if one.model and not self._shelf.has(one.model)]
        for choice in self._choices:
            if choice not in absent:
                await self._load(choice, _silently)
        self._silero = await asyncio.to_thread(Silero)
        self._turns = Turns(self._options.threads)
        for choice in absent:
            await self._stack.enter_async_context(aio.alongside(self._fetch(choice)))
        return self

    async def __aexit__(self, *failure: object) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()
        if self._turns is not None:
            await self._turns.close()
        self._silero = self._turns = None
        self._loaded.clear()

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[FlowStream | UtteranceStream]:
        """Start listening to one speaker; raises `EngineError` while the model is not there."""
        if self._turns is None or self._silero is None:
            raise EngineError("engine", "the embedded recogniser is not loaded")
        choice = self._chosen(options)
        if choice.name not in self._loaded:
            fetching = EngineError("busy", f"{choice.name} is being fetched", retry_after=SOON)
            raise self._problems.get(choice.name, fetching)
        stream = self._stream(choice, self._turns, self._silero, options)
        try:
            yield stream
        finally:
            stream.close()

    def _stream(
        self, choice: Choice, turns: Turns, silero: Silero, options: StreamOptions
    ) -> FlowStream | UtteranceStream:
        loaded = self._loaded[choice.name]
        if isinstance(loaded, Flowing):
            return FlowStream(loaded.begin(), turns, partials=options.partials)

        recogniser = loaded.listener() if isinstance(loaded, Moonshine) else loaded

        async def recognise(work: Work) -> Said:
            hear = partial(recogniser, work.audio, options.language)
            return await turns.run(hear, urgent=work.final)

        rules = Rules(partial=self._options.partial if options.partials else 0.0)
        return UtteranceStream(silero.voice(), recognise, rules, bare=choice.bare)

    def _chosen(self, options: StreamOptions) -> Choice:
        if options.model:
            able = [one for one in self._choices if one.name == options.model]
        else:
            able = [one for one in self._choices if hears(one.languages, options.language)]
        if not able:
            wanted = options.model or f"a model for {options.language}"
            remedy = "add it to LOCAL_MODELS"
            raise EngineError("bad_request", f"{wanted} is not there", remedy=remedy)
        return able[0]

    def _missing(self, choice: Choice) -> str:
        if choice.model:
            return self._shelf.missing(choice.model)
        if choice.kind:
            return "" if choice.folder.is_dir() else f"there is no folder {choice.folder}"
        try:
            moonshine.find(self._options.model_dir)
        except EngineError as missing:
            return str(missing)
        return ""

    async def _load(self, choice: Choice, progress: Progress) -> None:
        if choice.name in self._loaded:
            return
        progress(LOADING, 0.0)
        loaded: Loaded | Moonshine
        if choice.model:
            folder = await self._shelf.fetch(choice.model, progress)
            loaded = await asyncio.to_thread(sherpa.load, choice.model.kind, folder)
        elif choice.kind:
            await asyncio.to_thread(sherpa.probe, choice.kind, choice.folder)
            loaded = await asyncio.to_thread(sherpa.load, choice.kind, choice.folder)
        else:
            files = await asyncio.to_thread(moonshine.find, self._options.model_dir)
            loaded = await asyncio.to_thread(Moonshine, files)
        self._loaded[choice.name] = loaded

    async def _fetch(self, choice: Choice) -> None:
        """Fetch and load a model, trying again as long as that can help."""
        for pause in aio.backoff(base=5.0, limit=300.0):
            try:
                await self._load(choice, _silently)
            except EngineError as problem:
                self._problems[choice.name] = problem
                log.warning("model cannot be had", model=choice.name, problem=str(problem))
                if not problem.retryable:
                    return
                await asyncio.sleep(pause)
            else:
                self._problems.pop(choice.name, None)
                return


def _names(models: str) -> list[str]:
    return [name.strip() for name in models.split(",") if name.strip()]


def _choice(name: str) -> Choice:
    if name == MOONSHINE:
        return Choice(name, ("en",))
    if model := MODELS.get(name):
        return Choice(name, model.languages, not model.punctuation, model)
    kind, _, folder = name.partition("=")
    found = next(one for one in FILES if one == kind)
    return Choice(name, ("*",), found in BARE, kind=found, folder=Path(folder))


def _silently(what: str, done: float) -> None:
    """Nobody waits for it."""
