"""A recogniser whose words are fit to be read."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.conformance.stt import SttConformance, hear, text
from tests.fakes.stt import FakeOptions, FakeStream, FakeStt
from transcriber.audio.block import SAMPLES, Block, silence
from transcriber.captions.readable import readable
from transcriber.captions.scribe import CaptionOptions
from transcriber.engines.stt.base import Partial, SpeechStarted, StreamOptions, Stt
from transcriber.errors import EngineError

PAUSE = [silence()] * 15


def blocks(*numbers: int) -> list[Block]:
    return [np.full(SAMPLES, number, np.float32) for number in numbers]


class TestReadable(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with readable(FakeStt()) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return blocks(*range(1, 13))

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]


async def test_what_must_not_leave_does_not() -> None:
    options = CaptionOptions.model_validate({"REDACT": "card"})
    card = [*blocks(4111), *blocks(1111) * 3]
    heard = await hear(readable(FakeStt(), options), [*card, *PAUSE])
    assert text(heard) == "[card]"
    assert not any(isinstance(event, Partial) for event in heard)
    assert isinstance(heard[0], SpeechStarted)


async def test_what_the_recogniser_says_of_itself_is_passed_on() -> None:
    progress: list[str] = []
    captions = readable(FakeStt())
    await captions.prepare(lambda what, done: progress.append(what))
    assert progress == ["ready"]
    assert captions.unusable() == ""
    async with captions.open(StreamOptions()) as stream:
        assert stream.dropped == 0
        stream.push(blocks(7)[0])
        stream.flush()
        assert [event async for event in _until_final(stream)][-1] == "7"


async def _until_final(stream: object) -> AsyncIterator[str]:
    stream.close()  # type: ignore[attr-defined]
    async for heard in stream:  # type: ignore[attr-defined]
        if not isinstance(heard, SpeechStarted):
            yield heard.text


async def test_its_failures_are_passed_on() -> None:
    with pytest.raises(EngineError):
        await hear(readable(FakeStt(FakeOptions(failures=1))), blocks(1))


async def test_the_vocabulary_of_the_settings_reaches_the_engine_and_its_words() -> None:
    seen: list[tuple[str, ...]] = []

    class Curious(FakeStt):
        @asynccontextmanager
        async def open(self, options: StreamOptions) -> AsyncIterator[FakeStream]:
            seen.append(options.vocabulary)
            async with super().open(options) as stream:
                yield stream

    options = CaptionOptions.model_validate({"VOCABULARY": "Nextcloud"})
    captions = readable(Curious(), options)
    async with captions.open(StreamOptions(vocabulary=("Talk",))):
        pass
    assert seen == [("Nextcloud", "Talk")]
