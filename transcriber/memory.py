"""
Memory that is free goes back to the system.

glibc keeps what was freed between pieces that are still in use, in a heap for each few threads: a
recogniser's threads leave hundreds of megabytes of that behind, which nobody else can use and which
look like a leak. Once a minute all of it is given back; that costs a few milliseconds of a thread.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

__all__ = ["give_back", "giving_back"]

EVERY = 60.0
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
