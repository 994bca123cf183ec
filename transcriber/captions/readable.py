"""
A recogniser whose words are fit to be read, around any recogniser.

It has the interface of the one inside, so that sessions need not know that it is there, and what
comes out of it is all that anybody gets: captions, events, transcripts and webhooks alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from transcriber.audio.block import Block
from transcriber.captions.scribe import CaptionOptions, Scribe
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Partial,
    Progress,
    StreamOptions,
    Stt,
    SttStream,
)

__all__ = ["Readable"]


class Readable:
    """Stabilises, punctuates and redacts what another recogniser hears."""

    def __init__(self, stt: Stt, options: CaptionOptions | None = None) -> None:
        self.info = stt.info
        self.Options: Any = stt.Options
        self._stt = stt
        self._options = options or CaptionOptions()

    def unusable(self) -> str:
        """Say what the recogniser inside says."""
        return self._stt.unusable()

    async def prepare(self, progress: Progress) -> None:
        """Prepare the recogniser inside."""
        await self._stt.prepare(progress)

    async def __aenter__(self) -> Self:
        await self._stt.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stt.__aexit__(*failure)

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[ReadableStream]:
        """Start listening to one speaker."""
        scribe = Scribe(self.info, self._options, options)
        async with self._stt.open(options) as stream:
            yield ReadableStream(stream, scribe)


class ReadableStream:
    """One speaker: audio goes through as it is, words do not."""

    def __init__(self, stream: SttStream, scribe: Scribe) -> None:
        self._stream = stream
        self._scribe = scribe

    @property
    def dropped(self) -> int:
        """Blocks forgotten by the stream inside."""
        return self._stream.dropped

    def push(self, block: Block) -> None:
        """Send audio."""
        self._stream.push(block)

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another."""
        await self._stream.ready()

    def flush(self) -> None:
        """End the utterance now."""
        self._stream.flush()

    def close(self) -> None:
        """No more audio."""
        self._stream.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for heard in self._stream:
            if (written := self._written(heard)) is not None:
                yield written

    def _written(self, heard: Heard) -> Heard | None:
        match heard:
            case Partial():
                return self._scribe.partial(heard)
            case Final():
                return self._scribe.final(heard)
        return heard
