"""
The engines that policies choose from, loaded once, with what is known of their health.

One that is down is tried in the background, with a moment of silence, as long as somebody wants
it; who uses them is `fallback.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import structlog

from transcriber import aio
from transcriber.audio.block import silence
from transcriber.engines.stt import mute
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.engines.stt.health import Health, State
from transcriber.engines.stt.resume import OPENING
from transcriber.errors import EngineError

__all__ = ["Member", "Members"]

log = structlog.get_logger(__name__)

Observe = Callable[[State], object]


class Member:
    """One engine, and who wants it."""

    def __init__(self, name: str, stt: Stt, observe: Observe) -> None:
        self.stt = stt
        self.entered = False
        self.down = asyncio.Event()
        self.wanted = asyncio.Event()
        self.patience = mute.MUTE
        """Seconds of speech that it may leave without an answer."""
        self._doubted = False
        self._wanting = 0
        self._observe = observe
        now = asyncio.get_running_loop().time
        self.health = Health(name, now=now, observe=self._turned)

    def hears(self, language: str) -> bool:
        """Whether it knows a language."""
        known = self.stt.info.languages
        return "*" in known or language in known or language.partition("-")[0] in known

    def doubt(self) -> None:
        """It says nothing although somebody speaks; if a trial finds it well, that was too soon."""
        self._doubted = True

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
            if self._doubted:
                self._doubted, self.patience = False, min(2 * self.patience, mute.LONGEST)

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
