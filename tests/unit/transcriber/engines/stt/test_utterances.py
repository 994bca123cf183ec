"""Listening goes on while an utterance is recognised, and its end waits for nothing needless."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from transcriber.audio.block import SAMPLES, SECONDS, Block, Samples, silence
from transcriber.engines.segments import Rules, Said, Work
from transcriber.engines.stt.base import Final, Heard, Partial, SpeechStarted
from transcriber.engines.stt.utterances import UtteranceStream
from transcriber.errors import EngineError

VOICE = [np.full(SAMPLES, 0.5, np.float32)]
RULES = Rules(partial=0.5, guess=0.25, end_silence=0.5)


class Loudness:
    """A voice is loud."""

    def probabilities(self, windows: Samples) -> list[float]:
        return [0.9 if float(np.abs(window).max()) > 0.1 else 0.1 for window in windows]


class Slow:
    """Recognises a length of speech, in as many seconds as it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[Work] = []
        self.cut = 0

    async def __call__(self, work: Work) -> Said:
        self.asked.append(work)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        return Said(f"{work.end:.1f}")


async def listen(
    slow: Slow, blocks: Sequence[Block], rules: Rules = RULES
) -> list[tuple[float, Heard]]:
    """Say something at the pace of a call; what was heard, and when."""
    clock = asyncio.get_running_loop().time
    began, heard = clock(), list[tuple[float, Heard]]()
    stream = UtteranceStream(Loudness(), slow, rules)  # type: ignore[arg-type]

    async def speak() -> None:
        for block in blocks:
            await asyncio.sleep(SECONDS)
            stream.push(block)
        stream.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(speak())
        async for event in stream:
            heard.append((clock() - began, event))
    return heard


def first(heard: Sequence[tuple[float, Heard]], kind: type[Heard]) -> float:
    return next(at for at, event in heard if isinstance(event, kind))


async def test_the_end_does_not_wait_for_a_partial_on_its_way() -> None:
    spoken, slow = 1.2, Slow(1.2)
    heard = await listen(slow, [*VOICE * round(spoken / SECONDS), *[silence()] * 20])
    assert [work.pausing for work in slow.asked].count(True) == 1
    assert first(heard, Final) < spoken + RULES.guess + slow.seconds + 2 * SECONDS
    assert slow.cut == 1


async def test_a_final_is_there_at_once_when_the_pause_was_long_enough_for_it() -> None:
    slow = Slow(0.05)
    heard = await listen(slow, [*VOICE * 10, *[silence()] * 20])
    assert not any(work.final for work in slow.asked)
    assert first(heard, Final) < 0.8 + RULES.end_silence + 2 * SECONDS


async def test_one_partial_at_a_time_is_recognised_and_told_while_somebody_speaks() -> None:
    heard = await listen(Slow(1.0), VOICE * 40)
    partials = [at for at, event in heard if isinstance(event, Partial)]
    assert 1 <= len(partials) <= 3
    assert first(heard, SpeechStarted) < partials[0] < first(heard, Final)


class OneAtATime(Slow):
    """A machine that many share and that is too slow for all they would like to know."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._free = asyncio.Lock()

    async def __call__(self, work: Work) -> Said:
        async with self._free:
            return await super().__call__(work)


async def test_on_a_machine_that_is_too_slow_partials_are_left_out_and_finals_are_not_late() -> (
    None
):
    speakers, sentences, slow = 6, 3, OneAtATime(0.25)
    sentence = [*VOICE * 20, *[silence()] * 10]
    heard = await asyncio.gather(*(listen(slow, sentence * sentences) for _ in range(speakers)))
    finals = [(at, event) for one in heard for at, event in one if isinstance(event, Final)]
    partials = [event for one in heard for _, event in one if isinstance(event, Partial)]
    assert len(finals) == speakers * sentences
    assert max(at - event.end for at, event in finals) < RULES.end_silence + 2.0
    assert len(partials) < speakers * sentences * 20 * SECONDS / RULES.partial / 2


async def test_who_is_behind_recognises_nothing_but_what_is_over() -> None:
    slow = Slow(0.1)
    stream = UtteranceStream(Loudness(), slow, RULES)  # type: ignore[arg-type]
    for block in [*VOICE * 40, *[silence()] * 10, *VOICE * 2]:
        stream.push(block)
    stream.close()
    heard = [event async for event in stream]
    assert sum(isinstance(event, Final) for event in heard) == 1
    assert [work.final for work in slow.asked] == [True]
    assert stream.dropped == 0


async def test_who_goes_on_after_a_pause_is_recognised_anew() -> None:
    slow = Slow(0.05)
    heard = await listen(slow, [*VOICE * 6, *[silence()] * 5, *VOICE * 6, *[silence()] * 20])
    (final,) = [event for _, event in heard if isinstance(event, Final)]
    assert final.end > 1.3
    assert sum(work.pausing for work in slow.asked) == 2


async def test_a_recogniser_that_fails_ends_the_stream() -> None:
    async def fail(work: Work) -> Said:
        raise EngineError("engine", "broken")

    with pytest.raises(ExceptionGroup) as failed:
        await listen(fail, VOICE * 20)  # type: ignore[arg-type]
    assert failed.group_contains(EngineError)


async def test_a_failure_that_nobody_wants_to_know_of_is_forgotten() -> None:
    class Failing(Slow):
        async def __call__(self, work: Work) -> Said:
            said = await super().__call__(work)
            if not work.final and not work.pausing:
                raise EngineError("engine", "broken")
            return said

    heard = await listen(Failing(0.3), [*VOICE * 7, *[silence()] * 20])
    assert first(heard, Final)
