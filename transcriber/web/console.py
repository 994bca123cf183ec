"""
What the console asks: how the service is, what goes on in its rooms, what its log says.

Everything is for administrators. The live part is one stream, on which the console is told four
times a second what has changed; what happens in between is drawn only once, so a console costs the
same however much is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from transcriber.engines.stt.gpu import Figures
from transcriber.telemetry import Tail
from transcriber.web.picture import Picture
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, query, token
from transcriber.web.scopes import SCOPES
from transcriber.web.sse import Stream, streaming

__all__ = ["Console", "Overview", "SettingShown"]

LOOK = 0.25
"""Seconds between two looks at the rooms and the log."""
SLOWLY = 5.0
"""Seconds between two looks at what changes rarely: engines, what is ready."""
MOST = 20
"""Consoles that are open at the same time."""
SSE = "text/event-stream"


class SettingShown(BaseModel):
    """A setting as people may see it."""

    name: str
    value: str
    default: str
    origin: str
    description: str
    secret: bool


class Overview(BaseModel):
    """What hardly ever changes while the service runs."""

    version: str
    started_at: str
    store: str
    settings: list[SettingShown]
    gpu: bool = False
    """Whether there is a GPU service to be asked."""
    scopes: dict[str, str] = SCOPES
    """What tokens may be allowed, in words."""


class Watching(BaseModel, extra="forbid"):
    """`once`: what there is now, and no more, where streams do not come through."""

    once: bool = False


@dataclass(slots=True)
class Console:
    """Answers the console's questions."""

    overview: Callable[[], Overview]
    state: Callable[[], dict[str, Any]]
    """Engines, what is ready, how many workers: what changes rarely."""
    picture: Picture
    log: Tail
    gpu: Callable[[], Awaitable[Figures]] | None = None
    """Asks the GPU service, where there is one of our own."""
    _open: int = 0

    def routes(self) -> list[Route]:
        """All of them need a token that may do everything."""
        admin, base = token("admin"), "/api/v1/console"
        return [
            Route("GET", base, self._overview, admin, "The service", response=Overview),
            Route("GET", f"{base}/gpu", self._gpu, admin, "The GPU service", response=Figures),
            Route(
                "GET", f"{base}/stream", self._stream, admin, "What goes on",
                query=Watching, answers=SSE,
            ),
        ]  # fmt: skip

    async def _overview(self, request: web.Request) -> Overview:
        return self.overview()

    async def _gpu(self, request: web.Request) -> Figures:
        if self.gpu is None:
            raise ProblemError(404, "no-gpu", "the settings name no GPU service of our own")
        return await self.gpu()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._open >= MOST:
            detail = f"{MOST} consoles are open already; close one"
            raise ProblemError(429, "too-many-consoles", detail, retry_after=10)
        self._open += 1
        try:
            async with streaming(request) as stream:
                await self._follow(stream, once=query(request, Watching).once)
        finally:
            self._open -= 1
        return stream.response

    async def _follow(self, stream: Stream, *, once: bool) -> None:
        seen, number, rounds, state = self.picture.change, 0, 0, None
        await stream.send("rooms", self.picture.rooms())
        while True:
            shown, gone = self.picture.since(seen)
            seen = self.picture.change
            if shown or gone:
                await stream.send("changed", {"rooms": shown, "gone": gone})
            if lines := self.log.since(number):
                number = lines[-1]["number"]
                await stream.send("log", lines)
            if rounds % round(SLOWLY / LOOK) == 0 and state != (state := self.state()):
                await stream.send("state", state)
            rounds += 1
            if once or not await stream.rest(LOOK):
                return
