"""The scripted recogniser keeps the promises of a recogniser."""

from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from tests.conformance.stt import SttConformance
from tests.fakes.stt import FakeStt
from transcriber.audio.block import SAMPLES, Block
from transcriber.engines.stt.base import Stt


class TestFakeStt(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with FakeStt() as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return [np.full(SAMPLES, word, np.float32) for word in range(1, 13)]

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]
