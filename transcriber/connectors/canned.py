"""A call in which one known sentence is said, so that everything behind a call can be tried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from transcriber.audio.block import SECONDS, silence
from transcriber.call import Caption, Listener
from transcriber.connectors.file import FileCall

__all__ = ["SENTENCE", "Canned"]

SENTENCE = "he might even have been made amiable himself"
"""What is said, from Sense and Sensibility as LibriVox reads it; both are in the public domain."""
SOUND = Path(__file__).with_name("sentence.ogg")


class Canned(FileCall):
    """The sentence as fast as it was spoken, then silence; `read` gets every final caption."""

    def __init__(self, room: str, read: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(str(SOUND), realtime=True)
        self.room = room
        self._read = read
        self._left = asyncio.Event()

    async def run(self, listener: Listener) -> None:
        """Say the sentence, and stay until somebody hangs up."""
        await super().run(listener)
        while not self._left.is_set():
            listener.heard("1", silence())
            await asyncio.sleep(SECONDS)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """Pass on what was finally said."""
        if caption.final and readers:
            await self._read(caption.text)

    def hang_up(self) -> None:
        """Leave."""
        super().hang_up()
        self._left.set()
