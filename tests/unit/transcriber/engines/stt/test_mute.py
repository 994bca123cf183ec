"""When somebody speaks and nothing comes of it."""

from __future__ import annotations

import numpy as np

from transcriber.audio.block import SAMPLES, SECONDS, Block, silence
from transcriber.engines.stt.mute import MUTE, Unanswered

ENOUGH = round(MUTE / SECONDS)


def voice(loud: float = 0.5) -> Block:
    return np.full(SAMPLES, loud, np.float32)


def heard(blocks: list[Block], unanswered: Unanswered | None = None) -> list[float | None]:
    """Say it at the pace of a call; what is overdue after each block."""
    ear = unanswered or Unanswered(MUTE)
    return [ear.heard(block, number * SECONDS) for number, block in enumerate(blocks, 1)]


def test_an_answer_is_overdue_after_enough_speech_and_enough_time() -> None:
    due = heard([voice()] * ENOUGH)
    assert due[:-1] == [None] * (ENOUGH - 1)
    assert due[-1] == SECONDS + MUTE


def test_speech_that_comes_faster_than_life_has_the_time_of_life_to_be_answered() -> None:
    ear = Unanswered(MUTE)
    assert [ear.heard(voice(), 7.0) for _ in range(ENOUGH)][-1] == 7.0 + MUTE


def test_silence_and_what_is_much_softer_is_no_speech() -> None:
    few = [voice()] * (ENOUGH - 1)
    assert heard([silence()] * 99) == [None] * 99
    assert not any(heard([*few, *[voice(0.02)] * 99, *[silence()] * 99]))
    assert heard([*few, silence(), voice(0.3)])[-1]


def test_an_answer_begins_it_anew() -> None:
    ear = Unanswered(MUTE)
    few = [voice()] * (ENOUGH - 1)
    assert not any(heard(few, ear))
    ear.answered()
    assert not any(heard([voice(0.04)] * (ENOUGH - 1), ear))
