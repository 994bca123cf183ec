"""
Who attends rooms: this process itself, or workers that it has.

Whoever wants rooms of a kind attended says how that is done, and gets something that does it,
wherever that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from transcriber.session.attendant import Attendant, Rooms

__all__ = ["Alone", "Crew", "Ended", "Make"]

Ended = Callable[[str], object]
"""Learns of a room that was left because it is over."""
Make = Callable[[Ended], Attendant]
"""Makes what attends the rooms of one kind in one process."""


class Crew(Protocol):
    """Attends rooms, in one process or several."""

    front: bool
    """Whether this process decides which rooms are attended; workers do not."""

    def attend(self, kind: str, make: Make, ended: Ended) -> AbstractAsyncContextManager[Rooms]:
        """Attend rooms of a kind while the block runs; afterwards they have been left."""

    async def last_words(self) -> None:
        """Leave all rooms for good, once everybody's last words are shown."""

    def unready(self) -> str:
        """Say why no room can be attended right now, or nothing."""

    def where(self, room: str) -> Path | None:
        """
        Return the socket of the process that answers requests about a room, choosing one if nobody
        does yet; nothing if that is this process.
        """

    def only(self, kind: str, rooms: Collection[str]) -> None:
        """Forget who answers for rooms of a kind that are no more."""


class Alone:
    """No workers: everything is done here."""

    front = True

    def __init__(self) -> None:
        self._attending: set[Attendant] = set()

    @asynccontextmanager
    async def attend(self, kind: str, make: Make, ended: Ended) -> AsyncIterator[Rooms]:
        """Attend rooms of a kind in this process."""
        async with asyncio.TaskGroup() as tasks:
            attendant = make(ended)
            tasks.create_task(attendant.run(), name=f"attend {kind}")
            self._attending.add(attendant)
            try:
                yield attendant
            finally:
                self._attending.discard(attendant)
                attendant.close()

    async def last_words(self) -> None:
        """Leave all rooms."""
        await asyncio.gather(*(attendant.last_words() for attendant in self._attending))

    def unready(self) -> str:
        """Nothing to wait for."""
        return ""

    def where(self, room: str) -> Path | None:
        """Here."""
        return None

    def only(self, kind: str, rooms: Collection[str]) -> None:
        """Nothing to forget."""
