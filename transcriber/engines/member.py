"""
One engine among several that stand in for each other: loaded when it is first needed, left alone
for a while when it has failed, then tried by one of those who ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any, Generic, Protocol, TypeVar

from transcriber.engines.stt.health import Health, State
from transcriber.errors import EngineError

__all__ = ["Member"]


class Engine(AbstractAsyncContextManager[Any], Protocol):
    """What any engine is."""

    def unusable(self) -> str:
        """Say why it cannot work here; empty when it can."""


E = TypeVar("E", bound=Engine)


class Member(Generic[E]):
    """An engine, and what is known of its health."""

    def __init__(self, name: str, engine: E, turned: Callable[[State], object]) -> None:
        self.name = name
        self.engine = engine
        self.trying = False
        now = asyncio.get_running_loop().time
        self.health = Health(name, now=now, observe=turned)
        self._entered = False
        self._entering = asyncio.Lock()

    @property
    def due(self) -> bool:
        """Whether it is well, or it is time to see."""
        return self.health.up or (not self.trying and not self.health.wait)

    async def enter(self, stack: AsyncExitStack) -> None:
        """Load the engine, if it is not; raises `EngineError`."""
        async with self._entering:
            if not self._entered:
                if problem := self.engine.unusable():
                    raise EngineError("unusable", problem)
                await stack.enter_async_context(self.engine)
                self._entered = True

    @contextmanager
    def trial(self) -> Iterator[None]:
        """While it is tried although it was not well, the others go elsewhere."""
        self.trying = not self.health.up
        try:
            yield
        finally:
            self.trying = False
