"""Is it alive, is it ready, and what does it count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from pydantic import BaseModel

from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Route, token

__all__ = ["Alive", "routes"]

PROMETHEUS = "text/plain"


class Alive(BaseModel):
    """The answer of a service that works."""

    status: str = "ok"


def routes(*, unready: Callable[[], Awaitable[str]], metrics: Collector) -> list[Route]:
    """`unready` says why no work can be taken now, or nothing."""

    async def health(request: web.Request) -> Alive:
        return Alive()

    async def ready(request: web.Request) -> Alive:
        if reason := await unready():
            raise ProblemError(503, "not-ready", reason, retry_after=5)
        return Alive()

    async def count(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(metrics), headers=headers)

    return [
        Route("GET", "/health", health, PUBLIC, "The process answers", response=Alive),
        Route("GET", "/ready", ready, PUBLIC, "Work can be taken", response=Alive),
        Route("GET", "/metrics", count, token("metrics:read"), "Metrics", answers=PROMETHEUS),
    ]
