"""
Our warnings in Nextcloud's log, where its administrator looks first.

What is logged goes there without personal data, whatever our own log holds; the same line is not
sent again within a minute. While Nextcloud is away, the newest lines wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from transcriber import aio
from transcriber.connectors.nextcloud.admin import Admin, Level
from transcriber.connectors.nextcloud.client import Unanswered

__all__ = ["forwarding"]

WAITING = 100
"""Lines that wait; the oldest are given up."""
PACE = 1.0
"""Seconds between two lines: a fault that repeats itself should not fill anybody's log."""
SAME = 60.0
"""Seconds in which the same line is not sent again."""
LONGEST = 1_000
"""Characters of a line."""
OWN = ("event", "level", "timestamp", "frames")
"""Keys that are said otherwise, or are for developers."""


class _Handler(logging.Handler):
    """Takes our own lines: events with keys. What libraries log may hold anything."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: aio.Backlog[tuple[Level, str]] = aio.Backlog(WAITING)
        self._clock = asyncio.get_running_loop().time
        self._sent: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line sent, from whatever thread it comes."""
        if isinstance(record.msg, dict):
            level: Level = "error" if record.levelno >= logging.ERROR else "warning"
            self._loop.call_soon_threadsafe(self._take, level, _line(record.msg))

    def _take(self, level: Level, line: str) -> None:
        now = self._clock()
        if now - self._sent.get(line, -SAME) >= SAME:
            self._sent = {one: at for one, at in self._sent.items() if now - at < SAME}
            self._sent[line] = now
            self.lines.push((level, line))


@asynccontextmanager
async def forwarding(admin: Admin) -> AsyncIterator[None]:
    """Send our warnings to Nextcloud while the block runs."""
    handler, root = _Handler(), logging.getLogger()
    root.addHandler(handler)
    try:
        async with aio.alongside(_send(handler, admin)):
            yield
    finally:
        root.removeHandler(handler)


async def _send(handler: _Handler, admin: Admin) -> None:
    async for level, line in handler.lines:
        waits = aio.backoff(limit=60.0)
        while True:
            try:
                await admin.log(level, line)
                break
            except Unanswered:  # saying so would be another line
                await asyncio.sleep(next(waits))
        await asyncio.sleep(PACE)


def _line(event: dict[str, Any]) -> str:
    keys = {
        key: value
        for key, value in event.items()
        if key not in OWN and not key.startswith(("pii_", "_"))
    }
    said = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"{event.get('event', '')}{f' ({said})' if said else ''}"[:LONGEST]
