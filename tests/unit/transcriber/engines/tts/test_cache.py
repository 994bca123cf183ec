"""What was said before is not made again, and nobody can tell."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.conformance.tts import TtsConformance, heard
from tests.fakes.tts import WORD, FakeTts, FakeTtsOptions
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.cache import Cache, Cached
from transcriber.errors import EngineError

TWO = "one two"
BYTES = 2 * 2 * WORD
"""What two words take."""


class TestCached(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with Cache(1_000_000) as cache, Cached(FakeTts(), cache) as tts:
            yield tts


async def test_the_second_time_the_engine_is_not_asked() -> None:
    engine = FakeTts()
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        assert not tts.remembers(TWO, Manner())
        first = await heard(tts, TWO)
        assert tts.remembers(TWO, Manner())
        assert np.array_equal(first, await heard(tts, TWO))
    assert engine.asked == [TWO]
    assert np.allclose(first, await heard(FakeTts(), TWO), atol=1e-4)


@pytest.mark.parametrize("manner", [Manner("bob"), Manner(language="de"), Manner(speed=0.5)])
async def test_what_sounds_different_is_made_anew(manner: Manner) -> None:
    engine = FakeTts()
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        await heard(tts, TWO)
        await heard(tts, TWO, manner)
    assert engine.asked == [TWO, TWO]


async def test_another_engine_has_recordings_of_its_own() -> None:
    engines = FakeTts(), FakeTts(FakeTtsOptions(name="other"))
    async with Cache(1_000_000) as cache:
        for engine in engines:
            await heard(Cached(engine, cache), TWO)
    assert [engine.asked for engine in engines] == [[TWO], [TWO]]


async def test_many_at_the_same_time_share_one() -> None:
    engine = FakeTts(FakeTtsOptions(word=1.0))
    async with (
        Cache(1_000_000) as cache,
        Cached(engine, cache) as tts,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(heard(tts, TWO)) for _ in range(50)]
    assert engine.asked == [TWO]
    assert {len(task.result()) for task in tasks} == {2 * WORD}


async def test_one_who_stops_does_not_stop_the_others() -> None:
    engine = FakeTts(FakeTtsOptions(word=1.0))
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        first, second = (asyncio.create_task(heard(tts, TWO)) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        assert len(await second) == 2 * WORD
    assert first.cancelled()


async def test_when_the_last_one_stops_making_it_stops() -> None:
    engine = FakeTts(FakeTtsOptions(word=1.0))
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        async with tts.speak(TWO, Manner()) as sound:
            await anext(sound)
            assert engine.speaking == 1
        assert engine.speaking == 0
        assert not tts.remembers(TWO, Manner())
        assert len(await heard(tts, TWO)) == 2 * WORD
    assert engine.asked == [TWO, TWO]


async def test_a_failure_is_told_to_everybody_and_not_kept() -> None:
    engine = FakeTts(FakeTtsOptions(dies_after=1))
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pytest_raises(tts)) for _ in range(3)]
        assert {task.result() for task in tasks} == {"broke off"}
        assert len(await heard(tts, TWO)) == 2 * WORD


async def pytest_raises(tts: Tts) -> str:
    with pytest.raises(EngineError) as failure:
        await heard(tts, TWO)
    return str(failure.value)


async def test_a_failure_that_nobody_waited_for_is_forgotten() -> None:
    engine = FakeTts(FakeTtsOptions(dies_after=0))
    async with Cache(1_000_000) as cache, Cached(engine, cache).speak(TWO, Manner()):
        await asyncio.sleep(0.1)
    assert engine.speaking == 0


async def test_what_was_not_asked_for_longest_goes_first() -> None:
    engine = FakeTts()
    async with Cache(10 * BYTES) as cache, Cached(engine, cache) as tts:
        for number in range(10):
            await heard(tts, f"number {number}")
        await heard(tts, "number 0")
        await heard(tts, "one more")
        assert cache.size == 10 * BYTES
        assert tts.remembers("number 0", Manner())
        assert not tts.remembers("number 1", Manner())
    assert cache.size == 0


async def test_what_is_too_long_is_not_kept() -> None:
    engine = FakeTts()
    async with Cache(4 * BYTES) as cache, Cached(engine, cache) as tts:
        await heard(tts, TWO)
        assert cache.size == 0
        await heard(tts, TWO)
    assert engine.asked == [TWO, TWO]


async def test_closing_ends_what_is_being_said() -> None:
    engine = FakeTts(FakeTtsOptions(word=10.0))
    async with Cache(1_000_000) as cache, Cached(engine, cache) as tts:
        task = asyncio.create_task(heard(tts, TWO))
        await asyncio.sleep(0.1)
    with pytest.raises(EngineError, match="closed"):
        await task
    assert engine.speaking == 0


async def test_it_is_what_the_engine_inside_is() -> None:
    engine = FakeTts()
    tts = Cached(engine, Cache(0))
    told: list[float] = []
    await tts.prepare(lambda what, done: told.append(done))
    async with tts:
        assert engine.entered
    assert (tts.unusable(), tts.voiceprint(Manner()), told) == ("", "ann en 1.0", [1.0])
