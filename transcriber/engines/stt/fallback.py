"""
Several recognisers as one: chosen by language and policy, and replaced when they fail.

`Members` are the engines themselves, loaded once, with what is known of their health; a
`Fallback` is one policy over them. It opens the best engine that is up. One that fails, or does
not open within `PATIENCE` although another could, is left alone until a trial in the background
finds it well; streams that had to take another return to it after their next sentence. Nothing
is tried twice and no audio is kept here: `Resuming`, around this, does that for every engine.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Self

import structlog

from transcriber import aio
from transcriber.audio.block import Block, silence
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    Progress,
    StreamOptions,
    Stt,
    SttStream,
)
from transcriber.engines.stt.health import Health, State
from transcriber.engines.stt.policy import Policy
from transcriber.engines.stt.resume import HEALTHY, OPENING, Resuming
from transcriber.errors import EngineError, Misconfigured

__all__ = ["Fallback", "Members", "choose"]

log = structlog.get_logger(__name__)

PATIENCE = 1.5
"""Seconds for an engine to open while another one could: captions may be two seconds late."""

Observe = Callable[[State], object]


def choose(policy: Policy, members: Members) -> Resuming:
    """Return one recogniser that follows a policy and survives its engines."""
    return Resuming(Fallback(members, policy))


class Member:
    """One engine, and who wants it."""

    def __init__(self, name: str, stt: Stt, observe: Observe) -> None:
        self.stt = stt
        self.entered = False
        self.down = asyncio.Event()
        self.wanted = asyncio.Event()
        self._wanting = 0
        self._observe = observe
        now = asyncio.get_running_loop().time
        self.health = Health(name, now=now, observe=self._turned)

    def hears(self, language: str) -> bool:
        """Whether it knows a language."""
        known = self.stt.info.languages
        return "*" in known or language in known or language.partition("-")[0] in known

    @contextmanager
    def want(self) -> Iterator[None]:
        """While somebody would use it if it were up, trials are worth their cost."""
        self._wanting += 1
        self.wanted.set()
        try:
            yield
        finally:
            self._wanting -= 1
            if not self._wanting:
                self.wanted.clear()

    async def enter(self, stack: AsyncExitStack) -> None:
        """Load the engine; raises `EngineError`."""
        if not self.entered:
            if problem := self.stt.unusable():
                raise EngineError("unusable", problem)
            await stack.enter_async_context(self.stt)
            self.entered = True

    async def trial(self, stack: AsyncExitStack) -> None:
        """See whether it works, with a moment of silence."""
        try:
            async with asyncio.timeout(OPENING):
                await self.enter(stack)
                async with self.stt.open(StreamOptions()) as stream:
                    stream.push(silence())
                    stream.close()
                    async for _ in stream:
                        pass
        except TimeoutError:
            self.health.failed(EngineError("timeout", "no answer to a trial"), fruitless=True)
        except EngineError as problem:
            self.health.failed(problem, fruitless=True)
        else:
            self.health.answered()

    def _turned(self, state: State) -> None:
        log.info("engine is up" if state.up else "engine is down", engine=state.engine)
        if state.up:
            self.down.clear()
        else:
            self.down.set()
        self._observe(state)


class Members:
    """The engines that policies choose from, each made and loaded once."""

    def __init__(
        self, make: Callable[[str], Stt], *, observe: Observe = lambda state: None
    ) -> None:
        self._make = make
        self._observe = observe
        self._engines: dict[str, Stt] = {}
        self._members: dict[str, Member] = {}
        self._stack = AsyncExitStack()
        self._users = 0
        self._loading = asyncio.Lock()
        self._news = asyncio.Event()

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    @property
    def states(self) -> list[State]:
        """How each loaded engine is, for metrics and the console."""
        return [member.health.state for member in self._members.values()]

    def engine(self, name: str) -> Stt:
        """Make an engine, or return the one there is; raises `Misconfigured`."""
        if name not in self._engines:
            self._engines[name] = self._make(name)
        return self._engines[name]

    async def news(self) -> None:
        """Wait until an engine is found well, or down."""
        await self._news.wait()

    async def enter(self, names: Sequence[str]) -> None:
        """Load engines for one more user; raises what is wrong when none of them can be used."""
        self._users += 1
        try:
            async with self._loading:
                for name in names:
                    await self._load(name)
            if not any(self._members[name].entered for name in names):
                problem = self._members[names[0]].health.problem
                raise problem or EngineError("unusable", "no engine could be loaded")
        except BaseException:
            await self.leave()
            raise

    async def _load(self, name: str) -> None:
        if name in self._members:
            return
        member = Member(name, self.engine(name), self._turned)
        try:
            await member.enter(self._stack)
            self._observe(member.health.state)
        except EngineError as failure:
            member.health.failed(failure, fruitless=True)
        await self._stack.enter_async_context(aio.alongside(self._attend(member)))
        self._members[name] = member

    async def leave(self) -> None:
        """One user less; the last one frees the engines."""
        self._users -= 1
        if not self._users:
            self._members.clear()
            stack, self._stack = self._stack, AsyncExitStack()
            await stack.aclose()

    def _turned(self, state: State) -> None:
        self._news.set()
        self._news = asyncio.Event()
        self._observe(state)

    async def _attend(self, member: Member) -> None:
        """Try an engine that is down, now and then, as long as somebody wants it."""
        while True:
            await member.down.wait()
            await asyncio.sleep(member.health.wait * random.uniform(1.0, 1.2))
            await member.wanted.wait()
            await member.trial(self._stack)


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
                yield ChosenStream(member, stream, able)

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

    def __init__(self, member: Member, stream: SttStream, able: Sequence[Member]) -> None:
        self._member = member
        self._stream = stream
        self._able = able
        self._better = able[: able.index(member)]
        self._closed = False
        self.ready = stream.ready
        self.flush = stream.flush
        self.push: Callable[[Block], None] = stream.push

    @property
    def dropped(self) -> int:
        """Blocks that the engine forgot."""
        return self._stream.dropped

    def close(self) -> None:
        """No more audio."""
        self._closed = True
        self._stream.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        now = asyncio.get_running_loop().time
        began, heard = now(), None
        try:
            async for heard in self._stream:
                yield self._marked(heard)
                if isinstance(heard, Final):
                    self._member.health.heard()
                    if self._improvable:
                        return
        except EngineError as problem:
            fruitless = heard is None and now() - began < HEALTHY
            self._member.health.failed(problem, fruitless=fruitless)
            raise _softened(problem, self._able) from problem

    def _marked(self, heard: Heard) -> Heard:
        """Say of an engine among others that it writes no sentences."""
        if self._member.stt.info.punctuation or not isinstance(heard, Partial | Final):
            return heard
        return replace(heard, bare=True)

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
        word_times="none" if "none" in exact else "estimated" if len(exact) > 1 else exact.pop(),
        punctuation=any(info.punctuation for info in infos),
        confidence=all(info.confidence for info in infos),
        vocabulary=all(info.vocabulary for info in infos),
        turns=all(info.turns for info in infos),
        network=all(info.network for info in infos),
        sample_rate=min(info.sample_rate for info in infos),
    )
