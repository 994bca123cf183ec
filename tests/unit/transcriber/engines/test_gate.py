"""Who is silent costs nothing, and who speaks loses no word."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.stt import MANY, SttConformance, everything, finals, hear, text
from tests.fakes.stt import FakeOptions, FakeStt
from tests.virtual_time import VirtualTimeLoop
from transcriber.audio.block import SAMPLES, SECONDS, Block, Samples, silence
from transcriber.audio.level import FLOOR
from transcriber.engines.feed import PATIENCE
from transcriber.engines.gate import Ear, GatedStream, GateRules, gated
from transcriber.engines.stt.base import (
    Final,
    Partial,
    SpeechStarted,
    StreamOptions,
    Stt,
)
from transcriber.errors import EngineError

QUIET = 0.0005
"""A sample value of about -66 dBFS."""


def said(*numbers: float) -> list[Block]:
    return [np.full(SAMPLES, number, np.float32) for number in numbers]


def pause(blocks: int) -> list[Block]:
    return [silence()] * blocks


class TestGate(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with gated(FakeStt()) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return said(*range(1, 13))

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]

    async def test_whoever_cannot_wait_loses_the_oldest_and_it_is_counted(self, stt: Stt) -> None:
        async with stt.open(StreamOptions()) as stream:
            for block in said(1) * MANY:
                stream.push(block)
            assert 0 < stream.dropped < MANY


async def test_who_is_silent_costs_nothing() -> None:
    stt = FakeStt()
    assert await hear(gated(stt), [*pause(100), *said(QUIET) * 100]) == []
    assert len(stt.opened) == 0


async def test_what_was_just_before_the_first_word_is_heard_too() -> None:
    heard = await hear(gated(FakeStt()), [*said(QUIET) * 50, *said(7), *pause(20)])
    assert text(heard) == "0 0 0 0 0 0 7"


async def test_the_end_of_an_utterance_is_heard_and_then_said() -> None:
    stt = FakeStt()
    async with gated(stt).open(StreamOptions()) as stream:
        for block in [*said(1, 2), *said(QUIET) * 13, *said(QUIET) * 20]:
            stream.push(block)
        stream.close()
        (final,) = finals(await everything(stream))
    assert final.text == "1 2" + " 0" * 12


async def test_times_are_those_of_the_call() -> None:
    blocks = [*pause(100), *said(1, 2), *pause(200), *said(3), *pause(20)]
    heard = await hear(gated(FakeStt()), blocks)
    assert [(final.start, final.end) for final in finals(heard)] == [(8.0, 8.16), (24.16, 24.24)]
    assert [event.at for event in heard if isinstance(event, SpeechStarted)] == [8.0, 24.16]


async def test_without_parking_one_stream_is_enough() -> None:
    stt = FakeStt()
    await hear(gated(stt), [*said(1), *pause(500), *said(2), *pause(20)])
    assert len(stt.opened) == 1


async def test_a_parked_stream_is_opened_again() -> None:
    stt = FakeStt()
    gate = gated(stt, rules=GateRules(park=2.0))
    heard = await hear(gate, [*said(1), *pause(50), *said(2), *pause(50)], paced=True)
    assert [final.text for final in finals(heard)] == ["1", "2"]
    assert finals(heard)[1].start == 4.08
    assert len(stt.opened) == 2
    assert stt.open_streams == 0


async def test_a_long_silence_before_the_first_word_parks_nothing() -> None:
    stt = FakeStt()
    heard = await hear(gated(stt, rules=GateRules(park=0.5)), [*pause(50), *said(1)], paced=True)
    assert text(heard) == "1"


async def test_what_is_said_while_the_stream_is_opened_is_kept() -> None:
    stt = FakeStt(FakeOptions(opening=3.0))
    heard = await hear(gated(stt), [*said(1, 2, 3), *pause(60)], paced=True)
    assert text(heard) == "1 2 3"


async def test_what_is_too_old_when_it_opens_is_forgotten_and_counted() -> None:
    stt = FakeStt(FakeOptions(opening=50.0))
    async with gated(stt).open(StreamOptions()) as stream, asyncio.TaskGroup() as group:
        listening = group.create_task(everything(stream))
        for block in said(*range(1, PATIENCE + 11)):
            await asyncio.sleep(SECONDS)
            stream.push(block)
        stream.close()
    (final,) = finals(listening.result())
    assert final.text.split()[0] == "11"
    assert final.start == 0.8
    assert stream.dropped == 10


async def test_a_source_that_can_wait_loses_nothing() -> None:
    blocks = [*pause(30), *said(*range(1, 100)), *pause(30), *said(*range(100, 160))]
    stt = FakeStt(FakeOptions(opening=1.0))
    async with gated(stt).open(StreamOptions()) as stream, asyncio.TaskGroup() as group:
        listening = group.create_task(everything(stream))
        for block in blocks:
            await stream.ready()
            stream.push(block)
        stream.close()
    assert text(listening.result()).split() == [str(number) for number in range(1, 160)]
    assert stream.dropped == 0


async def test_who_begins_to_speak_is_heard_before_the_next_block_comes() -> None:
    async with gated(FakeStt()).open(StreamOptions()) as stream:
        listening = aiter(stream)
        stream.push(said(1)[0])
        assert await anext(listening) == SpeechStarted(0.0)
        for block in [*pause(30), *said(2)]:
            stream.push(block)
        async with asyncio.timeout(1):
            while await anext(listening) != SpeechStarted(2.48):
                pass


async def test_flushing_ends_the_utterance() -> None:
    async with gated(FakeStt()).open(StreamOptions()) as stream:
        stream.flush()
        stream.push(said(1)[0])
        stream.flush()
        stream.push(said(2)[0])
        stream.close()
        assert [final.text for final in finals(await everything(stream))] == ["1", "2"]


async def test_a_closed_stream_takes_nothing() -> None:
    async with gated(FakeStt()).open(StreamOptions()) as stream:
        stream.close()
        stream.close()
        stream.push(said(1)[0])
        stream.flush()
        await stream.ready()
        assert await everything(stream) == []


async def test_closing_lets_a_waiting_source_go_on() -> None:
    async with gated(FakeStt()).open(StreamOptions()) as stream, asyncio.TaskGroup() as group:
        for block in said(1) * PATIENCE:
            stream.push(block)
        waiting = group.create_task(stream.ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        stream.close()


async def test_who_stops_reading_leaves_no_stream_behind() -> None:
    stt = FakeStt()
    async with gated(stt).open(StreamOptions()) as stream:
        for block in said(1, 2, 3):
            stream.push(block)
        async for _ in stream:
            break
        assert stt.open_streams == 1
    assert stt.open_streams == 0


async def test_failures_are_passed_on() -> None:
    async with gated(FakeStt(FakeOptions(failures=1))).open(StreamOptions()) as stream:
        stream.push(said(1)[0])
        with pytest.raises(EngineError):
            await everything(stream)


async def test_it_says_of_itself_what_the_recogniser_says() -> None:
    progress: list[str] = []
    gate = gated(FakeStt())
    await gate.prepare(lambda what, done: progress.append(what))
    assert (progress, gate.unusable(), gate.info.name) == (["ready"], "", "fake")


async def test_the_level_can_be_read() -> None:
    async with gated(FakeStt()).open(StreamOptions()) as stream:
        assert isinstance(stream, GatedStream)
        assert (stream.level, stream.speaking) == (FLOOR, False)
        stream.push(said(0.1)[0])
        assert (round(stream.level), stream.speaking, stream.dropped) == (-20, True, 0)


class Voice:
    """A voice is a positive sample; counts what it is asked."""

    def __init__(self) -> None:
        self.windows = 0

    def probabilities(self, windows: Samples) -> list[float]:
        self.windows += len(windows)
        return [float(window.max() > 0.05) for window in windows]


class Voices:
    def __init__(self) -> None:
        self.made: list[Voice] = []

    def __call__(self) -> Voice:
        self.made.append(Voice())
        return self.made[-1]


def test_sounds_that_are_no_voice_are_not_heard() -> None:
    ear = Ear(GateRules(), Voices())
    assert not ear.hears(said(-0.5)[0], [])
    assert ear.hears(said(0.5)[0], [])


def test_silence_is_not_even_listened_to() -> None:
    voices = Voices()
    ear = Ear(GateRules(), voices)
    for block in [*pause(20), *said(QUIET) * 20]:
        assert not ear.hears(block, [block])
    assert voices.made == []


def test_the_voice_detector_hears_what_was_before() -> None:
    voices = Voices()
    ear = Ear(GateRules(), voices)
    before = said(QUIET) * 5
    assert ear.hears(said(0.5)[0], before)
    assert voices.made[0].windows >= 2 * 5


def test_in_the_middle_of_speech_quiet_sounds_are_judged_too() -> None:
    voices = Voices()
    ear = Ear(GateRules(), voices)
    ear.hears(said(0.5)[0], [])
    asked = voices.made[0].windows
    ear.hears(said(QUIET)[0], [])
    assert voices.made[0].windows > asked
    assert len(voices.made) == 1


def test_steady_noise_is_learned_and_then_costs_nothing() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, SAMPLES).astype(np.float32)
    voices = Voices()
    ear = Ear(GateRules(), voices)
    for _ in range(500):
        assert not ear.hears(noise, [noise])
    asked = sum(voice.windows for voice in voices.made)
    ear.hears(noise, [noise])
    assert sum(voice.windows for voice in voices.made) == asked
    assert ear.hears(said(0.5)[0], [noise])


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(14, 60)), min_size=1, max_size=6))
def test_every_word_is_heard_at_its_time(talk: list[tuple[int, int]]) -> None:
    """People talk and are silent for a while; each block's number is its word."""
    blocks: list[Block] = []
    for speech, silent in talk:
        blocks += said(*range(len(blocks) + 1, len(blocks) + 1 + speech))
        blocks += pause(silent)
    spoken = [number for number, block in enumerate(blocks) if block.any()]
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        gate = gated(FakeStt(), rules=GateRules(park=1.5))
        heard = finals(runner.run(hear(gate, blocks, paced=True)))
    words = [word for final in heard for word in final.words]
    assert [int(word.text) - 1 for word in words] == spoken
    assert [word.start for word in words] == [round(n * SECONDS, 3) for n in spoken]


class TestGateThatAnnounces(TestGate):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with gated(FakeStt(), judge=Voice) as stt:
            yield stt


async def test_words_that_come_late_do_not_leave_the_next_ones_unannounced() -> None:
    late = FakeStt(FakeOptions(opening=4.0))
    blocks = [*said(1), *pause(20), *said(2), *pause(20)]
    heard = await hear(gated(late, judge=Voice), blocks, paced=True)
    kinds = [type(event) for event in heard if not isinstance(event, Partial)]
    assert kinds == [SpeechStarted, SpeechStarted, Final, SpeechStarted, Final]


async def announced(gate: Stt, blocks: Sequence[Block]) -> list[tuple[float, float]]:
    """When it was told that somebody begins to speak, and when that was said to be."""
    clock = asyncio.get_running_loop().time
    began, told = clock(), list[tuple[float, float]]()
    async with gate.open(StreamOptions()) as stream, asyncio.TaskGroup() as group:

        async def read() -> None:
            async for heard in stream:
                if isinstance(heard, SpeechStarted):
                    told.append((round(clock() - began, 2), heard.at))

        group.create_task(read())
        for block in blocks:
            await asyncio.sleep(SECONDS)
            stream.push(block)
        stream.close()
    return told


async def test_a_voice_is_announced_once_and_not_when_the_recogniser_hears_it() -> None:
    slow = FakeStt(FakeOptions(opening=1.0))
    blocks = [*pause(10), *said(1, 2, 3), *pause(40), *said(4), *pause(40)]
    assert await announced(gated(slow, judge=Voice), blocks) == [(0.88, 0.8), (4.32, 4.24)]


async def test_what_is_said_after_a_short_pause_is_announced_by_the_recogniser() -> None:
    blocks = [*said(1), *pause(3), *said(2), *pause(20)]
    assert await announced(gated(FakeStt(), judge=Voice), blocks) == [(0.08, 0.0), (0.4, 0.32)]


class Doubt(Voice):
    """Is never sure."""

    def probabilities(self, windows: Samples) -> list[float]:
        return [0.45 * one for one in super().probabilities(windows)]


async def test_what_may_be_a_voice_is_announced_by_the_recogniser() -> None:
    slow = FakeStt(FakeOptions(opening=0.5))
    told = await announced(gated(slow, judge=Doubt), [*said(1, 2), *pause(20)])
    assert told == [(0.58, 0.0)]


async def test_what_the_recogniser_has_heard_is_not_announced_again() -> None:
    class Late(Voice):
        """Is sure of the second block."""

        def probabilities(self, windows: Samples) -> list[float]:
            doubts = super().probabilities(windows)
            return [
                0.9 if w.max() > 1.5 else 0.45 * d for w, d in zip(windows, doubts, strict=True)
            ]

    told = await announced(gated(FakeStt(), judge=Late), [*said(1, 2), *pause(20)])
    assert told == [(0.08, 0.0)]
