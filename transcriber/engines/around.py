"""
A recogniser around another one: the same in all but how its streams are opened.

What stands between a session and an engine (a gate, the captions layer) has the engine's own
interface, so that sessions need not know of it and any of them can be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

from transcriber.engines.stt.base import Progress, StreamOptions, Stt, SttStream

__all__ = ["Around"]

Open = Callable[[StreamOptions], AbstractAsyncContextManager[SttStream]]


class Around:
    """Is what the recogniser inside is, and opens streams in its own way."""

    def __init__(
        self,
        stt: Stt,
        open_stream: Callable[[StreamOptions], AbstractAsyncContextManager[SttStream]],
    ) -> None:
        self.info = stt.info
        self.Options: Any = stt.Options
        self._stt = stt
        self._open = open_stream

    def unusable(self) -> str:
        """Say what the recogniser inside says."""
        return self._stt.unusable()

    async def prepare(self, progress: Progress) -> None:
        """Prepare the recogniser inside."""
        await self._stt.prepare(progress)

    async def wake(self, options: StreamOptions) -> None:
        """Wake the recogniser inside."""
        await self._stt.wake(options)

    async def __aenter__(self) -> Self:
        await self._stt.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stt.__aexit__(*failure)

    def open(self, options: StreamOptions) -> AbstractAsyncContextManager[SttStream]:
        """Start listening to one speaker."""
        return self._open(options)
