"""
The HTTP side: routes, who may use them, health, and an end that lets people finish.

One process serves one GPU. `/health` says whether the process should live, `/ready` whether it
takes new streams; the first is what an orchestrator restarts by, the second what it routes by.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from modal_app import files, sockets
from modal_app.arch import LICENCE
from modal_app.auth import Access
from modal_app.hub import Hub
from modal_app.metrics import Metrics
from modal_app.problem import Problem, problem

__all__ = ["Site", "serve"]

log = structlog.get_logger(__name__)

PUBLIC = {"/health", "/ready"}
"""What anybody may ask; it tells nothing but how the service is."""
BACKLOG = 1_024
"""Connections the kernel keeps for us while the loop is busy: everybody reconnects at once."""

Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Site:
    """Where to listen and for whom; `grace` is how many seconds streams may go on at the end."""

    host: str = "127.0.0.1"
    port: int = 8080
    access: Access = field(default_factory=Access)
    price_per_hour: float = 0.0
    grace: float = 30.0


@asynccontextmanager
async def serve(hub: Hub, site: Site) -> AsyncIterator[asyncio.Task[None]]:
    """
    Listen until the block is left, then let streams finish for `grace` seconds.

    Gives the task that loads and steps; it ends only by failing, and with it the service is of no
    use any more.
    """
    runner = web.AppRunner(_application(hub, site), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    work = asyncio.create_task(hub.run(), name="hub")
    try:
        await web.TCPSite(runner, site.host, site.port, backlog=BACKLOG).start()
        yield work
        await hub.drain(site.grace)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await work
        await runner.cleanup()


def _application(hub: Hub, site: Site) -> web.Application:
    app = web.Application(middlewares=[_guard(site.access)])
    metrics = Metrics(lambda: hub.batcher, price_per_hour=site.price_per_hour)
    uploads = files.Uploads(hub)

    app.add_routes(
        [
            web.get("/v1/stream", partial(sockets.stream, hub=hub)),
            web.get("/api/asr-streaming", partial(sockets.moshi, hub=hub)),
            web.post("/api/asr-streaming", partial(files.kyutai, uploads=uploads)),
            web.post("/v1/audio/transcriptions", partial(files.openai, uploads=uploads)),
            web.get("/v1/models", partial(_models, hub=hub)),
            web.get("/api/build_info", partial(_build, hub=hub)),
            web.get("/health", partial(_health, hub=hub)),
            web.get("/ready", partial(_ready, hub=hub)),
            web.get("/metrics", partial(_measure, metrics=metrics)),
        ]
    )
    return app


def _guard(access: Access) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Route) -> web.StreamResponse:
        if request.path not in PUBLIC and not access.allows(request.headers, request.query):
            return problem(401, "a bearer token, or a Modal-Key and Modal-Secret, is needed")
        try:
            return await handler(request)
        except Problem as answer:
            return answer
        except web.HTTPException as answer:
            return problem(answer.status, answer.reason)
        except Exception:
            log.exception("request failed", path=request.path)
            return problem(500, "something is wrong here; the log of the service says what")

    return guard


async def _health(request: web.Request, hub: Hub) -> web.Response:
    batcher = hub.batcher
    body = {
        "status": hub.state,
        "used": batcher.used if batcher else 0,
        "slots": batcher.slots if batcher else 0,
        "attribution": LICENCE,
    }
    return web.json_response(body, status=503 if hub.failed else 200)


async def _ready(request: web.Request, hub: Hub) -> web.Response:
    return web.json_response({"status": hub.state}, status=200 if hub.state == "ok" else 503)


async def _models(request: web.Request, hub: Hub) -> web.Response:
    name = hub.model.name if hub.model else ""
    models = [{"id": name, "object": "model", "owned_by": "kyutai"}] if name else []
    return web.json_response({"object": "list", "data": models})


async def _build(request: web.Request, hub: Hub) -> web.Response:
    """Kyutai's own products ask this to know whether the server is alive."""
    return web.json_response({"model": hub.model.name if hub.model else ""})


async def _measure(request: web.Request, metrics: Metrics) -> web.Response:
    return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")
