"""What every language model must do, whoever offers it."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import pytest

from dialogs.ports import Piece, Prompt, Text, ToolCall, Usage
from transcriber.engines.llm.base import Llm

PATIENCE = 60.0
"""Seconds of the lane's clock after which an answer counts as stuck."""
SAID = "We open at five. Would you like a table? It’s no trouble."
"""What the model answers to anything but the following."""
WEATHER = "What is the weather in Paris?"
"""Asked this, the model says `LOOKING` and wants the tool `weather` for Paris."""
LOOKING = "Let me look."
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def prompt(*said: str, **more: Any) -> Prompt:
    """Somebody and the model take turns, somebody first."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    return Prompt([{"role": "system", "content": "You are a host."}, *messages], [TOOL], **more)


async def answer(llm: Llm, asked: Prompt) -> list[Piece]:
    """All that is written."""
    async with asyncio.timeout(PATIENCE), llm.chat(asked) as pieces:
        return [piece async for piece in pieces]


def text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


class LlmConformance:
    """Derive from it and give a fixture `llm` that is entered."""

    @pytest.fixture
    @abstractmethod
    def llm(self) -> Llm: ...

    async def test_it_says_what_it_is(self, llm: Llm) -> None:
        assert llm.info.name
        assert llm.info.models
        assert llm.unusable() == ""

    async def test_an_answer_comes_in_pieces_and_is_whole(self, llm: Llm) -> None:
        pieces = await answer(llm, prompt("When do you open?"))
        assert text(pieces) == SAID
        assert sum(isinstance(piece, Text) and bool(piece.text) for piece in pieces) > 1

    async def test_what_it_took_is_told_once_and_last(self, llm: Llm) -> None:
        *pieces, last = await answer(llm, prompt("When do you open?"))
        assert isinstance(last, Usage)
        assert last.prompt_tokens > 0
        assert last.completion_tokens > 0
        assert not any(isinstance(piece, Usage) for piece in pieces)

    async def test_a_tool_is_wanted_when_all_is_said_about_it(self, llm: Llm) -> None:
        pieces = await answer(llm, prompt(WEATHER))
        assert text(pieces) == LOOKING
        (call,) = [piece for piece in pieces if isinstance(piece, ToolCall)]
        assert call.id
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Paris"})

    async def test_a_conversation_with_a_tool_in_it_goes_on(self, llm: Llm) -> None:
        function = {"name": "weather", "arguments": '{"city": "Paris"}'}
        used = {"id": "call_1", "type": "function", "function": function}
        said: list[dict[str, object]] = [
            {"role": "system", "content": "You are a host."},
            {"role": "assistant", "content": "Good evening."},
            {"role": "user", "content": "Is it warm in Paris?"},
            {"role": "assistant", "content": LOOKING},
            {"role": "assistant", "content": "", "tool_calls": [used]},
            {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
        ]
        assert text(await answer(llm, Prompt(said, [TOOL]))) == SAID

    async def test_it_goes_on_after_its_own_words(self, llm: Llm) -> None:
        assert text(await answer(llm, prompt("Hello", "One moment, please."))) == SAID

    async def test_several_are_answered_at_the_same_time(self, llm: Llm) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(llm, prompt("Hello"))) for _ in range(4)]
        assert [text(task.result()) for task in tasks] == [SAID] * 4

    async def test_who_stops_reading_leaves_nothing_behind(self, llm: Llm) -> None:
        async with asyncio.timeout(PATIENCE), llm.chat(prompt("Hello")) as pieces:
            async for _ in pieces:
                break
        async with llm.chat(prompt("Hello")):
            pass

    async def test_who_is_cancelled_leaves_nothing_behind(self, llm: Llm) -> None:
        task = asyncio.create_task(answer(llm, prompt("Hello")))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
