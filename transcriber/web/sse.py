"""
Answers that go on: server-sent events.

A stream says something at least every fifteen seconds, so that nobody takes it for dead. Who reads
too slowly is left, and so is everybody when the server stops; they come back and go on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from transcriber.web.server import STOPPING

__all__ = ["Stream", "streaming"]

PULSE = 15.0
"""Seconds without news after which a comment is sent."""
SLOW = 20.0
"""Seconds within which a reader has to take what is sent."""


class Stream:
    """One reader."""

    def __init__(self, response: web.StreamResponse, stopping: asyncio.Event) -> None:
        self.response = response
        self._stopping = stopping
        self._said = time.monotonic()

    async def send(self, kind: str, data: Any, *, id_: str = "") -> None:
        """Tell an event; raises `ConnectionError` or `TimeoutError` when nobody takes it."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
        await self.pass_on(kind, text, id_=id_)

    async def pass_on(self, kind: str, text: str, *, id_: str = "") -> None:
        """Tell an event whose data is JSON already, in one line."""
        head = f"id: {id_}\n" if id_ else ""
        await self._write(f"{head}event: {kind}\ndata: {text}\n\n")

    async def live(self) -> None:
        """Show that the stream is there, without telling anything."""
        await self._write(": still here\n\n")

    async def rest(self, seconds: float) -> bool:
        """Wait that long, and keep the stream alive; false when the server stops."""
        if time.monotonic() - self._said > PULSE:
            await self.live()
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def _write(self, text: str) -> None:
        self._said = time.monotonic()
        async with asyncio.timeout(SLOW):
            await self.response.write(text.encode())


@asynccontextmanager
async def streaming(request: web.Request) -> AsyncIterator[Stream]:
    """Begin such an answer, and end it quietly when its reader has gone."""
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        yield Stream(response, request.app[STOPPING])
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        response.force_close()
