"""The embedded voice, with its real model, heard by the embedded recogniser."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.conformance.stt import hear, text, words
from tests.conformance.tts import TtsConformance, heard
from tests.peers import missing
from transcriber.audio.block import Blocks, silence
from transcriber.engines.stt.local import Local as Recogniser
from transcriber.engines.stt.local import LocalOptions as RecogniserOptions
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.local import Local, LocalOptions
from transcriber.errors import EngineError

SAID = "The meeting begins at nine in the large room on the second floor."


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if problem := Local(LocalOptions.model_validate({})).unusable():
        missing(problem)


class TestLocal(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with Local(LocalOptions.model_validate({})) as tts:
            yield tts


async def test_what_it_says_is_understood() -> None:
    recogniser = Recogniser(RecogniserOptions.model_validate({}))
    async with Local(LocalOptions.model_validate({})) as tts, recogniser as stt:
        cut = Blocks()
        blocks = [*cut.push(await heard(tts, SAID)), *cut.flush()]
        understood = words(text(await hear(stt, [silence(), *blocks, *[silence()] * 15])))
    assert understood == words(SAID)


async def test_the_same_text_sounds_the_same() -> None:
    async with Local(LocalOptions.model_validate({})) as tts:
        first, second = await heard(tts, SAID), await heard(tts, SAID)
    assert np.array_equal(first, second)


async def test_a_text_that_breaks_the_model_is_an_error_of_the_engine() -> None:
    async with Local(LocalOptions.model_validate({})) as tts:
        with pytest.raises(EngineError) as refused:
            await heard(tts, "1" * 5_000)
    assert refused.value.kind == "engine"


async def test_nothing_is_said_before_it_is_entered() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        await heard(Local(LocalOptions.model_validate({})), SAID, Manner())
