"""
How much we take on: people heard at once, and memory.

Whoever is one too many is told so and heard as soon as somebody else has left; a room for which
there is no memory is refused, because a process that is killed for it leaves all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

__all__ = ["Seats", "free_memory", "short_of_memory"]

TURN = 1.0
"""Seconds between two looks for a free seat."""
MACHINE = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


class Seats:
    """For how many people there are recognisers at once."""

    def __init__(self, most: int = 500) -> None:
        self.most = most
        self.taken = 0

    def take(self) -> bool:
        """Take a seat, if one is free."""
        free = self.taken < self.most
        self.taken += free
        return free

    def leave(self) -> None:
        """Free a seat."""
        self.taken -= 1

    async def wait(self, over: asyncio.Event) -> bool:
        """Wait for a seat and take it; false when it is over before."""
        while not over.is_set():
            if self.take():
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), TURN)
        return False


def short_of_memory(least_mb: int) -> str:
    """Say that too little memory is free, or nothing."""
    free = free_memory() / 2**20
    return f"only {free:.0f} MB of memory are free" if free < least_mb else ""


def free_memory(machine: Path = MACHINE, group: Path = GROUP) -> float:
    """Return the bytes that this process may still take: the machine's, or its container's."""
    return min(_of_machine(machine), _of_group(group))


def _of_machine(path: Path) -> float:
    try:
        lines = path.read_text().splitlines()
        (found,) = (line for line in lines if line.startswith("MemAvailable:"))
        return float(found.split()[1]) * 1024
    except (OSError, ValueError):
        return float("inf")


def _of_group(folder: Path) -> float:
    """What a limit leaves; the cache of files counts as used, but makes room when asked."""
    try:
        most = float((folder / "memory.max").read_text())
        used = float((folder / "memory.current").read_text())
        kinds = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return most - used + float(kinds["inactive_file"])
    except (OSError, ValueError, KeyError):
        return float("inf")
