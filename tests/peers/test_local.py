"""The embedded recogniser, with its real models and real speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers.speech import WORDS, blocks, error_rate, plain
from transcriber.audio.block import Block
from transcriber.engines.stt.base import Partial, SpeechStarted, StreamOptions, Stt
from transcriber.engines.stt.local import Local, LocalOptions
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
    assert kinds.count(Partial) >= 2


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
