"""
Piper: voices for many languages, made on this machine's own processor.

A voice is a model and its description, in a file that somebody names or that is fetched when it is
first wanted; until it is there, other engines may speak. How a sentence sounds is asked of
espeak-ng, a program of its own; a few threads make sound of that for everybody.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import structlog
from pydantic import BaseModel, Field

from transcriber import aio
from transcriber.audio.block import RATE, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.tts import espeak
from transcriber.engines.tts.base import Manner, Progress, Sound, TtsInfo, Voice
from transcriber.engines.tts.phonemes import marked, numbered
from transcriber.engines.tts.piper_voices import SOURCE, VOICES, described_in, fetch, there
from transcriber.engines.tts.sentences import sentences
from transcriber.engines.vad import installed
from transcriber.errors import EngineError
from transcriber.paths import GivenPath

__all__ = ["Piper", "PiperOptions"]

THREADS = 2
"""Sentences that are made at the same time."""
SOON = 15.0
"""Seconds after which it is worth asking again for a voice that is being fetched."""
USUAL = {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8}
"""Of a voice whose description does not tell."""
EXAMPLE = "de_DE-thorsten-medium"

log = structlog.get_logger(__name__)


class PiperOptions(BaseModel):
    """Settings of Piper."""

    voices: str = Field(
        "",
        alias="PIPER_VOICES",
        description="voices of Piper, separated by commas: names that `transcriber engines` lists,"
        " or .onnx files with their .onnx.json beside them",
    )
    folder: GivenPath = Field(
        Path("~/.cache/transcriber/voices"),
        validate_default=True,
        alias="PIPER_FOLDER",
        description="where fetched voices of Piper are kept, or put by hand",
    )
    source: str = Field(
        SOURCE,
        pattern=r"^(https?://.+)?$",
        alias="PIPER_SOURCE",
        description="where voices of Piper are fetched from; empty: nowhere",
    )


class Piper:
    """Some voices, loaded once for everybody."""

    Options = PiperOptions
    info = TtsInfo(
        name="piper",
        title="Piper, good voices for many languages",
        languages=("*",),
        models=tuple(VOICES),
        speeds=(0.5, 2.0),
        streaming=False,
        network=False,
        licence="that of each voice",
    )

    def __init__(self, options: PiperOptions) -> None:
        self._source = options.source
        names = [name.strip() for name in options.voices.split(",") if name.strip()]
        places = [_place(name, options.folder) for name in names]
        self._places = {place.name.removesuffix(".onnx"): place for place in places}
        self._models: dict[str, Model] = {}
        self._problems: dict[str, EngineError] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._stack = AsyncExitStack()
        if voices := [Voice(name, _languages(name)) for name in self._places]:
            known = dict.fromkeys(language for one in voices for language in one.languages)
            self.info = replace(self.info, voices=tuple(voices), languages=tuple(known))

    def unusable(self) -> str:
        """Say what is missing."""
        if not installed("onnxruntime"):
            return "not installed: onnxruntime; see requirements.lock"
        if not shutil.which(espeak.PROGRAM):
            return "not installed: apt-get install espeak-ng"
        if not self._places:
            return f"no voices: set PIPER_VOICES, for example to {EXAMPLE}"
        return "; ".join(filter(None, map(self._missing, self._places)))

    async def prepare(self, progress: Progress) -> None:
        """Fetch and load the voices; raises `EngineError` for the first that cannot be had."""
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        for name in self._places:
            await self._load(name, progress)
        progress("Piper ready", 1.0)

    async def __aenter__(self) -> Self:
        """Load the voices that are there; the others are fetched meanwhile."""
        if problem := self.unusable():
            raise EngineError("unusable", problem)
        self._pool = ThreadPoolExecutor(THREADS, "piper")
        for name, place in self._places.items():
            if there(place):
                await self._load(name, _silently)
            else:
                await self._stack.enter_async_context(aio.alongside(self._fetch(name)))
        return self

    async def __aexit__(self, *failure: object) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()
        pool, self._pool = self._pool, None
        self._models.clear()
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    def voiceprint(self, manner: Manner) -> str:
        """The file makes the voice."""
        name = self.info.voice(manner)
        return f"{self._places.get(name, name)} {manner.speed:g}"

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something, sentence by sentence; raises `EngineError` while the voice is fetched."""
        self.info.demand(manner)
        if self._pool is None:
            raise EngineError("engine", "Piper is not loaded")
        name = self.info.voice(manner)
        if name not in self._models:
            fetching = EngineError("busy", f"{name} is being fetched", retry_after=SOON)
            raise self._problems.get(name, fetching)
        async with aclosing(_said(self._pool, self._models[name], text, manner.speed)) as sound:
            yield sound

    def _missing(self, name: str) -> str:
        place = self._places[name]
        if there(place) or (self._source and name in VOICES):
            return ""
        return f"there is no voice {name}: no {place} with its .json, and it cannot be fetched"

    async def _load(self, name: str, progress: Progress) -> None:
        if name not in self._models:
            place = self._places[name]
            if not there(place):
                await fetch(VOICES[name], place, self._source, progress)
            self._models[name] = await asyncio.to_thread(Model, place)

    async def _fetch(self, name: str) -> None:
        """Fetch and load a voice, trying again as long as that can help."""
        for pause in aio.backoff(base=5.0, limit=300.0):
            try:
                await self._load(name, _silently)
            except EngineError as problem:
                self._problems[name] = problem
                log.warning("voice cannot be had", voice=name, problem=str(problem))
                if not problem.retryable:
                    return
                await asyncio.sleep(pause)
            else:
                return


@dataclass(frozen=True, slots=True)
class Description:
    """What the file beside a model says."""

    rate: int
    table: Mapping[str, Sequence[int]]
    spoken: str
    """What espeak-ng calls the language; nothing for a voice that takes letters."""
    scales: tuple[float, float, float]
    """How much its noise, its length and the noise of its rhythm are."""
    speakers: int

    @classmethod
    def read(cls, path: Path) -> Description:
        """Raises `EngineError` for what is none."""
        try:
            told = json.loads(path.read_bytes())
            scales = USUAL | told.get("inference", {})
            letters = told.get("phoneme_type", "espeak") == "text"
            numbers = told["phoneme_id_map"].items()
            return cls(
                rate=int(told["audio"]["sample_rate"]),
                table={one: [int(number) for number in some] for one, some in numbers},
                spoken="" if letters else str(told["espeak"]["voice"]),
                scales=(
                    float(scales["noise_scale"]),
                    float(scales["length_scale"]),
                    float(scales["noise_w"]),
                ),
                speakers=int(told.get("num_speakers", 1)),
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise EngineError("unusable", f"{path} does not describe a Piper voice") from error


class Model:
    """A loaded voice; calling it makes sound and keeps a thread busy meanwhile."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self.description = Description.read(described_in(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # what it raises has no kind in common
            raise EngineError("unusable", f"{path} is no Piper voice") from error

    async def numbers(self, sentence: str) -> list[int]:
        """How a sentence sounds, as the voice wants it."""
        told = self.description
        if told.spoken:
            lines = await espeak.spelled(sentence, told.spoken)
            return numbered(marked(sentence, lines), told.table)
        return numbered(sentence.lower(), told.table)

    def __call__(self, numbers: Sequence[int], speed: float) -> Samples:
        """Make the sound of a sentence."""
        noise, length, rhythm = self.description.scales
        feed: dict[str, Any] = {
            "input": np.array([numbers], np.int64),
            "input_lengths": np.array([len(numbers)], np.int64),
            "scales": np.array([noise, length / speed, rhythm], np.float32),
        }
        if self.description.speakers > 1:
            feed["sid"] = np.array([0], np.int64)
        samples: Samples = self._session.run(None, feed)[0].reshape(-1)
        return samples / max(1.0, float(np.abs(samples).max(initial=0.0)))


async def _said(
    pool: ThreadPoolExecutor, model: Model, text: str, speed: float
) -> AsyncGenerator[Samples]:
    loop = asyncio.get_running_loop()
    for sentence in sentences(text):
        if not any(map(str.isalnum, sentence)):
            continue
        numbers = await model.numbers(sentence)
        resampler = Resampler(model.description.rate, RATE)
        try:
            made = await loop.run_in_executor(pool, model, numbers, speed)
        except Exception as error:
            raise EngineError("engine", f"cannot say that: {type(error).__name__}") from error
        samples = np.concatenate([resampler.push(made), resampler.flush()])
        if len(samples):
            yield samples


def _place(name: str, folder: Path) -> Path:
    """A file that somebody names, or the place of a voice with a name."""
    return Path(name).expanduser() if name.endswith(".onnx") else folder / f"{name}.onnx"


def _languages(name: str) -> tuple[str, ...]:
    """Of a voice called as all of them are, `de_DE-thorsten-medium`; any, of others."""
    language = name.partition("_")[0]
    return (language,) if language.isalpha() and 2 <= len(language) <= 3 else ("*",)


def _silently(what: str, done: float) -> None:
    """Nobody waits for it."""
