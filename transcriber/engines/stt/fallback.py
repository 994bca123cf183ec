"""
Several recognisers as one: chosen by language and policy, and replaced when they fail.

A `Fallback` is one policy over the engines that there are (`members.py`). It opens the best one
that is up. One that fails, or does not open within `PATIENCE` although another could, is left
alone until a trial in the background finds it well; streams that had to take another return to it
after their next sentence. One that falls mute while somebody speaks has failed too, if another
could hear: were it only noise, the other says nothing either, and who stands in is not doubted.
Nothing is tried twice and no audio is kept here: `Resuming`, around this, does that for every
engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Self

from transcriber.audio.block import Block
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    Progress,
    StreamOptions,
    SttStream,
)
from transcriber.engines.stt.members import Member, Members
from transcriber.engines.stt.mute import Unanswered
from transcriber.engines.stt.policy import Policy
from transcriber.engines.stt.resume import HEALTHY, Resuming
from transcriber.errors import EngineError, Misconfigured

__all__ = ["Fallback", "choose"]

PATIENCE = 1.5
"""Seconds for an engine to open while another one could: captions may be two seconds late."""


def choose(policy: Policy, members: Members) -> Resuming:
    """Return one recogniser that follows a policy and survives its engines."""
    return Resuming(Fallback(members, policy))


class Fallback:
    """One policy over the members."""

    Options: Any = None

    def __init__(self, members: Members, policy: Policy) -> None:
        self.members = members
        self._policy = policy
        self.info = _together([members.engine(name).info for name in policy.engines])

    def unusable(self) -> str:
        """Say what is wrong with every engine, when none of them can be used."""
        problems = {name: self.members.engine(name).unusable() for name in self._policy.engines}
        if not all(problems.values()):
            return ""
        return "; ".join(f"{name}: {problem}" for name, problem in problems.items())

    async def prepare(self, progress: Progress) -> None:
        """Load what takes time."""
        for name in self._policy.engines:
            if not self.members.engine(name).unusable():
                await self.members.engine(name).prepare(progress)

    async def wake(self, options: StreamOptions) -> None:
        """Wake the engine that will be asked first."""
        async with AsyncExitStack() as stack:
            able = await self._able(stack, options)
            await able[0].stt.wake(options)

    async def __aenter__(self) -> Self:
        await self.members.enter(self._policy.engines)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.members.leave()

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[ChosenStream]:
        """Open the best engine that is up, or wait for one; raises when none can ever be."""
        async with AsyncExitStack() as stack:
            able = await self._able(stack, options)
            with _want(able):
                while (best := await _best(stack, able, options)) is None:
                    await self.members.news()
            member, stream = best
            with _want(able[: able.index(member)]):
                yield ChosenStream(member, stream, able, partials=options.partials)

    async def _able(self, stack: AsyncExitStack, options: StreamOptions) -> list[Member]:
        """Who can hear it, best first; engines that only this stream wants are loaded now."""
        policy, language = self._policy, options.language
        if options.engine:
            policy = await self._load(stack, options.engine)
        named = [self.members[name] for name in policy.order(language)]
        able = [member for member in named if member.hears(language)]
        if not able:
            raise EngineError(
                "bad_request",
                f"no recogniser hears {language}",
                remedy="name one for it in ASR_BACKEND",
            )
        return able

    async def _load(self, stack: AsyncExitStack, wanted: str) -> Policy:
        try:
            policy = Policy.parse(wanted)
            await self.members.enter(policy.engines)
        except Misconfigured as error:
            problem = error.problem.partition(": ")[2]
            raise EngineError("bad_request", problem, remedy=error.remedy) from error
        stack.push_async_callback(self.members.leave)
        return policy


class ChosenStream:
    """A stream of the engine that was chosen; ends by itself when a better one is up again."""

    def __init__(
        self, member: Member, stream: SttStream, able: Sequence[Member], *, partials: bool
    ) -> None:
        self._member = member
        self._stream = stream
        self._able = able
        self._better = able[: able.index(member)]
        self._closed = False
        self.ready = stream.ready
        self.flush = stream.flush
        info = member.stt.info
        prompt = info.network and info.partials and info.prompt and partials
        self._unanswered = Unanswered(member.patience) if prompt and not self._better else None
        self._deadline: asyncio.Timeout | None = None
        self._now = asyncio.get_running_loop().time

    @property
    def dropped(self) -> int:
        """Blocks that the engine forgot."""
        return self._stream.dropped

    def push(self, block: Block) -> None:
        """Send audio."""
        self._stream.push(block)
        if self._unanswered is None:
            return
        due = self._unanswered.heard(block, self._now())
        if due is not None and self._deadline is not None and self._replaceable:
            self._deadline.reschedule(due)
            self._deadline = None

    def close(self) -> None:
        """No more audio."""
        self._closed = True
        self._stream.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        began, heard = self._now(), None
        try:
            async for heard in self._answers():
                yield self._marked(heard)
                if isinstance(heard, Final):
                    self._member.health.heard()
                    if self._improvable:
                        return
        except EngineError as problem:
            fruitless = heard is None and self._now() - began < HEALTHY
            self._member.health.failed(problem, fruitless=fruitless)
            raise _softened(problem, self._able) from problem

    async def _answers(self) -> AsyncIterator[Heard]:
        """What the engine says; raises when that is overdue."""
        said = aiter(self._stream)
        while True:
            try:
                async with asyncio.timeout(None) as self._deadline:
                    heard = await anext(said)
            except StopAsyncIteration:
                return
            except TimeoutError:
                self._member.doubt()
                raise EngineError("timeout", "somebody speaks, and nothing comes of it") from None
            finally:
                self._deadline = None
            if self._unanswered is not None:
                self._unanswered.answered()
            yield heard

    def _marked(self, heard: Heard) -> Heard:
        """Say of an engine among others that it writes no sentences."""
        if self._member.stt.info.punctuation or not isinstance(heard, Partial | Final):
            return heard
        return replace(heard, bare=True)

    @property
    def _replaceable(self) -> bool:
        return any(other.health.up for other in self._able if other is not self._member)

    @property
    def _improvable(self) -> bool:
        return not self._closed and any(member.health.up for member in self._better)


async def _best(
    stack: AsyncExitStack, able: Sequence[Member], options: StreamOptions
) -> tuple[Member, SttStream] | None:
    """Open the first engine that can be opened; None when all are down and one may come back."""
    failure: EngineError | None = None
    for member in able:
        if not member.health.up:
            continue
        others = any(other.health.up for other in able if other is not member)
        try:
            async with asyncio.timeout(PATIENCE if others else None):
                return member, await stack.enter_async_context(member.stt.open(options))
        except TimeoutError:
            member.health.slow(EngineError("timeout", "it does not open at once"))
        except EngineError as problem:
            member.health.failed(problem, fruitless=True)
            failure = problem
    if failure is not None:
        raise _softened(failure, able) from failure
    if all(member.health.hopeless for member in able):
        raise able[0].health.problem or EngineError("unusable", "no engine can be used")
    return None


@contextmanager
def _want(members: Sequence[Member]) -> Iterator[None]:
    with ExitStack() as stack:
        for member in members:
            stack.enter_context(member.want())
        yield


def _softened(problem: EngineError, able: Sequence[Member]) -> EngineError:
    """What is the end for one engine is not while another can take over, and at once."""
    if all(member.health.hopeless for member in able):
        return problem
    again = EngineError(problem.kind, problem.problem, remedy=problem.remedy)
    again.retryable = True
    if not any(member.health.up for member in able):
        again.retry_after = problem.retry_after
    return again


def _together(infos: Sequence[EngineInfo]) -> EngineInfo:
    """What can be relied on, whichever engine it is; words without punctuation are marked so."""
    if len(infos) == 1:
        return infos[0]
    if not infos:
        raise Misconfigured("ASR_BACKEND", "no recogniser is named")
    exact = {info.word_times for info in infos}
    return EngineInfo(
        name=", ".join(info.name for info in infos),
        title="; ".join(info.title for info in infos),
        languages=tuple(sorted({code for info in infos for code in info.languages})),
        models=tuple(model for info in infos for model in info.models),
        streaming=all(info.streaming for info in infos),
        partials=all(info.partials for info in infos),
        prompt=all(info.prompt for info in infos),
        word_times="none" if "none" in exact else "estimated" if len(exact) > 1 else exact.pop(),
        punctuation=any(info.punctuation for info in infos),
        confidence=all(info.confidence for info in infos),
        vocabulary=all(info.vocabulary for info in infos),
        turns=all(info.turns for info in infos),
        network=all(info.network for info in infos),
        sample_rate=min(info.sample_rate for info in infos),
    )
