"""A translator is asked for no more than it can do, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

import pytest

from transcriber.engines.mt.careful import ABREAST, PAUSE, REFRESH, Careful
from transcriber.errors import EngineError, EngineProblem


class Scripted:
    """Does what it is told, and counts."""

    name = "scripted"

    def __init__(self) -> None:
        self.asked = 0
        self.most = 0
        self.slow = 0.0
        self.problem: EngineError | None = None
        self.known: Sequence[str] = ("de", "fr")
        self._now = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None: ...

    async def targets(self) -> Sequence[str]:
        if self.problem:
            raise self.problem
        return self.known

    async def translate(self, text: str, *, source: str, target: str) -> str:
        self.asked += 1
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(self.slow)
        finally:
            self._now -= 1
        if self.problem:
            raise self.problem
        return f"{target}({text})"


async def ask(careful: Careful) -> str:
    return await careful.translate("hello", source="en", target="de")


async def refused(careful: Careful) -> str:
    with pytest.raises(EngineError) as error:
        await ask(careful)
    return error.value.kind


async def test_what_is_translated_comes_back() -> None:
    assert await ask(Careful(Scripted())) == "de(hello)"


async def test_nobody_waits_longer_than_the_patience() -> None:
    translator = Scripted()
    translator.slow = 60.0
    careful, clock = Careful(translator, patience=3.0), asyncio.get_running_loop().time
    began = clock()
    assert await refused(careful) == "timeout"
    assert clock() - began == pytest.approx(3.0)


async def test_only_so_many_are_made_at_the_same_time() -> None:
    translator = Scripted()
    translator.slow = 1.0
    careful = Careful(translator)
    await asyncio.gather(*(ask(careful) for _ in range(3 * ABREAST)))
    assert translator.most == ABREAST


async def test_two_failures_change_nothing_and_a_third_is_a_pause() -> None:
    translator = Scripted()
    careful = Careful(translator)
    translator.problem = EngineError("engine", "fell over")
    for _ in range(3):
        assert await refused(careful) == "engine"
    assert await refused(careful) == "busy"
    assert translator.asked == 3
    translator.problem = None
    await asyncio.sleep(PAUSE[0])
    assert await ask(careful) == "de(hello)"


async def test_pauses_grow_until_it_works_again() -> None:
    translator, pauses = Scripted(), list[float]()
    careful, clock = Careful(translator), asyncio.get_running_loop().time
    translator.problem = EngineError("network", "away")
    for _ in range(2):
        await refused(careful)
    for _ in range(9):
        await refused(careful)
        began = clock()
        while await refused(careful) == "busy":  # noqa: ASYNC110 - a pause has no event
            await asyncio.sleep(0.5)
        pauses.append(clock() - began)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(PAUSE[1], abs=1)


@pytest.mark.parametrize(("kind", "pause"), [("busy", 7.0), ("unusable", PAUSE[1]), ("auth", 300)])
async def test_who_says_no_is_left_alone_at_once(kind: EngineProblem, pause: float) -> None:
    translator = Scripted()
    careful = Careful(translator)
    wait = pause if kind == "busy" else None
    translator.problem = EngineError(kind, "no", retry_after=wait)
    assert await refused(careful) == kind
    translator.problem = None
    await asyncio.sleep(pause - 1)
    assert await refused(careful) == "busy"
    await asyncio.sleep(1.1)
    assert await ask(careful) == "de(hello)"


async def test_what_fails_while_it_is_left_alone_makes_the_pause_no_longer() -> None:
    translator = Scripted()
    careful = Careful(translator)
    translator.problem, translator.slow = EngineError("busy", "no", retry_after=2.0), 1.0
    outcomes = await asyncio.gather(*(ask(careful) for _ in range(8)), return_exceptions=True)
    assert all(isinstance(outcome, EngineError) for outcome in outcomes)
    translator.problem = None
    await asyncio.sleep(2.1)
    assert await ask(careful) == "de(hello)"


async def test_a_text_that_cannot_be_translated_is_nobody_elses_business() -> None:
    translator = Scripted()
    careful = Careful(translator)
    translator.problem = EngineError("bad_request", "what?")
    for _ in range(10):
        assert await refused(careful) == "bad_request"


async def test_languages_are_learnt_and_kept_true() -> None:
    translator = Scripted()
    careful = Careful(translator, offered=("fr", "es"))
    task = asyncio.create_task(careful.run())
    await asyncio.sleep(1)
    assert list(careful.targets) == ["fr"]
    translator.known = ("fr", "es")
    await asyncio.sleep(REFRESH)
    assert list(careful.targets) == ["fr", "es"]
    translator.problem = EngineError("network", "away")
    await asyncio.sleep(REFRESH)
    assert list(careful.targets) == ["fr", "es"], "it may come back"
    translator.problem = EngineError("unusable", "nobody translates")
    await asyncio.sleep(REFRESH)
    assert not careful.targets
    task.cancel()
    await asyncio.wait({task})
