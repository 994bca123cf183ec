"""
Several voices as one: chosen by language, wish and policy, and replaced when they fail.

`Members` are the engines themselves, loaded once, with what is known of their health. Something is
said by the first engine that can say it and is well. One that fails, or is silent for `PATIENCE`
although another could speak, makes way for the next, and is left alone for a while; then one text
is tried on it. A sentence that breaks off is said again from its beginning: heard twice is better
than not understood. What an engine has said before it can say again, well or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

import structlog

from transcriber import aio
from transcriber.audio.block import RATE, Samples
from transcriber.engines.member import Member
from transcriber.engines.stt.health import State
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.cache import Cache, Cached
from transcriber.errors import EngineError

__all__ = ["Members", "Spoken"]

log = structlog.get_logger(__name__)

PATIENCE = 2.5
"""Seconds until the first sound, while another engine could speak."""
LAST_HOPE = 10.0
"""The same, when nobody else could."""
STALL = 5.0
"""Seconds between two pieces of a sound."""
ROUNDS = 2
"""Times that all engines are asked again, when each has failed for a reason that may pass."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of one sentence, for metrics: who said it and what it took."""

    engine: str
    characters: int
    seconds: float
    """Of sound."""
    first_audio: float
    """Seconds until the first of it came."""
    cached: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that could say something, and how it would."""

    member: Member[Cached]
    text: str
    manner: Manner

    @property
    def cached(self) -> bool:
        """Whether it said that before."""
        return self.member.engine.remembers(self.text, self.manner)


class Members:
    """The engines that policies choose from; `async with` frees what was loaded."""

    def __init__(
        self,
        make: Callable[[str], Tts],
        *,
        cache_bytes: int,
        observe: Callable[[Spoken], object] = lambda spoken: None,
        turned: Callable[[State], object] = lambda state: None,
    ) -> None:
        self._make = make
        self._observe = observe
        self._turned = turned
        self._cache = Cache(cache_bytes)
        self._members: dict[str, Member[Cached]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._cache.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._members.clear()
        await self._cache.__aexit__(*failure)
        await self._stack.aclose()

    @property
    def states(self) -> list[State]:
        """How each engine is that was asked for anything."""
        return [member.health.state for member in self._members.values()]

    def member(self, name: str) -> Member[Cached]:
        """Make an engine, or return the one there is; raises `Misconfigured`."""
        if name not in self._members:
            self._members[name] = Member(name, Cached(self._make(name), self._cache), self._told)
        return self._members[name]

    async def load(self, names: Sequence[str]) -> None:
        """Load engines before they are needed; what is wrong with one is found out again then."""
        for name in names:
            member = self.member(name)
            try:
                await member.enter(self._stack)
            except EngineError as problem:
                member.health.failed(problem, fruitless=True)

    @asynccontextmanager
    async def speak(
        self, text: str, manner: Manner, names: Sequence[str]
    ) -> AsyncGenerator[AsyncGenerator[tuple[str, Samples]]]:
        """Say something by the first of the named engines that can; tells whose sound it is."""
        candidates = self._candidates(text, manner, names)
        async with aclosing(self._said(candidates)) as sound:
            yield sound

    async def _said(self, candidates: Sequence[Candidate]) -> AsyncGenerator[tuple[str, Samples]]:
        problems: list[EngineError] = []
        for pause in (0.0, *aio.backoff(base=0.4, tries=ROUNDS)):
            await asyncio.sleep(pause)
            well = [one for one in candidates if one.member.due or one.cached]
            problems.clear()
            for number, candidate in enumerate(well or candidates):
                others = number + 1 < len(well)
                try:
                    async with aclosing(self._by(candidate, others=others)) as sound:
                        async for samples in sound:
                            yield candidate.member.name, samples
                except EngineError as problem:
                    problems.append(problem)
                else:
                    return
            if not _may_pass(problems):
                break
        raise problems[0]

    async def _by(self, candidate: Candidate, *, others: bool) -> AsyncGenerator[Samples]:
        """Let one engine speak, within its deadlines, and note how it went."""
        member, cached = candidate.member, candidate.cached
        clock = asyncio.get_running_loop().time
        began, first, samples = clock(), 0.0, 0
        try:
            with member.trial():
                async with aclosing(self._pieces(candidate, others=others)) as sound:
                    async for piece in sound:
                        first = first or clock() - began
                        samples += len(piece)
                        yield piece
        except EngineError as problem:
            if problem.kind != "bad_request":
                member.health.failed(problem, fruitless=not samples)
            raise
        if not cached:
            member.health.heard()
        characters, seconds = len(candidate.text), samples / RATE
        self._observe(Spoken(member.name, characters, seconds, first, cached))

    async def _pieces(self, candidate: Candidate, *, others: bool) -> AsyncGenerator[Samples]:
        member = candidate.member
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(PATIENCE if others else LAST_HOPE):
                    await member.enter(self._stack)
                    speech = member.engine.speak(candidate.text, candidate.manner)
                    sound = await stack.enter_async_context(speech)
                    piece = await anext(sound, None)
                while piece is not None:
                    yield piece
                    async with asyncio.timeout(STALL):
                        piece = await anext(sound, None)
        except TimeoutError:
            raise EngineError("timeout", f"{member.name} says nothing") from None

    def _candidates(self, text: str, manner: Manner, names: Sequence[str]) -> list[Candidate]:
        """Those who have the wished voice come first; the others speak in their own."""
        members = [self.member(name) for name in names]
        knowing = [member for member in members if member.engine.info.able(manner)]
        if not knowing and len(members) == 1:
            members[0].engine.info.demand(manner)
        if not knowing:
            raise EngineError("bad_request", _nobody(manner), remedy="name one in TTS_BACKEND")
        usual = replace(manner, voice="")
        others = [one for one in members if one not in knowing and one.engine.info.able(usual)]
        return [
            *(Candidate(member, text, manner) for member in knowing),
            *(Candidate(member, text, usual) for member in others),
        ]

    def _told(self, state: State) -> None:
        log.info("voice is up" if state.up else "voice is down", engine=state.engine)
        self._turned(state)


def _may_pass(problems: Sequence[EngineError]) -> bool:
    """Whether to ask again: not when nothing helps, and not when somebody has waited for long."""
    kinds = {problem.kind for problem in problems}
    return "timeout" not in kinds and any(problem.retryable for problem in problems)


def _nobody(manner: Manner) -> str:
    voice = f"in the voice {manner.voice} " if manner.voice else ""
    return f"no engine speaks {manner.language} {voice}at speed {manner.speed:g}"
