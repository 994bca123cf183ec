"""
A recogniser whose words are fit to be read, around any recogniser.

It has the interface of the one inside, so that sessions need not know that it is there, and what
comes out of it is all that anybody gets: captions, events, transcripts and webhooks alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from transcriber.audio.block import Block
from transcriber.captions.scribe import CaptionOptions, Scribe
from transcriber.engines.around import Around
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Partial,
    StreamOptions,
    Stt,
    SttStream,
)

__all__ = ["readable"]


def readable(stt: Stt, options: CaptionOptions | None = None) -> Stt:
    """Make a recogniser that stabilises, punctuates and redacts what another one hears."""

    chosen = options or CaptionOptions()

    @asynccontextmanager
    async def open_stream(wanted: StreamOptions) -> AsyncIterator[ReadableStream]:
        wanted = replace(wanted, vocabulary=(*chosen.terms, *wanted.vocabulary))
        scribe = Scribe(stt.info, chosen, wanted)
        async with stt.open(wanted) as stream:
            yield ReadableStream(stream, scribe)

    return Around(stt, open_stream)


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
