"""
What has happened in a conversation and waits to be taken, one event at a time.

What an action or a clock brings belongs to the state it was begun for: once that is left, nobody
takes it any more. What comes from outside is for whatever state there is.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dialogs.machine import Event, Machine

__all__ = ["Inbox"]


class Inbox:
    """The line in which events wait, until it is closed."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._line: deque[tuple[Event, int | None]] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._line)

    def add(self, event: Event, entry: int | None = None) -> None:
        """Let something happen; `entry` numbers the state it belongs to, if it does to one."""
        self._line.append((event, entry))
        self._idle.clear()
        self._filled.set()

    async def take(self) -> Event | None:
        """Wait for the next event; nothing once it is closed. The one before has been done with."""
        while not self._closed:
            while self._line:
                event, entry = self._line.popleft()
                if entry in (None, self._machine.entry):
                    return event
            self._idle.set()
            self._filled.clear()
            await self._filled.wait()
        return None

    async def caught_up(self) -> None:
        """Wait until all that has happened was taken, or it is closed."""
        await self._idle.wait()

    def close(self) -> None:
        """Nothing is taken any more."""
        self._closed = True
        self._filled.set()
        self._idle.set()
