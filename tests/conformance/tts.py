"""What everything that speaks must do, whoever makes it."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

import numpy as np
import pytest

from transcriber.audio.block import RATE, Samples
from transcriber.engines.tts.base import Manner, Tts, Voice
from transcriber.errors import EngineError

PATIENCE = 60.0
"""Seconds of the lane's clock after which speech counts as stuck."""
TEXT = "Good morning. How can I help you today?"
LONG = " ".join(f"This is sentence number {number} of a long text." for number in range(8))
NOTHING = ("", " \n ")
MARKUP = '<speak>One &amp; two</speak> [three](/tri/) [[f\'O@]] "four" {five} \\six #7 *8*'


async def pieces(tts: Tts, text: str, manner: Manner | None = None) -> list[Samples]:
    """Everything that is heard, as it comes."""
    async with (
        asyncio.timeout(PATIENCE),
        tts.speak(text, manner or Manner()) as sound,
    ):
        return [samples async for samples in sound]


async def heard(tts: Tts, text: str, manner: Manner | None = None) -> Samples:
    """Everything that is heard, in one."""
    return np.concatenate([np.zeros(0, np.float32), *await pieces(tts, text, manner)])


def seconds(samples: Samples) -> float:
    return len(samples) / RATE


class TtsConformance:
    """Derive from it and give a fixture `tts` that is entered."""

    manner = Manner()
    """How the engine is asked to speak where it makes no difference."""

    @pytest.fixture
    @abstractmethod
    def tts(self) -> Tts: ...

    async def test_it_says_what_it_is(self, tts: Tts) -> None:
        assert tts.info.name
        assert tts.info.languages
        assert tts.info.voices or tts.info.more_voices
        assert tts.unusable() == ""

    async def test_a_sentence_is_as_long_as_somebody_needs_to_say_it(self, tts: Tts) -> None:
        assert 0.5 < seconds(await heard(tts, TEXT, self.manner)) < 8

    async def test_it_is_sound_and_nothing_else(self, tts: Tts) -> None:
        for samples in await pieces(tts, TEXT, self.manner):
            assert samples.dtype == np.float32
            assert samples.ndim == 1
            assert len(samples)
        sound = await heard(tts, TEXT, self.manner)
        assert 0.01 < float(np.abs(sound).max()) <= 1.001

    async def test_a_longer_text_is_longer(self, tts: Tts) -> None:
        short, long = await heard(tts, TEXT, self.manner), await heard(tts, LONG, self.manner)
        assert len(long) > 2 * len(short)

    async def test_it_comes_in_pieces(self, tts: Tts) -> None:
        if tts.info.streaming:
            assert len(await pieces(tts, LONG, self.manner)) > 1

    @pytest.mark.parametrize("text", NOTHING)
    async def test_nothing_to_say_is_silence(self, tts: Tts, text: str) -> None:
        assert seconds(await heard(tts, text, self.manner)) < 0.3

    async def test_markup_is_said_or_left_out(self, tts: Tts) -> None:
        assert seconds(await heard(tts, MARKUP, self.manner)) > 0.3

    async def test_every_voice_that_is_listed_can_be_heard(self, tts: Tts) -> None:
        for voice in tts.info.voices[:3]:
            if not voice.unusable:
                assert len(await heard(tts, "Yes.", self._as(voice)))

    def _as(self, voice: Voice) -> Manner:
        language = self.manner.language if "*" in voice.languages else voice.languages[0]
        return Manner(voice.name, language)

    async def test_who_speaks_faster_is_done_sooner(self, tts: Tts) -> None:
        slowest, fastest = tts.info.speeds
        if slowest < fastest:
            voice, language = self.manner.voice, self.manner.language
            slow = await heard(tts, TEXT, Manner(voice, language, slowest))
            fast = await heard(tts, TEXT, Manner(voice, language, fastest))
            assert len(fast) < 0.9 * len(slow)

    async def test_what_it_cannot_do_is_refused(self, tts: Tts) -> None:
        wishes = [Manner(speed=tts.info.speeds[1] + 1, language=self.manner.language)]
        if "*" not in tts.info.languages:
            wishes.append(Manner(language="xx"))
        if not tts.info.more_voices:
            wishes.append(Manner("nobody", self.manner.language))
        for manner in wishes:
            with pytest.raises(EngineError) as refused:
                await heard(tts, TEXT, manner)
            assert refused.value.kind == "bad_request"

    async def test_what_makes_a_difference_is_in_the_voiceprint(self, tts: Tts) -> None:
        prints = {tts.voiceprint(self._as(voice)) for voice in tts.info.voices}
        assert len(prints) == len(tts.info.voices)
        slowest, fastest = tts.info.speeds
        if slowest < fastest:
            speeds = [Manner(speed=speed) for speed in (slowest, 1.0, fastest)]
            assert len({tts.voiceprint(manner) for manner in speeds}) == 3

    async def test_several_texts_are_said_at_the_same_time(self, tts: Tts) -> None:
        alone = await heard(tts, TEXT, self.manner)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(heard(tts, TEXT, self.manner)) for _ in range(4)]
        for task in tasks:
            assert len(task.result()) == pytest.approx(len(alone), rel=0.2)

    async def test_who_stops_listening_leaves_nothing_behind(self, tts: Tts) -> None:
        async with asyncio.timeout(PATIENCE), tts.speak(LONG, self.manner) as sound:
            async for _ in sound:
                break
        async with tts.speak(LONG, self.manner):
            pass

    async def test_a_cancelled_listener_leaves_nothing_behind(self, tts: Tts) -> None:
        task = asyncio.create_task(heard(tts, LONG * 4, self.manner))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
