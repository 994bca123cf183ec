"""A language model that always answers the same, word by word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self

from pydantic import BaseModel

from dialogs.ports import Piece, Prompt, Text, ToolCall, Usage
from tests.conformance.llm import LOOKING, SAID, WEATHER
from transcriber.engines.llm.base import Answer, LlmInfo
from transcriber.engines.stt.base import Progress
from transcriber.errors import EngineError, EngineProblem


class FakeLlmOptions(BaseModel):
    name: str = "fake"
    unusable: str = ""
    said: str = SAID
    failures: int = 0
    """Prompts that fail before the first word."""
    dies_after: int | None = None
    """Words of the first answer after which it breaks off."""
    problem: EngineProblem = "network"
    opening: float = 0.0
    """Seconds until the first word comes."""
    word: float = 0.0
    """Seconds until the next word comes."""
    counts: bool = True
    """Whether it says what an answer took: ten tokens for the prompt, one for each word."""


class FakeLlm:
    Options = FakeLlmOptions

    def __init__(self, options: FakeLlmOptions | None = None) -> None:
        self.options = options or FakeLlmOptions()
        name = self.options.name
        self.info = LlmInfo(name, "Scripted model", (f"{name}-1",))
        self.failures = self.options.failures
        self.dies_after = self.options.dies_after
        self.asked: list[Prompt] = []
        self.writing = 0
        self.entered = False

    def unusable(self) -> str:
        return self.options.unusable

    async def prepare(self, progress: Progress) -> None:
        progress("ready", 1.0)

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(self, *failure: object) -> None:
        self.entered = False

    @asynccontextmanager
    async def chat(self, prompt: Prompt) -> AsyncIterator[Answer]:
        self.asked.append(prompt)
        if self.failures:
            self.failures -= 1
            raise EngineError(self.options.problem, "no model")
        await asyncio.sleep(self.options.opening)
        self.writing += 1
        try:
            async with aclosing(self._pieces(prompt)) as pieces:
                yield pieces
        finally:
            self.writing -= 1

    async def _pieces(self, prompt: Prompt) -> AsyncGenerator[Piece]:
        wanted = prompt.messages[-1]["content"] == WEATHER
        words = (LOOKING if wanted else self.options.said).split()
        for number, word in enumerate(words):
            if number == self.dies_after:
                self.dies_after = None
                raise EngineError(self.options.problem, "broke off")
            yield Text(word if number == 0 else f" {word}")
            await asyncio.sleep(self.options.word)
        if wanted:
            yield ToolCall("call_1", "weather", '{"city": "Paris"}')
        if self.options.counts:
            yield Usage(10, len(words))
