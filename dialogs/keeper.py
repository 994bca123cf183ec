"""
Keeping a conversation where a restart finds it.

Whatever changed is saved soon, one snapshot at a time, and whoever wants can wait for it. A store
that is away does not hold up the call: it is tried again, with pauses that grow, and gets the
newest state when it is back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from dialogs.errors import PortFailed
from dialogs.machine import Machine
from dialogs.ports import Sessions

__all__ = ["Keeper"]

log = structlog.get_logger(__name__)

SOON = 0.05
"""Seconds for which changes are gathered: what one event leads to are several."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between tries while the store is away."""


class Keeper:
    """Saves one conversation; without a store it does nothing."""

    def __init__(self, machine: Machine, sessions: Sessions | None, *, patience: float) -> None:
        self._machine = machine
        self._sessions = sessions
        self._patience = patience
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._kept = asyncio.Event()
        self._kept.set()
        self._log = log.bind(session=machine.id)

    def changed(self) -> None:
        """Save soon."""
        self._changed.set()
        if self._sessions:
            self._kept.clear()

    async def kept(self) -> None:
        """Wait until all that has changed is saved; it is then, without delay."""
        self._wanted.set()
        await self._kept.wait()

    async def run(self) -> None:
        """Save what changes until cancelled."""
        pause = FIRST_PAUSE
        while self._sessions:
            await self._changed.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON):
                    await self._wanted.wait()
            if await self._save(self._sessions):
                pause = FIRST_PAUSE
            else:
                self._log.warning("snapshot not kept", retry_in=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def flush(self) -> None:
        """Nobody leads the conversation any more for now: save what is not, if that is possible."""
        if self._sessions and not self._kept.is_set() and not await self._save(self._sessions):
            self._log.warning("last snapshot not kept")

    async def _save(self, sessions: Sessions) -> bool:
        self._changed.clear()
        self._wanted.clear()
        try:
            async with asyncio.timeout(self._patience):
                await sessions.save(self._machine.id, self._machine.snapshot())
        except (PortFailed, TimeoutError):
            self._changed.set()
            return False
        if not self._changed.is_set():
            self._kept.set()
        return True

    async def forget(self) -> None:
        """The conversation is over."""
        if sessions := self._sessions:
            try:
                async with asyncio.timeout(self._patience):
                    await sessions.forget(self._machine.id)
            except (PortFailed, TimeoutError):
                self._log.warning("snapshot not removed")
