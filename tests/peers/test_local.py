"""The embedded recogniser, with its real models and real speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers.speech import WORDS, blocks, error_rate, plain
from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.segments import RATE, WINDOW
from transcriber.engines.stt.base import Partial, SpeechStarted, StreamOptions, Stt
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.engines.stt.moonshine import Moonshine, find
from transcriber.engines.vad import Silero
from transcriber.errors import EngineError


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    async with Local(LocalOptions()) as engine:
        yield engine


class TestLocal(SttConformance):
    @pytest.fixture
    def stt(self, local: Local) -> Stt:
        return local

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return blocks(13.9, 17.3)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return ["he", "might", "even", "have", "been", "made", "amiable", "himself"]


async def test_it_understands_the_sample(local: Local) -> None:
    heard = await hear(local, blocks())
    assert error_rate(WORDS, plain(text(heard))) <= 5


async def test_partials_grow_towards_the_final(local: Local) -> None:
    heard = await hear(local, blocks(0, 8.2), paced=True)
    kinds = [type(event) for event in heard]
    assert kinds[0] is SpeechStarted
    assert Partial in kinds


async def test_partials_and_finals_hear_the_same_words_in_the_end(local: Local) -> None:
    with_partials = await hear(local, blocks(), paced=True)
    without = await hear(local, blocks(), StreamOptions(partials=False))
    assert plain(text(with_partials)) == plain(text(without))


async def test_many_speakers_share_one_model(local: Local) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hear(local, blocks(13.9, 17.3))) for _ in range(8)]
    assert {text(task.result()) for task in tasks} == {text(tasks[0].result())}
    assert all(len(finals(task.result())) == 1 for task in tasks)


async def test_it_must_be_entered_before_it_listens() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        async with Local(LocalOptions()).open(StreamOptions()):
            pass


async def test_entering_again_loads_again() -> None:
    engine = Local(LocalOptions())
    for _ in range(2):
        async with engine:
            assert finals(await hear(engine, blocks(13.9, 17.3)))


@pytest.mark.parametrize("draft", ["He might even have been", "They will", ""])
def test_a_draft_saves_work_and_changes_no_word(draft: str) -> None:
    model = Moonshine(find(None))
    audio = heard(13.9, 17.3)
    pieces = model.hear(audio, [])
    guessed = [piece for piece in pieces if model.text([piece]) in draft.split()]
    assert model.text(model.hear(audio, guessed)) == model.text(pieces)


def test_windows_are_judged_alike_one_by_one_and_together() -> None:
    windows, silero = heard(13.9, 17.3).reshape(-1, WINDOW), Silero()
    together, voice = silero.voice().probabilities(windows), silero.voice()
    alone = [voice.probabilities(one[np.newaxis])[0] for one in windows]
    assert alone == pytest.approx(together, abs=1e-4)
    assert min(together) < 0.1 < 0.9 < max(together)


def heard(start: float, stop: float) -> Samples:
    """A part of the sample as models hear it, in whole windows."""
    audio = Resampler(CALL_RATE, RATE).push(np.concatenate(blocks(start, stop)))
    return audio[: len(audio) - len(audio) % WINDOW]
