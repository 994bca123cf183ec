"""
The server: what holds for every route.

Each request gets an id, a measured time, security headers, a check of who calls, a checked body,
and an answer in one form, errors too. Handlers only do their work.
"""

from __future__ import annotations

import asyncio
import errno
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ValidationError

from transcriber.errors import Misconfigured, TranscriberError
from transcriber.ids import new_id
from transcriber.telemetry import METRICS
from transcriber.web import problems
from transcriber.web.auth import Guard
from transcriber.web.problems import Problem, ProblemError
from transcriber.web.routes import BODY, QUERY, Kind, Route, Rule, Serve

__all__ = ["STOPPING", "Explain", "application", "listen", "listen_here"]

MAX_BODY = 1 << 20
"""Bytes of a request's body, unless a route reads a stream itself."""
DRAIN = 5.0
"""Seconds that running requests get when the server stops."""
RUNNING: Any = {"access_log": None, "shutdown_timeout": DRAIN, "handler_cancellation": True}
"""A caller who has gone is not worked for: streams would not notice for long."""
REQUEST_ID = re.compile(r"[\w.-]{1,64}")
"""What we accept from a caller as the request's id; anything else gets one of ours."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

Explain = Callable[[Problem], BaseModel]
EXPLAIN: web.AppKey[Explain] = web.AppKey("explain")
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)
"""Set when the server begins to stop: answers that go on for ever end then."""

log = structlog.get_logger(__name__)


def application(
    routes: Sequence[Route],
    guards: Mapping[Kind, Guard],
    *,
    explain: Explain = lambda problem: problem,
    first: Sequence[Middleware] = (),
    outside: Sequence[Rule] = (),
    inside: Sequence[Rule] = (),
    last: Callable[[], Awaitable[object]] | None = None,
) -> web.Application:
    """
    Put routes behind the rules that hold for all; `explain` makes the body of an error. What comes
    `first` sees a request before anything else, the rules `outside` before anybody has looked at
    who asks, those `inside` afterwards. At the end `last` is waited for before anybody who listens
    is let go.

    A route whose kind of authentication has no guard is not served: `KeyError`.
    """
    app = web.Application(middlewares=[_observed, _answered, *first], client_max_size=MAX_BODY)
    app[EXPLAIN], app[STOPPING] = explain, asyncio.Event()
    app.on_shutdown.append(partial(_stopping, last))
    for route in routes:
        serve = _ruled(route, partial(_serve, route), inside)
        if route.auth.kind != "public":
            serve = partial(_guarded, guards[route.auth.kind], route.auth.scope, serve)
        app.router.add_route(route.method, route.path, _ruled(route, serve, outside))
    return app


@asynccontextmanager
async def listen(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the block runs; yields the base URL."""
    runner = web.AppRunner(app, **RUNNING)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await _start(site, host, port)
        bound = runner.addresses[0]
        yield f"http://{host}:{bound[1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listen_here(app: web.Application, path: str) -> AsyncIterator[None]:
    """Serve on a Unix socket while the block runs."""
    runner = web.AppRunner(app, **RUNNING)
    await runner.setup()
    try:
        await web.UnixSite(runner, path).start()
        yield
    finally:
        await runner.cleanup()


async def _stopping(last: Callable[[], Awaitable[object]] | None, app: web.Application) -> None:
    if last:
        await last()
    app[STOPPING].set()


async def _start(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                "HTTP_PORT", f"{port} is in use", remedy="stop what uses it or choose another"
            ) from error
        raise Misconfigured("HTTP_HOST", f"cannot listen on {host}: {error.strerror}") from error


def _ruled(route: Route, serve: Serve, rules: Sequence[Rule]) -> Serve:
    """Put rules around what serves a route, the first outermost."""
    for rule in reversed(rules):
        serve = rule(route, serve)
    return serve


async def _guarded(
    guard: Guard, scope: str, serve: Serve, request: web.Request
) -> web.StreamResponse:
    await guard(request, scope)
    return await serve(request)


async def _serve(route: Route, request: web.Request) -> web.StreamResponse:
    if route.query is not None:
        request[QUERY] = _query(request, route.query)
    if route.request is not None:
        request[BODY] = await _body(request, route.request)
    answer = await route.handler(request)
    if answer is None:
        return web.Response(status=204)
    if isinstance(answer, web.StreamResponse):
        return answer
    return _json(answer, route.status)


def _query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise problems.invalid(error, "the address") from error


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise problems.invalid(error) from error


@web.middleware
async def _observed(request: web.Request, handler: Serve) -> web.StreamResponse:
    """Name and time each request."""
    given = request.headers.get("X-Request-Id", "")
    request_id = given if REQUEST_ID.fullmatch(given) else new_id("req")
    structlog.contextvars.bind_contextvars(request=request_id)
    began = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    METRICS.requests.labels(request.method, route, response.status).observe(
        time.perf_counter() - began
    )
    if not response.prepared:
        response.headers.update({"X-Request-Id": request_id})
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response


@web.middleware
async def _answered(request: web.Request, handler: Serve) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return web.Response(status=error.status, headers=error.headers)
        return _problem(request, problems.of(error))
    except (ProblemError, TranscriberError) as error:
        return _problem(request, problems.of(error))
    except Exception as error:
        log.exception("request failed", path=request.path)
        return _problem(request, problems.of(error))


def _problem(request: web.Request, error: ProblemError) -> web.Response:
    request_id = structlog.contextvars.get_contextvars().get("request", "")
    problem = error.problem.model_copy(update={"request_id": request_id})
    body = request.app[EXPLAIN](problem)
    response = _json(body, problem.status)
    if body is problem:
        response.content_type = "application/problem+json"
    response.headers.update(error.headers)
    return response


def _json(model: BaseModel, status: int) -> web.Response:
    return web.json_response(text=model.model_dump_json(), status=status)
