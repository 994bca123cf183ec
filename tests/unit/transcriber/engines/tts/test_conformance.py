"""The scripted voice keeps the promises of a voice."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.tts import TtsConformance
from tests.fakes.tts import FakeTts
from transcriber.engines.tts.base import Tts


class TestFakeTts(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with FakeTts() as tts:
            yield tts
