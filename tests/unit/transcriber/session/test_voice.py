"""Our mouth: sentence after sentence without a gap, silent within a packet, honest about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from dialogs.errors import VoiceFailed
from dialogs.ports import Sound, Style
from tests.fakes.call import Mute
from tests.fakes.mouth import STEP, FakeMouth, FakeVoice
from transcriber.session.voice import HEARD_WITHIN, SOUND_WITHIN, Voice, open_voice

STYLE = Style()
TWO = "One two three. Four five six seven."


@asynccontextmanager
async def speaking(
    fake: FakeVoice | None = None, *, connected: bool = True
) -> AsyncIterator[tuple[Voice, FakeMouth, FakeVoice]]:
    mouth, made = FakeMouth(connected=connected), fake or FakeVoice()
    async with open_voice(mouth, speak=made.speak, fetch=made.fetch) as voice:
        yield voice, mouth, made
    assert made.open == 0


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_text_is_spoken_sentence_by_sentence_without_a_gap() -> None:
    async with speaking() as (voice, mouth, made):
        began = now()
        await voice.say(TWO, STYLE).finished()
    assert [text for text, _ in made.asked] == ["One two three.", "Four five six seven."]
    assert mouth.seconds == pytest.approx(3.5, abs=STEP)
    assert mouth.packets[0] - began <= 0.1 + STEP
    gaps = [b - a for a, b in zip(mouth.packets, mouth.packets[1:], strict=False)]
    assert max(gaps) == pytest.approx(STEP)


async def test_whoever_waits_for_the_end_waits_until_it_was_heard() -> None:
    async with speaking() as (voice, mouth, _):
        await voice.say("Just this.", STYLE).finished()
        assert now() >= mouth.packets[-1]
        assert mouth.seconds == pytest.approx(1.0)


async def test_stopping_takes_back_all_but_a_packet_and_tells_what_was_heard() -> None:
    async with speaking() as (voice, mouth, _):
        saying = voice.say(TWO, STYLE)
        waiting = asyncio.create_task(saying.finished())
        await asyncio.sleep(0.1 + 2.6)
        sent = len(mouth.packets)
        assert saying.stop() == "One two three. Four five"
        await waiting
        await asyncio.sleep(1)
        assert len(mouth.packets) <= sent + 1
        assert saying.stop() == "One two three. Four five"


async def test_nothing_was_heard_of_what_was_stopped_at_once() -> None:
    async with speaking() as (voice, mouth, _):
        saying = voice.say(TWO, STYLE)
        assert saying.stop() == ""
        await saying.finished()
        assert not mouth.packets


async def test_what_was_heard_of_an_unfinished_sentence_is_a_guess() -> None:
    async with speaking(FakeVoice(word=0.35)) as (voice, _, _made):
        text = " ".join(["word"] * 60)
        saying = voice.say(text, STYLE)
        waiting = asyncio.create_task(saying.finished())
        await asyncio.sleep(0.1 + 3.5)
        assert len(saying.stop().split()) in (9, 10)
        await waiting


async def test_after_the_end_all_of_it_was_heard() -> None:
    async with speaking() as (voice, _, _made):
        saying = voice.say(TWO, STYLE)
        await saying.finished()
        assert saying.stop() == TWO


async def test_what_was_expected_is_said_at_once() -> None:
    async with speaking(FakeVoice(first=0.8)) as (voice, mouth, made):
        voice.expect("Next one.", STYLE)
        await asyncio.sleep(1)
        began = now()
        await voice.say("Next one.", STYLE).finished()
        assert mouth.packets[0] - began <= STEP
        assert len(made.asked) == 1


async def test_what_was_expected_and_does_not_come_is_forgotten() -> None:
    async with speaking() as (voice, _, made):
        voice.expect("Not this.", STYLE)
        voice.expect("Nor this.", STYLE)
        await voice.say("But this.", STYLE).finished()
        assert made.open == 0
        voice.expect("Never said at all.", STYLE)
        await asyncio.sleep(0.11)


async def test_a_voice_that_fails_says_so_after_what_it_could_say() -> None:
    async with speaking(FakeVoice(fails="Four five six seven.")) as (voice, mouth, _):
        with pytest.raises(VoiceFailed, match="the voice is away"):
            await voice.say(TWO, STYLE).finished()
        assert mouth.seconds == pytest.approx(1.5)


async def test_a_voice_that_says_nothing_is_not_waited_for() -> None:
    async with speaking(FakeVoice(hangs="Hello.")) as (voice, _, _made):
        with pytest.raises(VoiceFailed, match="no sound"):
            await voice.say("Hello.", STYLE).finished()
        assert now() == pytest.approx(0.1 + SOUND_WITHIN, abs=0.2)


async def test_a_call_that_does_not_come_back_is_not_waited_for() -> None:
    async with speaking(connected=False) as (voice, mouth, _):
        with pytest.raises(VoiceFailed, match="could be sent"):
            await voice.say(TWO, STYLE).finished()
        assert now() >= HEARD_WITHIN
        assert mouth.sender.queued == 0


async def test_a_call_without_a_mouth_says_so() -> None:
    made = FakeVoice()
    async with open_voice(Mute(), speak=made.speak, fetch=made.fetch) as voice:
        with pytest.raises(VoiceFailed, match="nobody can hear us"):
            await voice.say(TWO, STYLE).finished()


async def test_a_call_that_is_full_says_so() -> None:
    async with speaking() as (voice, mouth, _):
        mouth.sender.close()
        for _ in range(30):
            mouth.sender.play(np.zeros(24_000 * 10, np.float32))
        with pytest.raises(VoiceFailed, match="wait already"):
            await voice.say("Hello.", STYLE).finished()


async def test_sounds_are_played_like_words() -> None:
    async with speaking(FakeVoice(fails="b.wav")) as (voice, mouth, made):
        sound = Sound(file="a.wav", flow="x.yaml")
        await voice.play(sound).finished()
        assert made.sounds == [sound]
        assert mouth.seconds == pytest.approx(1.0)
        with pytest.raises(VoiceFailed, match="no such file"):
            await voice.play(Sound(file="b.wav")).finished()


async def test_nothing_is_heard_when_the_block_is_over() -> None:
    async with speaking() as (voice, mouth, _):
        waiting = asyncio.create_task(voice.say(TWO, STYLE).finished())
        await asyncio.sleep(0.5)
        waiting.cancel()
    sent = len(mouth.packets)
    await asyncio.sleep(1)
    assert len(mouth.packets) <= sent + 1
