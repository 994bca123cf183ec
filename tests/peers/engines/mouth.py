"""What a made-up service says: every word is a tone of three twentieths of a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import web

from tests.peers.engines.server import Mischief, hosting
from transcriber.audio.block import RATE, Samples

__all__ = ["Asked", "Trouble", "answering", "cut", "say", "send"]

WORD = 0.15
"""Seconds of a word."""
PIECE = 3_333
"""Bytes of a piece: no whole number of samples."""


def say(text: str, *, speed: float = 1.0, rate: int = RATE) -> Samples:
    length = round(len(text.split()) * WORD * rate / speed)
    samples: Samples = (np.sin(np.arange(length) * 0.1) * 0.3).astype(np.float32)
    return samples


def cut(data: bytes) -> list[bytes]:
    """Cut an answer into pieces as networks do."""
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


@dataclass
class Asked:
    """What was seen of the clients of a service that answers requests."""

    mischief: Mischief
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def trouble(self) -> Mischief:
        if self.mischief.times <= 0:
            return Mischief()
        self.mischief.times -= 1
        return self.mischief


@dataclass(frozen=True)
class Trouble:
    """What happens to one request."""

    asked: Asked
    mischief: Mischief

    async def before(self) -> web.Response | None:
        """Something else than the answer, if that is what happens."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.asked.over.wait(), self.mischief.cold)
        ours = self.mischief
        if ours.status:
            return web.Response(status=ours.status, headers=ours.headers, text=ours.body)
        return None

    async def within(self, request: web.Request, number: int) -> bytes:
        """What is sent instead of a piece, if anything."""
        if number == self.mischief.cut_after and request.transport:
            request.transport.abort()
        if number == self.mischief.hang_after:
            await self.asked.over.wait()
        await asyncio.sleep(self.mischief.slow)
        return b"}{ nonsense" if number == self.mischief.garbage_after else b""


Answer = Callable[[web.Request, dict[str, Any], Trouble], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(
    path: str, answer: Answer, mischief: Mischief | None = None, more: Sequence[web.RouteDef] = ()
) -> AsyncIterator[Asked]:
    """Answer requests of JSON under a path until the block is left."""
    asked = Asked(mischief or Mischief())

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.bodies.append(await request.json())
        asked.headers.append(dict(request.headers))
        asked.queries.append(dict(request.query))
        trouble = Trouble(asked, asked.trouble())
        return await trouble.before() or await answer(request, asked.bodies[-1], trouble)

    app = web.Application()
    app.router.add_post(path, handle)
    app.add_routes(more)
    async with hosting(app) as url:
        asked.url = url
        yield asked
        asked.over.set()


async def send(
    request: web.Request, trouble: Trouble, pieces: Sequence[bytes], content_type: str
) -> web.StreamResponse:
    """Send an answer in pieces."""
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for number, piece in enumerate(pieces):
        await response.write(await trouble.within(request, number) or piece)
    await response.write_eof()
    return response
