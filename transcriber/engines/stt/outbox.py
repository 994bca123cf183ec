"""
What a recogniser has heard and its reader has not taken yet.

The newest partial replaces the one before it, and finals wait for room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from transcriber.engines.stt.base import Final, Heard, Partial
from transcriber.errors import EngineError

__all__ = ["Outbox"]

WAITING = 64
"""Events kept for a slow reader."""


class Outbox:
    """What the reader has not taken yet."""

    def __init__(self) -> None:
        self.finals = 0
        """How many were ever put in."""
        self._items: deque[Heard] = deque()
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()
        self._closed = False
        self._problem: EngineError | None = None

    async def put(self, heard: Heard) -> None:
        """Add an event; waits for room."""
        self.finals += isinstance(heard, Final)
        newest = self._items[-1] if self._items else None
        if isinstance(heard, Partial) and isinstance(newest, Partial):
            self._items.pop()
        while len(self._items) >= WAITING:
            self._taken.clear()
            await self._taken.wait()
        self._items.append(heard)
        self._filled.set()

    def interject(self, event: Heard) -> None:
        """Add an event of our own; when nobody reads, it is not worth waiting for."""
        if len(self._items) < WAITING:
            self._items.append(event)
            self._filled.set()

    def close(self, problem: EngineError | None) -> None:
        """Nothing more comes; the reader is told the problem after everything else."""
        self._closed, self._problem = True, problem
        self._filled.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            while self._items:
                self._taken.set()
                yield self._items.popleft()
            if self._closed:
                break
            self._filled.clear()
            await self._filled.wait()
        if self._problem is not None:
            raise self._problem
