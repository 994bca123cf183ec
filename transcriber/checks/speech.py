"""Who listens, who speaks, who writes: each does the least of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial

from pydantic import BaseModel

from dialogs.errors import ModelFailed
from dialogs.ports import Prompt
from transcriber.app import recogniser, speaker
from transcriber.app.models import models
from transcriber.app.selftest import try_out
from transcriber.audio.block import silence
from transcriber.checks.verdict import Verdict
from transcriber.config import Settings
from transcriber.engines.stt.base import StreamOptions
from transcriber.engines.stt.policy import Policy
from transcriber.errors import EngineError, Misconfigured
from transcriber.store import StoreFailed

__all__ = ["engines", "hears", "language", "model", "sentence", "voice"]

PATIENCE = 150.0
"""Seconds for an engine to answer: a cold GPU may take two minutes."""
BLAME: dict[str, set[str]] = {"auth": {"KEY", "SECRET"}, "network": {"URL"}}
"""By what an engine failed with: words in the names of those of its settings that are to blame."""
GREETING = Prompt([{"role": "user", "content": "Say yes."}])


def engines(settings: Settings) -> Iterator[Callable[[Settings], Awaitable[Verdict]]]:
    """One check for each engine of the policy."""
    try:
        names = Policy.parse(settings.speech.engine).engines
    except Misconfigured:
        names = (settings.speech.engine,)
    return (partial(hears, name) for name in names)


async def hears(name: str, settings: Settings) -> Verdict:
    """Open a stream, and let it hear a moment of silence."""
    what = f"recogniser {name}"
    try:
        stt = recogniser(settings, name)
        if problem := stt.unusable():
            return Verdict(what, "ASR_BACKEND", problem)
        async with asyncio.timeout(PATIENCE), stt, stt.open(StreamOptions()) as stream:
            stream.push(silence())
            stream.close()
            async for _ in stream:
                pass
    except EngineError as error:
        return Verdict(what, _blamed(error, settings.engines[name], "ASR_BACKEND"), str(error))
    except Misconfigured as error:
        return Verdict(what, "ASR_BACKEND", str(error))
    except TimeoutError:
        return Verdict(what, "ASR_BACKEND", f"no answer within {PATIENCE:.0f} seconds")
    return Verdict(what, "ASR_BACKEND")


def _blamed(error: EngineError, options: BaseModel, chosen: str) -> str:
    """Name the settings of an engine that are to blame, or the one that chose it."""
    words = BLAME.get(error.kind, set())
    names = [field.alias or "" for field in type(options).model_fields.values()]
    return ", ".join(name for name in names if words & {*name.split("_")}) or chosen


async def language(settings: Settings) -> Verdict:
    """Look whether anybody hears the usual language."""
    language, policy = settings.speech.language, settings.speech.engine
    verdict = Verdict(f"language {language}", "ASR_LANGUAGE")
    try:
        names = Policy.parse(policy).order(language)
        known = sorted(
            {code for name in names for code in recogniser(settings, name).info.languages}
        )
    except Misconfigured:
        return verdict
    if "*" in known or language.partition("-")[0] in known:
        return verdict
    problem = f"{policy} does not hear {language}; choose one of {', '.join(known)}"
    return Verdict(verdict.what, verdict.setting, problem)


async def voice(settings: Settings) -> Verdict:
    """Say a word. Captions need no voice: that the usual ones are missing is no fault."""
    what, wanted = "voice", settings.origins["TTS_BACKEND"] != "default"
    try:
        async with (
            asyncio.timeout(PATIENCE),
            speaker(settings) as voice,
            voice.speak("Ready.") as pieces,
        ):
            async for piece in pieces:
                what = f"voice {piece.engine}"
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error))
    except EngineError as error:
        if not wanted and error.kind == "unusable":
            return Verdict(f"no voice: {error}", "TTS_BACKEND")
        return Verdict(what, "TTS_BACKEND", str(error))
    except TimeoutError:
        return Verdict(what, "TTS_BACKEND", f"no answer within {PATIENCE:.0f} seconds")
    return Verdict(what, "TTS_BACKEND")


async def model(settings: Settings) -> Verdict:
    """Have a word written. Only agents need a model: that there is none is no fault."""
    what, wanted = "language model", settings.origins["LLM_BACKEND"] != "default"
    try:
        async with models(settings) as model:
            if not wanted and model.unusable():
                return Verdict("no language model, which only agents need", "LLM_BACKEND")
            async with asyncio.timeout(PATIENCE), aclosing(model.chat(GREETING)) as pieces:
                await anext(pieces)
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error).partition(": ")[2])
    except (ModelFailed, TimeoutError) as error:
        return Verdict(what, "LLM_BACKEND", str(error) or "no answer")
    return Verdict(what, "LLM_BACKEND")


async def sentence(settings: Settings) -> Verdict:
    """Have a known sentence heard, from a call to its captions."""
    try:
        report = await try_out(settings)
    except (EngineError, StoreFailed, Misconfigured) as error:
        return Verdict("self-test", "ASR_BACKEND", str(error))
    *_, captions = report.steps
    wrong = [f"{step.name}: {step.detail}" for step in report.steps if not step.ok]
    what = f"self-test: {captions.detail} in {captions.ms / 1000:.1f} s"
    return Verdict("self-test" if wrong else what, "ASR_BACKEND", "; ".join(wrong))
