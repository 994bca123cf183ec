"""
Memory that is free goes back to the system.

glibc keeps what was freed between pieces that are still in use: people who come and go, and the
threads of a recogniser, leave hundreds of megabytes of that behind, which nobody else can use and
which look like a leak. Fewer heaps or other thresholds change little about it (measured), so all of
it is given back every few seconds; that costs a thread a millisecond or two.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

__all__ = ["give_back", "giving_back"]

EVERY = 10.0
"""Seconds between two times."""


def give_back() -> None:
    """Give back what is free; nothing where the system's library cannot."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def giving_back() -> None:
    """Do it again and again, for ever."""
    while True:
        await asyncio.sleep(EVERY)
        await asyncio.to_thread(give_back)
