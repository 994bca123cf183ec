"""
What is on its way into a recogniser: into one stream after another, and what waits for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from transcriber.aio import Backlog
from transcriber.audio.block import Block
from transcriber.engines.stt.base import SttStream
from transcriber.engines.times import Times

__all__ = ["Feed"]

PATIENCE = 60
"""Blocks (about five seconds) kept while a recogniser's stream is being opened."""

Item = tuple[int, Block] | None
"""A block and its number in the call; None ends an utterance."""


class Feed:
    """Keeps the order of what goes in, whether there is a stream or not."""

    def __init__(self) -> None:
        self.times = Times()
        """Of the stream there is, or was last."""
        self._waiting: Backlog[Item] = Backlog(PATIENCE)
        self._stream: SttStream | None = None
        self._dropped = 0
        self._paced = False
        """Whether the source waits for us: then what was before speech is sent one by one."""
        self._wake = asyncio.Event()
        self._opened = asyncio.Event()

    @property
    def dropped(self) -> int:
        """Blocks that were forgotten, here or inside."""
        inside = self._stream.dropped if self._stream else 0
        return self._dropped + self._waiting.dropped + inside

    @property
    def closed(self) -> bool:
        """Whether nothing may come any more."""
        return self._waiting.closed

    def put(self, item: Item) -> None:
        """Send it, after what waits."""
        if self._stream is None or len(self._waiting):
            self.wait(item)
        else:
            self._send(item)

    def wait(self, item: Item) -> None:
        """Keep it until it can be sent: before speech come several blocks at once."""
        self._waiting.push(item)
        self._wake.set()

    def go(self) -> None:
        """Send what waits, unless the source waits for us."""
        if not self._paced:
            self.catch_up()

    def catch_up(self) -> None:
        """Send all that waits and can be sent."""
        while self._send_one():
            pass

    async def ready(self, coming: int) -> None:
        """Wait until so many items can come without another being dropped."""
        self._paced = True
        if self._stream is None and len(self._waiting) + coming > PATIENCE:
            await self._opened.wait()
        while self._stream is not None:
            await self._stream.ready()
            if not self._send_one():
                return

    async def some(self) -> bool:
        """Wait for something to send; False when nothing comes any more."""
        while not len(self._waiting) and not self._waiting.closed:
            self._wake.clear()
            await self._wake.wait()
        return len(self._waiting) > 0

    @contextmanager
    def into(self, stream: SttStream) -> Iterator[None]:
        """Send it all into this stream, until it ends or is parked."""
        self.times, self._stream = Times(), stream
        self.catch_up()
        self._opened.set()
        if self._waiting.closed:
            stream.close()
        try:
            yield
        finally:
            self._dropped += stream.dropped
            self._detach()

    def park(self) -> None:
        """End the stream; what comes from now on is for the next."""
        if self._stream is not None:
            self._stream.close()
            self._detach()

    def close(self) -> None:
        """No more audio."""
        self.catch_up()
        self._waiting.close()
        self._wake.set()
        self._opened.set()
        if self._stream is not None:
            self._stream.close()

    def _detach(self) -> None:
        self._stream = None
        self._opened.clear()

    def _send_one(self) -> bool:
        """Send what has waited longest; False when nothing waits or nobody takes it."""
        if self._stream is None or not len(self._waiting):
            return False
        self._send(self._waiting.pop())
        return True

    def _send(self, item: Item) -> None:
        assert self._stream is not None
        if item is None:
            self._stream.flush()
        else:
            self.times.sent(item[0])
            self._stream.push(item[1])
