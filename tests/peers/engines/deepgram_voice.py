"""Deepgram's speech by request, as its reference has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.peers.engines.mouth import Asked, Trouble, answering, say, send
from tests.peers.engines.server import Mischief
from transcriber.audio import wav

__all__ = ["Heeded", "speech"]

PIECE = 3_333
"""Bytes of a piece: no whole number of samples."""


@dataclass
class Heeded(Asked):
    """Also what stood in the addresses."""

    queries: list[dict[str, str]] = field(default_factory=list)


@asynccontextmanager
async def speech(mischief: Mischief | None = None) -> AsyncIterator[Heeded]:
    """Say everything, in the rate that was asked for."""
    heeded = Heeded(mischief or Mischief())

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        assert set(body) == {"text"}
        query = dict(request.query)
        heeded.queries.append(query)
        assert (query["encoding"], query["container"]) == ("linear16", "none")
        samples = say(body["text"], rate=int(query["sample_rate"]))
        data = wav.pcm16(samples)
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        return await send(request, trouble, pieces, "audio/l16")

    async with answering("/v1/speak", answer, mischief) as asked:
        heeded.url, heeded.bodies, heeded.headers = asked.url, asked.bodies, asked.headers
        yield heeded
