"""
Does the whole path work, right now, in the running service?

A sentence that is part of the product goes the way of everything that is said: from a file through
a session to the recogniser that calls use, and back as a final. Around it, whatever else can be
tried without disturbing anybody is tried too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from transcriber.app.file import Job, transcribe
from transcriber.app.house import House
from transcriber.errors import TranscriberError
from transcriber.ids import new_id
from transcriber.web.console import Step

__all__ = ["selftest"]

SENTENCE = Path(__file__).with_name("sentence.flac")
"""From LibriVox's reading of "Sense and Sensibility": text and recording are free for everybody."""
WORDS = ("amiable", "himself")
"""What every recogniser of English hears in it."""
PATIENCE = 150.0
"""Seconds for one step: a GPU that sleeps may take two minutes."""
BRIEF = 60.0
"""Seconds after which the record of a test is forgotten, should nobody forget it before."""


async def selftest(house: House) -> AsyncIterator[Step]:
    """Try one thing after the other, and tell what came of each as it comes."""
    for what, attempt in (("Store", _store), ("Recogniser", _recogniser), ("Workers", _workers)):
        yield await _tried(what, attempt, house)


async def _tried(what: str, attempt: Callable[[House], Awaitable[Step]], house: House) -> Step:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            step = await attempt(house)
    except TranscriberError as error:
        step = Step(what=what, state="failed", detail=str(error))
    except TimeoutError:
        detail = f"no answer within {PATIENCE:.0f} seconds"
        step = Step(what=what, state="failed", detail=detail)
    return step.model_copy(update={"seconds": round(time.perf_counter() - began, 3)})


async def _store(house: House) -> Step:
    key = new_id("try")
    await house.store.put("selftest", key, {"words": "kept"}, expires=time.time() + BRIEF)
    record = await house.store.get("selftest", key)
    await house.store.forget("selftest", key)
    if record is None or record.value != {"words": "kept"}:
        return Step(what="Store", state="failed", detail="what was written could not be read")
    return Step(what="Store", state="passed", detail="a record was written, read and forgotten")


async def _recogniser(house: House) -> Step:
    stt, heard = house.stt, list[str]()
    if not {"en", "*"} & set(stt.info.languages):
        detail = f"{stt.info.name} does not hear English, in which the sentence is"
        return Step(what="Recogniser", state="skipped", detail=detail)
    if problem := stt.unusable():
        return Step(what="Recogniser", state="failed", detail=problem)
    await transcribe(
        stt,
        Job(str(SENTENCE), "en"),
        heard=lambda speech: heard.append(speech.transcript),
        progress=lambda done, whole: None,
    )
    text = " ".join(heard)
    right = all(word in text.lower() for word in WORDS)
    return Step(
        what="Recogniser",
        state="passed" if right else "failed",
        detail=f"{stt.info.name} heard: {text or 'nothing'}",
    )


async def _workers(house: House) -> Step:
    problem = house.crew.unready()
    detail = problem or "rooms can be attended"
    return Step(what="Workers", state="failed" if problem else "passed", detail=detail)
