"""
A few threads for many speakers.

There is no queue of work: who wants something done waits for a free thread and only then says
what it is, so work that has become pointless meanwhile is never begun. Who wants the last words
of an utterance comes before those who want to know how it goes on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns:
    """Runs functions in `threads` threads, the urgent ones first."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "decoder")
        self._free = threads
        self._order = itertools.count()
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []

    async def run(self, work: Callable[[], T], *, urgent: bool) -> T:
        """Return what `work` returns; when cancelled, its thread is free once it has ended."""
        await self._turn(urgent=urgent)
        working = asyncio.get_running_loop().run_in_executor(self._pool, work)
        working.add_done_callback(self._done)
        return await asyncio.shield(working)

    async def close(self) -> None:
        """End the threads, after what they are doing."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def _turn(self, *, urgent: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._order), turn))
        self._next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._next()
            raise

    def _done(self, working: asyncio.Future[T]) -> None:
        if not working.cancelled():
            working.exception()  # whoever wanted to know has seen it
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free and self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
