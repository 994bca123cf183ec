"""What every recogniser must do, whoever makes it."""

from __future__ import annotations

import asyncio
import re
from abc import abstractmethod
from collections.abc import Sequence

import pytest

from transcriber.audio.block import SECONDS, Block, silence
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Partial,
    SpeechStarted,
    StreamOptions,
    Stt,
    SttStream,
)

MANY = 2_000
"""Blocks (160 seconds) that no engine keeps for a speaker it does not read from."""
PATIENCE = 60.0
"""Seconds of the lane's clock after which a stream counts as stuck."""
SLACK = 0.1
"""Seconds by which the times of neighbouring utterances may overlap."""


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


async def everything(stream: SttStream) -> list[Heard]:
    async with asyncio.timeout(PATIENCE):
        return [heard async for heard in stream]


async def hear(
    stt: Stt,
    blocks: Sequence[Block],
    options: StreamOptions | None = None,
    *,
    paced: bool = False,
) -> list[Heard]:
    """Play blocks as a source that can wait, or as somebody speaks, and return all that comes."""
    async with stt.open(options or StreamOptions()) as stream, asyncio.TaskGroup() as group:

        async def play() -> None:
            for block in blocks:
                await stream.ready()
                stream.push(block)
                if paced:
                    await asyncio.sleep(SECONDS)
            stream.close()

        group.create_task(play())
        return await everything(stream)


def finals(heard: Sequence[Heard]) -> list[Final]:
    return [event for event in heard if isinstance(event, Final)]


def text(heard: Sequence[Heard]) -> str:
    return " ".join(final.text for final in finals(heard))


class SttConformance:
    """Derive from it, say `sentence` and `words`, and give a fixture `stt` that is entered."""

    pause: Sequence[Block] = tuple(silence() for _ in range(15))
    """Silence long enough to end an utterance."""

    @pytest.fixture
    @abstractmethod
    def stt(self) -> Stt: ...

    @pytest.fixture
    @abstractmethod
    def sentence(self) -> Sequence[Block]:
        """One spoken sentence."""

    @pytest.fixture
    @abstractmethod
    def said(self) -> Sequence[str]:
        """Words that are in it, in their order."""

    async def test_it_says_what_it_is(self, stt: Stt) -> None:
        assert stt.info.name
        assert stt.info.languages
        assert stt.info.sample_rate in (8_000, 16_000, 24_000)
        assert f"{stt.info.sample_rate // 1000} kHz" in stt.info.abilities
        assert stt.unusable() == ""

    async def test_it_hears_the_words(
        self, stt: Stt, sentence: Sequence[Block], said: Sequence[str]
    ) -> None:
        heard = words(text(await hear(stt, [*sentence, *self.pause])))
        assert [word for word in heard if word in said] == list(said)

    async def test_silence_has_no_words(self, stt: Stt) -> None:
        assert finals(await hear(stt, self.pause)) == []

    async def test_a_stream_without_audio_ends(self, stt: Stt) -> None:
        assert finals(await hear(stt, [])) == []

    async def test_the_last_words_come_although_the_stream_is_closed_at_once(
        self, stt: Stt, sentence: Sequence[Block], said: Sequence[str]
    ) -> None:
        assert said[0] in words(text(await hear(stt, sentence)))

    async def test_each_utterance_has_one_final_and_is_not_said_again(
        self, stt: Stt, sentence: Sequence[Block], said: Sequence[str]
    ) -> None:
        twice = await hear(stt, [*sentence, *self.pause, *sentence, *self.pause])
        assert words(text(twice)).count(said[0]) == 2
        for final, following in zip(finals(twice), finals(twice)[1:], strict=False):
            assert following.start >= final.end - SLACK

    async def test_partials_come_before_their_final_and_only_if_wanted(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        heard = await hear(stt, [*sentence, *self.pause], paced=True)
        if stt.info.partials:
            assert any(isinstance(event, Partial) for event in heard)
            assert not isinstance(heard[-1], Partial)
        quiet = await hear(stt, [*sentence, *self.pause], StreamOptions(partials=False))
        assert not any(isinstance(event, Partial) for event in quiet)

    async def test_every_utterance_is_announced_before_its_words(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        announced = False
        twice = [*sentence, *self.pause, *sentence, *self.pause]
        for event in await hear(stt, twice, StreamOptions(partials=False)):
            announced = announced or isinstance(event, SpeechStarted)
            if isinstance(event, Final):
                assert announced
                announced = False

    async def test_times_are_within_what_was_pushed_and_in_order(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        blocks = [*self.pause, *sentence, *self.pause]
        for final in finals(await hear(stt, blocks)):
            assert 0 <= final.start < final.end <= len(blocks) * SECONDS + SLACK
            assert final.start >= (len(self.pause) - 5) * SECONDS
            times = [at for word in final.words for at in (word.start, word.end)]
            assert times == sorted(times)
            assert bool(final.words) == (stt.info.word_times != "none")

    async def test_a_flush_ends_the_utterance_without_silence(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        async with asyncio.timeout(PATIENCE), stt.open(StreamOptions(partials=False)) as stream:
            for block in sentence:
                await stream.ready()
                stream.push(block)
                await asyncio.sleep(0)
            stream.flush()
            async for heard in stream:
                if isinstance(heard, Final):
                    break

    async def test_whoever_cannot_wait_loses_the_oldest_and_it_is_counted(self, stt: Stt) -> None:
        async with stt.open(StreamOptions()) as stream:
            for _ in range(MANY):
                stream.push(silence())
            assert 0 < stream.dropped < MANY

    async def test_whoever_waits_loses_nothing(self, stt: Stt) -> None:
        async with stt.open(StreamOptions()) as stream, asyncio.TaskGroup() as group:
            reading = group.create_task(everything(stream))
            for _ in range(150):
                await stream.ready()
                stream.push(silence())
            stream.close()
            await reading
            assert stream.dropped == 0

    async def test_a_closed_stream_takes_no_offence(self, stt: Stt) -> None:
        async with stt.open(StreamOptions()) as stream:
            stream.close()
            stream.close()
            stream.push(silence())
            stream.flush()
            await stream.ready()
            assert finals(await everything(stream)) == []

    async def test_leaving_early_leaves_nothing_behind(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        async with stt.open(StreamOptions()) as stream:
            for block in sentence:
                stream.push(block)

    async def test_a_cancelled_listener_leaves_nothing_behind(
        self, stt: Stt, sentence: Sequence[Block]
    ) -> None:
        async def listen() -> None:
            async with stt.open(StreamOptions()) as stream:
                for block in sentence:
                    stream.push(block)
                await everything(stream)

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_streams_do_not_hear_each_other(
        self, stt: Stt, sentence: Sequence[Block], said: Sequence[str]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            loud = group.create_task(hear(stt, [*sentence, *self.pause]))
            quiet = group.create_task(hear(stt, [*self.pause, *self.pause]))
        assert said[0] in words(text(loud.result()))
        assert text(quiet.result()) == ""
