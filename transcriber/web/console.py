"""
What the console asks: how the service is, what goes on in its rooms, what its log says.

Everything is for administrators. The live part is one stream, on which the console is told four
times a second what has changed; what happens in between is drawn only once, so a console costs the
same however much is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from transcriber.telemetry import Tail
from transcriber.web.picture import Picture
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, token
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


@dataclass(slots=True)
class Console:
    """Answers the console's questions."""

    overview: Callable[[], Overview]
    state: Callable[[], dict[str, Any]]
    """Engines, what is ready, how many workers: what changes rarely."""
    picture: Picture
    log: Tail
    _open: int = 0

    def routes(self) -> list[Route]:
        """All of them need a token that may do everything."""
        admin, base = token("admin"), "/api/v1/console"
        return [
            Route("GET", base, self._overview, admin, "The service", response=Overview),
            Route("GET", f"{base}/stream", self._stream, admin, "What goes on", answers=SSE),
        ]

    async def _overview(self, request: web.Request) -> Overview:
        return self.overview()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._open >= MOST:
            detail = f"{MOST} consoles are open already; close one"
            raise ProblemError(429, "too-many-consoles", detail, retry_after=10)
        self._open += 1
        try:
            async with streaming(request) as stream:
                await self._follow(stream)
        finally:
            self._open -= 1
        return stream.response

    async def _follow(self, stream: Stream) -> None:
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
            if not await stream.rest(LOOK):
                return
