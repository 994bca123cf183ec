"""
Models over the network: a request whose answer is a stream of events.

What differs from interface to interface is how a prompt and an event are written; all else is
here. Who stops reading closes the connection, which is how every server learns to stop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

import aiohttp

from dialogs.ports import Piece, Usage
from transcriber.engines.llm.base import Answer, LlmInfo, Script
from transcriber.engines.llm.sse import Events
from transcriber.engines.stt.wire import Connected, Http
from transcriber.engines.tts.online import Post, Refused, read, request
from transcriber.errors import EngineError

__all__ = ["Online", "answering"]

STREAM = "text/event-stream"
PATIENCE = 60.0
"""Seconds without a sign: a model on this machine may have to be loaded first. Whoever asks has
less patience than that, and stops reading."""
LONGEST = 4 * 1024 * 1024
"""Bytes of an answer: many times what anybody would listen to."""


class Online(Connected, Protocol):
    """Models whose only resource are connections."""

    info: LlmInfo


@asynccontextmanager
async def answering(
    http: Http, post: Post, script: Script, refused: Refused
) -> AsyncGenerator[Answer]:
    """Ask, and read the answer as it is written."""
    async with request(http, post, refused, patience=PATIENCE) as answer:
        if answer.content_type != STREAM:
            raise EngineError("engine", f"the answer is {answer.content_type}, not a stream")
        async with aclosing(_pieces(answer, script)) as pieces:
            yield pieces


async def _pieces(answer: aiohttp.ClientResponse, script: Script) -> AsyncGenerator[Piece]:
    events, size = Events(), 0
    while not script.over and (data := await read(answer)):
        size += len(data)
        if size > LONGEST:
            raise EngineError("engine", "the answer has no end")
        for event in events.push(data):
            for piece in script.heard(event):
                yield piece
    if not script.complete:
        raise EngineError("network", "the answer was cut off")
    if script.usage != Usage():
        yield script.usage
