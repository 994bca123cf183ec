"""The scripted model keeps the promises of a model."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.llm import LlmConformance
from tests.fakes.llm import FakeLlm
from transcriber.engines.llm.base import Llm


class TestFakeLlm(LlmConformance):
    @pytest.fixture
    async def llm(self) -> AsyncIterator[Llm]:
        async with FakeLlm() as llm:
            yield llm
