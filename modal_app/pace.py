"""
How often the process looks up: at its sockets, at its garbage, from one thread to the other.

With 500 streams a message comes every 160 microseconds, and to wake up for each costs as much as
to read it. So whatever comes soon after the last look waits for the next one and shares it with
others; what comes after a pause is read at once. Network cards spare their host in the same way.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import sys
import time
from collections.abc import Callable

__all__ = ["Tick", "new_loop", "settle"]

TICK = 0.004
"""Seconds between two looks at the sockets."""
TURN = 0.0005
"""
Seconds a thread may keep the interpreter while another wants it. Python's 5 ms, waited for several
times in a step, would be most of the time that the service adds to a word.
"""
GARBAGE = (20_000, 50, 50)
"""
Objects and rounds between collections: messages leave no cycles behind, and Python's 700 objects
come together every few milliseconds.
"""

Ready = list[tuple[selectors.SelectorKey, int]]


class Tick(selectors.DefaultSelector):
    """A selector that pauses, where it may wait anyway, until the next tick."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    def select(self, timeout: float | None = None) -> Ready:
        """Give what is ready."""
        ready = super().select(timeout)
        if timeout is not None and timeout <= 0:
            return ready
        pause = self._next - self._clock()
        if ready and pause > 0:
            self._sleep(pause)
            ready = super().select(0)
        self._next = self._clock() + TICK
        return ready


def new_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop that ticks."""
    return asyncio.SelectorEventLoop(Tick())


def settle() -> None:
    """
    Everything is loaded: let the interpreter leave it alone.

    The collector need not look at all modules again, which stops everybody.
    """
    sys.setswitchinterval(TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
