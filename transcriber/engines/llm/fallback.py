"""
Several language models as one, which is what agents talk to.

The first that is well answers. One that fails before its first word, or says nothing for
`PATIENCE` although another could, makes way for the next and is left alone for a while. Once
somebody may have heard the first word nothing is begun again: whoever leads the conversation knows
what was said and decides. A flow may name a model, `gpt-4.1` or `anthropic:claude-haiku-4-5`; the
engines that stand in for it use their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Container, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Self

import structlog
from pydantic import BaseModel, Field

from dialogs.errors import ModelFailed
from dialogs.ports import Piece, Prompt, Text, Usage
from transcriber import aio
from transcriber.engines.llm.base import Llm
from transcriber.engines.llm.tariff import Budget, Tariff
from transcriber.engines.member import Member
from transcriber.engines.stt.health import State
from transcriber.errors import EngineError

__all__ = ["Answered", "LlmOptions", "Models"]

PATIENCE = 4.0
"""Seconds until the first piece, while another model could answer."""
LAST_HOPE = 60.0
"""The same, when none could; whoever asks has less patience."""
STALL = 10.0
"""Seconds between two pieces."""
ROUNDS = 1
"""Times that all are asked again, when each has failed for a reason that may pass."""
TOKEN = 4
"""Characters of a token, roughly, where a service does not count."""

log = structlog.get_logger(__name__)


class LlmOptions(BaseModel):
    """Who answers in dialogs, and what that may cost."""

    engines: str = Field(
        "openai",
        pattern=r"^\s*[a-z][\w-]*\s*(,\s*[a-z][\w-]*\s*)*$",
        alias="LLM_BACKEND",
        description="language model of agents: openai, anthropic, compatible; several with commas, "
        "each for when the one before fails",
    )
    prices: str = Field(
        "",
        alias="LLM_PRICES",
        description="what models cost, a million tokens asked and written: "
        "`gpt-4.1-mini 0.40 1.60; claude-haiku 1 5`",
    )
    budget: float = Field(
        0.0,
        ge=0,
        alias="LLM_BUDGET",
        description="most that each process spends on models a day, by LLM_PRICES; 0: no limit",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The engines, best first."""
        return tuple(name.strip() for name in self.engines.split(","))


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one answer, for metrics; without `usage` it was not read to its end."""

    engine: str
    first: float
    """Seconds until its first piece."""
    usage: Usage | None


class Models:
    """The engines; `async with` frees what was opened. This is the port of dialogs."""

    def __init__(
        self,
        make: Callable[[str], Llm],
        names: Sequence[str],
        *,
        known: Container[str] = (),
        tariff: Tariff | None = None,
        budget: float = 0.0,
        observe: Callable[[Answered], object] = lambda answered: None,
        turned: Callable[[State], object] = lambda state: None,
    ) -> None:
        """`make` makes an engine by its name; `known` are those that a flow may name besides."""
        self._clock = asyncio.get_running_loop().time
        self._tariff = tariff or Tariff()
        self._budget = Budget(budget, self._clock)
        self._observe = observe
        self._turned = turned
        self._stack = AsyncExitStack()
        self._make = make
        self._known = known
        self._members: dict[str, Member[Llm]] = {}
        self._usual = [self._member(name) for name in names]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    def unusable(self) -> str:
        """Say what is wrong with every model, when none can be used."""
        problems = {member.name: member.engine.unusable() for member in self._usual}
        if not all(problems.values()):
            return ""
        return "; ".join(f"{name}: {problem}" for name, problem in problems.items())

    async def chat(self, prompt: Prompt) -> AsyncGenerator[Piece]:
        """Answer by the first model that can; raises `ModelFailed`."""
        if self._budget.over:
            raise ModelFailed("the budget of the day is spent")
        try:
            async with aclosing(self._answer(prompt)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineError as problem:
            log.warning("no answer", code=problem.code, pii_problem=str(problem))
            raise ModelFailed(str(problem)) from problem

    async def _answer(self, prompt: Prompt) -> AsyncGenerator[Piece]:
        candidates = self._candidates(prompt)
        problems: list[EngineError] = []
        for pause in (0.0, *aio.backoff(base=0.4, tries=ROUNDS)):
            await asyncio.sleep(pause)
            well = [one for one in candidates if one[0].due] or candidates
            problems.clear()
            for number, (member, asked) in enumerate(well):
                begun = False
                try:
                    wait = PATIENCE if number + 1 < len(well) else LAST_HOPE
                    async with aclosing(self._by(member, asked, wait)) as pieces:
                        async for piece in pieces:
                            begun = True
                            yield piece
                    return
                except EngineError as problem:
                    problems.append(problem)
                    if begun:
                        raise
            if not _may_pass(problems):
                break
        raise problems[0]

    async def _by(self, member: Member[Llm], prompt: Prompt, wait: float) -> AsyncGenerator[Piece]:
        """Let one model answer, within its deadlines, and note how it went and what it took."""
        began, usage, written = self._clock(), None, 0
        first: float | None = None
        model = prompt.model or next(iter(member.engine.info.models), "")
        try:
            with member.trial():
                async with aclosing(self._pieces(member, prompt, wait)) as pieces:
                    async for piece in pieces:
                        first = self._clock() - began if first is None else first
                        if isinstance(piece, Usage):
                            piece = usage = self._tariff.priced(piece, model)
                        elif isinstance(piece, Text):
                            written += len(piece.text)
                        yield piece
            member.health.heard()
        except EngineError as problem:
            if problem.kind != "bad_request":
                member.health.failed(problem, fruitless=first is None)
            raise
        finally:
            if first is not None:
                guess = self._tariff.priced(_guess(prompt, written), model)
                self._budget.spend((usage or guess).cost)
                self._observe(Answered(member.name, first, usage))

    async def _pieces(
        self, member: Member[Llm], prompt: Prompt, wait: float
    ) -> AsyncGenerator[Piece]:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(wait):
                    await member.enter(self._stack)
                    answer = await stack.enter_async_context(member.engine.chat(prompt))
                    piece = await anext(answer, None)
                if piece is None or isinstance(piece, Usage):
                    raise EngineError("engine", f"{member.name} has nothing to say")
                while piece is not None:
                    yield piece
                    async with asyncio.timeout(STALL):
                        piece = await anext(answer, None)
        except TimeoutError:
            raise EngineError("timeout", f"{member.name} does not answer") from None

    def _candidates(self, prompt: Prompt) -> list[tuple[Member[Llm], Prompt]]:
        """The engine that was named comes first, with the model that was; the others as usual."""
        name, colon, model = prompt.model.partition(":")
        named = bool(colon) and (name in self._members or name in self._known)
        first = self._member(name) if named else self._usual[0]
        wished = replace(prompt, model=model) if named else prompt
        others = [one for one in self._usual if one is not first]
        return [(first, wished), *((one, replace(prompt, model="")) for one in others)]

    def _member(self, name: str) -> Member[Llm]:
        if name not in self._members:
            self._members[name] = Member(name, self._make(name), self._told)
        return self._members[name]

    def _told(self, state: State) -> None:
        log.info("model is up" if state.up else "model is down", engine=state.engine)
        self._turned(state)


def _may_pass(problems: Sequence[EngineError]) -> bool:
    """Whether to ask again: not when nothing helps, and not when somebody has waited for long."""
    kinds = {problem.kind for problem in problems}
    return "timeout" not in kinds and any(problem.retryable for problem in problems)


def _guess(prompt: Prompt, written: int) -> Usage:
    """Count for a service that does not, and for answers that nobody heard to their end."""
    asked = sum(len(str(message.get("content") or "")) for message in prompt.messages)
    return Usage(asked // TOKEN, written // TOKEN)
