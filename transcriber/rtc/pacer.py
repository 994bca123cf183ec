"""
A clock for everybody who speaks: one timer for all, on a grid that does not drift.

Who speaks is called every 20 ms, counted from when they began and not from the last call, so
that being late once changes nothing after it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Protocol

__all__ = ["STEP", "Paced", "Pacer"]

STEP = 0.02
"""Seconds from one packet of speech to the next."""
GRAIN = 0.002
"""Seconds: calls that are due this close together share a wake-up."""
JOIN = 0.005
"""Seconds that a voice waits to begin with another, so that they share a wake-up from then on."""
LATE = 0.1
"""Seconds behind which catching up would be a burst: the grid moves instead."""


class Paced(Protocol):
    """Somebody who is called on the grid."""

    def step(self, due: float) -> bool:
        """Do what is due; say whether to be called again one step later."""


class Pacer:
    """Calls whoever asked for it, every `STEP`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[float, int, Paced]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, who: Paced) -> None:
        """Call somebody from the next moment on, or from the next call of another."""
        now = self._loop.time()
        soon = self._due[0][0] if self._due else now
        due = soon if now < soon <= now + JOIN else now
        heapq.heappush(self._due, (due, next(self._numbers), who))
        self._arm()

    def close(self) -> None:
        """Call nobody any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            if self._timer.when() <= self._due[0][0]:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0][0], self._run)

    def _run(self) -> None:
        self._timer = None
        horizon = self._loop.time() + GRAIN
        while self._due and self._due[0][0] <= horizon:
            due, number, who = heapq.heappop(self._due)
            if horizon - due > LATE:
                due = horizon
            if who.step(due):
                heapq.heappush(self._due, (due + STEP, number, who))
        if self._due:
            self._arm()
