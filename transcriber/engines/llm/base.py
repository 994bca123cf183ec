"""
What every language model offers.

A model is chosen by the name of its interface, made from its `Options`, and entered once for the
process. Prompts and answers are those of the dialogs' port (`dialogs.ports`), whose messages are as
OpenAI's chat API has them; an interface that wants them otherwise translates.

* An answer comes in pieces, each as soon as it is written; a tool call when it is complete; what
  the answer took at its end, once. What a model thinks to itself is no piece.
* Who stops reading leaves the block, and the model stops working and costing money.
* An engine makes no second try. When it fails it raises `EngineError`; `fallback.py` decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from dialogs.ports import Piece, Prompt, Usage
from transcriber.engines.stt.base import Progress

__all__ = ["GO_ON", "Answer", "Llm", "LlmInfo", "Script", "going_on"]

Answer = AsyncIterator[Piece]
"""What a model writes, piece by piece."""
Message = Mapping[str, Any]
GO_ON = {"role": "user", "content": "(Please go on.)"}
"""Asks for the next words where nobody has said anything since the model's own."""


@dataclass(frozen=True, slots=True)
class LlmInfo:
    """What an engine can do, for people who choose."""

    name: str
    title: str
    models: tuple[str, ...]
    """Those it is known to have, the usual one first."""
    languages: tuple[str, ...] = ("*",)
    licence: str = ""

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can do, in words."""
        return ("streaming", "tools")


class Llm(Protocol):
    """An engine that answers many at once; `async with` opens and closes it."""

    info: LlmInfo
    Options: Any
    """A pydantic model of its settings; a field's alias is the setting's name."""

    def __init__(self, options: Any) -> None: ...

    def unusable(self) -> str:
        """Say why it cannot work here and what to do about it; empty when it can."""

    async def prepare(self, progress: Progress) -> None:
        """Load or fetch what takes time. Entering does the same, without telling anybody."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    def chat(self, prompt: Prompt) -> AbstractAsyncContextManager[Answer]:
        """Answer."""


class Script(Protocol):
    """One answer as an interface writes it."""

    over: bool
    """Whether this was its last word."""
    complete: bool
    """Whether nothing is missing, should the connection end here."""
    usage: Usage

    def heard(self, data: str) -> Iterable[Piece]:
        """Understand an event; raises `EngineError`, also for what cannot be understood."""


def going_on(messages: Sequence[Message]) -> list[Message]:
    """Let messages end with what is to be answered: some models go on with their own words."""
    own = bool(messages) and messages[-1]["role"] == "assistant"
    return [*messages, GO_ON] if own else list(messages)
