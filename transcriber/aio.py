"""
What asyncio does not bring along: a queue that forgets, a pause that grows, work that is
started again, a cancellation that is not lost, and a way to close many things.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Generic, TypeVar

__all__ = ["Backlog", "alongside", "backoff", "close_all", "heed", "supervise"]

T = TypeVar("T")

HEALTHY = 60.0
"""Seconds that work must have gone well for its next failure to count as the first."""


class Backlog(Generic[T]):
    """
    A bounded queue between one producer that must not wait and one consumer.

    Live audio is worth nothing late: when the consumer falls behind, the oldest item
    goes, and `dropped` counts it. A producer that can wait asks for `room` first.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self.closed = False
        self._items: deque[T] = deque(maxlen=limit)
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether the next item would push out the oldest."""
        return len(self._items) == self._items.maxlen

    def push(self, item: T) -> None:
        """Add an item; never waits."""
        self.dropped += self.full
        self._items.append(item)
        self._filled.set()

    def pop(self) -> T:
        """Take the oldest item at once; raises `IndexError` when there is none."""
        self._taken.set()
        return self._items.popleft()

    async def room(self) -> None:
        """Wait until an item can be pushed without losing one, or nobody takes any more."""
        while self.full and not self.closed:
            self._taken.clear()
            await self._taken.wait()

    def close(self) -> None:
        """No more items: the consumer's loop ends once the backlog is empty."""
        self.closed = True
        self._filled.set()
        self._taken.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            while self._items:
                yield self.pop()
            if self.closed:
                return
            self._filled.clear()
            await self._filled.wait()


def backoff(
    *, base: float = 1.0, factor: float = 2.0, limit: float = 30.0, tries: int | None = None
) -> Iterator[float]:
    """Yield seconds to wait before each new attempt: growing, capped, with full jitter."""
    delay, made = base, 0
    while tries is None or made < tries:
        yield random.uniform(0, delay)
        delay, made = min(delay * factor, limit), made + 1


@contextlib.asynccontextmanager
async def alongside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """
    Let work run as long as the block does, and not longer.

    Unlike a `TaskGroup` it leaves alone what the block raises. What the work raises is raised at
    the end of the block, unless the block failed itself.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def heed() -> None:
    """
    Be cancelled, if somebody wanted that and it was lost on its way.

    Before Python 3.12 `wait_for` forgets a cancellation that comes together with what was waited
    for, and libraries wait with it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def supervise(
    work: Callable[[], Awaitable[None]],
    *,
    failed: Callable[[Exception], bool],
    over: asyncio.Event,
    pauses: Callable[[], Iterator[float]] = backoff,
) -> None:
    """
    Run `work` until it returns or it is `over`, starting it again after pauses that grow.

    `failed` is told of each failure and says whether trying again can help; when it cannot, or
    the pauses come to an end, the failure is raised.
    """
    clock = asyncio.get_running_loop().time
    waits = pauses()
    while True:
        began = clock()
        try:
            return await work()
        except Exception as error:
            if clock() - began > HEALTHY:
                waits = pauses()
            if not failed(error) or (wait := next(waits, None)) is None:
                raise
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), wait)
            return


async def close_all(*closings: Awaitable[object]) -> None:
    """Close everything, whatever happens; raise what went wrong as one group."""
    outcomes = await asyncio.gather(*closings, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if errors:
        raise ExceptionGroup("closing failed", errors)
