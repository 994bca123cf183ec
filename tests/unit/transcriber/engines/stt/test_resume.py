"""A stream that carries on when the engine behind it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.stt import SttConformance, everything, finals, hear, text
from tests.fakes.stt import FakeOptions, FakeStream, FakeStt
from tests.virtual_time import VirtualTimeLoop
from transcriber import aio
from transcriber.audio.block import SAMPLES, SECONDS, Block, silence
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Interrupted,
    Partial,
    SpeechStarted,
    StreamOptions,
    Stt,
    SttStream,
)
from transcriber.engines.stt.resume import KEEP, LAST_WORDS, OPENING, Resuming, pauses
from transcriber.errors import EngineError


def said(*words: int) -> list[Block]:
    return [np.broadcast_to(np.float32(word), SAMPLES) for word in words]


def speech(count: int) -> list[Block]:
    return said(*range(1, count + 1))


def numbers(first: int, last: int) -> str:
    return " ".join(str(number) for number in range(first, last + 1))


async def speak(stream: SttStream, blocks: Sequence[Block], *, over: bool = False) -> None:
    """As a live call does: it waits for nobody."""
    for block in blocks:
        stream.push(block)
        await asyncio.sleep(SECONDS)
    if over:
        stream.close()


async def live(
    stt: Stt,
    blocks: Sequence[Block],
    options: StreamOptions | None = None,
    *,
    partials: bool = False,
) -> list[Heard]:
    async with (
        Resuming(stt).open(options or StreamOptions(partials=partials)) as stream,
        aio.alongside(speak(stream, blocks, over=True)),
    ):
        return [heard async for heard in stream]


def interruptions(heard: Sequence[Heard]) -> list[str]:
    return [event.code for event in heard if isinstance(event, Interrupted)]


def now() -> float:
    return asyncio.get_running_loop().time()


class TestResuming(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with Resuming(FakeStt()) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return speech(12)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]


class TestResumingOverAnEngineThatDies(TestResuming):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with Resuming(FakeStt(FakeOptions(dies_after=5))) as stt:
            yield stt


async def test_an_engine_that_dies_in_a_sentence_loses_none_of_its_words() -> None:
    heard = await live(FakeStt(FakeOptions(dies_after=20)), speech(50))
    assert text(heard) == numbers(1, 50)
    (final,) = finals(heard)
    assert (final.start, final.end) == (0.0, 50 * SECONDS)
    assert interruptions(heard) == ["engine_network"]
    assert [type(event) for event in heard].count(SpeechStarted) == 1


async def test_what_was_final_is_not_said_again() -> None:
    heard = await live(FakeStt(FakeOptions(dies_after=9)), said(1, 2, 3, 0, 0, 4, 5, 6, 7, 8, 9, 0))
    assert [final.text for final in finals(heard)] == ["1 2 3", "4 5 6 7 8 9"]
    assert finals(heard)[1].start == pytest.approx(5 * SECONDS)


@given(
    script=st.lists(st.integers(0, 1), max_size=40),
    deaths=st.lists(st.integers(1, 12), max_size=4),
)
@settings(max_examples=60)
def test_wherever_it_breaks_each_word_comes_once_and_at_its_time(
    script: list[int], deaths: list[int]
) -> None:
    blocks = said(*(number * word for number, word in enumerate(script, 1)))
    plain = run_live(FakeStt(), blocks)
    broken = run_live(Mortal(deaths), blocks)
    assert finals(broken) == finals(plain)


class Mortal(FakeStt):
    """Dies once for each number, after so many blocks."""

    def __init__(self, deaths: list[int]) -> None:
        super().__init__()
        self._deaths = iter(deaths)
        self.dies_after = next(self._deaths, None)

    def error(self, problem: str) -> EngineError:
        self.dies_after = next(self._deaths, None)
        return super().error(problem)


def run_live(stt: FakeStt, blocks: Sequence[Block]) -> list[Heard]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(live(stt, blocks))


async def test_the_first_new_try_comes_at_once() -> None:
    stt = FakeStt(FakeOptions(dies_after=5))
    await live(stt, speech(20))
    assert stt.opened[1] - stt.opened[0] < 5 * SECONDS + 0.3


async def test_new_tries_come_at_growing_distances_and_then_slowly() -> None:
    stt = FakeStt(FakeOptions(failures=30))
    await live(stt, said(*[0] * 9_000))
    gaps = [after - before for before, after in zip(stt.opened, stt.opened[1:], strict=False)]
    assert all(
        gap <= limit for gap, limit in zip(gaps, [0.25, 2, 4, 8, 16, 32] + [60] * 30, strict=False)
    )
    assert 10 < sum(gaps[6:]) / len(gaps[6:]) < 50


async def test_an_engine_that_breaks_in_every_sentence_is_not_hammered() -> None:
    class Breaking(FakeStt):
        def error(self, problem: str) -> EngineError:
            self.dies_after = 5
            return super().error(problem)

    stt = Breaking(FakeOptions(dies_after=5))
    async with Resuming(stt).open(StreamOptions()) as stream:
        await speak(stream, speech(1_000))
    assert len(stt.opened) < 12


def test_the_slow_tries_have_no_end() -> None:
    waits = pauses()
    assert max(next(waits) for _ in range(500)) > 50


async def test_a_cold_engine_hears_what_was_said_before_it_came_up_to_the_limit() -> None:
    heard = await live(FakeStt(FakeOptions(opening=120)), speech(1_600))
    (final,) = finals(heard)
    assert final.start == pytest.approx(120 - KEEP, abs=2 * SECONDS)
    assert final.text == numbers(round(final.start / SECONDS) + 1, 1_600)


async def test_what_did_not_fit_is_counted() -> None:
    stt = FakeStt(FakeOptions(opening=120))
    async with Resuming(stt).open(StreamOptions(partials=False)) as stream:
        await speak(stream, said(*[0] * 1_600))
        assert stream.dropped == pytest.approx((120 - KEEP) / SECONDS, abs=2)


async def test_an_engine_that_never_opens_is_given_up_and_tried_again() -> None:
    stt = FakeStt(FakeOptions(opening=9_999))
    async with Resuming(stt).open(StreamOptions()) as stream:
        events = aiter(stream)
        tried = [await anext(events) for _ in range(2)]
        assert interruptions(tried) == ["engine_timeout"] * 2
    assert stt.opened[1] >= OPENING


async def test_an_engine_that_asks_for_time_gets_it() -> None:
    stt = FakeStt(FakeOptions(failures=1, problem="busy", retry_after=25))
    heard = await live(stt, speech(400))
    assert stt.opened[1] >= 25
    assert text(heard) == numbers(1, 400)


async def test_an_engine_that_cannot_be_helped_ends_the_stream() -> None:
    stt = FakeStt(FakeOptions(failures=9, problem="auth"))
    with pytest.raises(EngineError, match="no engine"):
        await live(stt, speech(5))
    assert len(stt.opened) == 1


async def test_a_dead_stream_holds_nobody_up() -> None:
    stt = FakeStt(FakeOptions(failures=9, problem="auth"))
    async with Resuming(stt).open(StreamOptions()) as stream:
        for block in speech(1_000):
            await stream.ready()
            stream.push(block)
            stream.flush()
        with pytest.raises(EngineError):
            await everything(stream)


async def test_a_flush_reaches_the_engine_that_comes_later() -> None:
    stt = FakeStt(FakeOptions(failures=1))
    async with Resuming(stt).open(StreamOptions()) as stream:
        for block in speech(3):
            stream.push(block)
        stream.flush()
        for block in said(4):
            stream.push(block)
        stream.close()
        heard = await everything(stream)
    assert [final.text for final in finals(heard)] == ["1 2 3", "4"]


async def test_the_last_words_of_somebody_who_left_are_tried_for_a_while() -> None:
    stt = FakeStt(FakeOptions(failures=2))
    async with Resuming(stt).open(StreamOptions()) as stream:
        for block in speech(3):
            stream.push(block)
        stream.close()
        assert text(await everything(stream)) == "1 2 3"


async def test_but_not_for_ever() -> None:
    stt = FakeStt(FakeOptions(failures=9_999))
    async with Resuming(stt).open(StreamOptions()) as stream:
        stream.push(silence())
        stream.close()
        with pytest.raises(EngineError, match="no engine"):
            await everything(stream)
    assert now() == pytest.approx(LAST_WORDS)


async def test_an_engine_without_last_words_is_not_waited_for() -> None:
    stt = FakeStt(FakeOptions(opening=100))
    async with Resuming(stt).open(StreamOptions()) as stream:
        stream.close()
        with pytest.raises(EngineError, match="last words"):
            await everything(stream)
    assert now() == pytest.approx(LAST_WORDS)


async def test_somebody_who_leaves_in_a_pause_is_not_kept_waiting() -> None:
    stt = FakeStt(FakeOptions(failures=7))
    async with Resuming(stt).open(StreamOptions()) as stream:
        await speak(stream, said(*[0] * 1_000, 1))
        assert not stt.failures
        left = now()
        stream.close()
        assert text(await everything(stream)) == "1"
    assert now() == left


async def test_silence_is_not_kept() -> None:
    stt = FakeStt()
    stt.dies_after = 302
    heard = await live(stt, said(*[0] * 300, 1, 2, 3, 0))
    (final,) = finals(heard)
    assert (final.text, final.start) == ("1 2 3", 300 * SECONDS)
    assert stt.heard[1] < 120


async def test_an_engine_may_end_its_stream_and_is_opened_again_without_complaint() -> None:
    stt = Rolling()
    heard = await live(stt, said(1, 2, 0, 3, 4, 0, 5, 6, 0))
    assert [final.text for final in finals(heard)] == ["1 2", "3 4", "5 6"]
    assert interruptions(heard) == []
    assert len(stt.opened) > 2


class Rolling(FakeStt):
    """Its streams end after a sentence, as some providers' sessions do."""

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[FakeStream]:
        self.opened.append(now())
        yield RollingStream(self)


class RollingStream(FakeStream):
    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for heard in super().__aiter__():
            yield heard
            if isinstance(heard, Final):
                return


async def test_a_reader_who_is_late_misses_partials_only() -> None:
    async with Resuming(FakeStt()).open(StreamOptions()) as stream:
        await speak(stream, [block for _ in range(50) for block in said(1, 2, 3, 0)])
        stream.close()
        heard = await everything(stream)
    assert len(finals(heard)) == 50
    assert sum(isinstance(event, Partial) for event in heard) < 100


async def test_a_cancelled_speaker_leaves_no_stream_open() -> None:
    stt = FakeStt()
    task = asyncio.create_task(live(stt, speech(100)))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stt.open_streams == 0


async def test_a_mistake_in_an_engine_is_not_hidden() -> None:
    class Wrong(FakeStt):
        def error(self, problem: str) -> EngineError:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await live(Wrong(FakeOptions(failures=1)), speech(3))


async def test_it_is_what_its_engine_is() -> None:
    told: list[str] = []
    resuming = Resuming(FakeStt())
    await resuming.prepare(lambda what, done: told.append(what))
    assert (resuming.info.name, resuming.unusable(), told) == ("fake", "", ["ready"])


async def test_five_hundred_speakers_survive_the_death_of_their_engine() -> None:
    stt = FakeStt()

    async def speaker() -> str:
        return text(await hear(Resuming(stt), speech(6)))

    stt.failures = 100
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(speaker()) for _ in range(200)]
    assert {task.result() for task in tasks} == {numbers(1, 6)}
