"""The running service: its parts, behind one address, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import structlog

from transcriber.app.house import Face, House, Part
from transcriber.app.nextcloud import nextcloud
from transcriber.app.recognisers import recognisers
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.events import CallStarted, CallTerminated, ErrorHappened, SpeechFinal
from transcriber.store import open_store
from transcriber.telemetry import METRICS
from transcriber.web import health
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.server import application, listen

__all__ = ["serve"]

log = structlog.get_logger(__name__)


async def serve(settings: Settings, started: Callable[[str], object]) -> None:
    """Run the service until it is told to stop; `started` learns its address."""
    ears, bus, stop = recognisers(settings), Bus(), asyncio.Event()
    _count(bus)
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(stop))
        store = await stack.enter_async_context(open_store(settings.store.url))
        house = House(settings, bus, ears.stt, store, ears.engines)
        faces = [await stack.enter_async_context(part(house)) for part in PARTS]
        routes = [route for face in faces for route in face.routes]
        guards = {kind: guard for face in faces for kind, guard in face.guards.items()}
        app, web = application(routes, guards), settings.web
        url = await stack.enter_async_context(listen(app, web.host, web.port))
        log.info("started", url=url, engine=house.stt.info.name)
        started(url)
        await stop.wait()
        log.info("stopping")


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[Face]:
    """The part that keeps the recogniser, and says whether all is well."""
    stt = house.stt
    token = house.settings.web.api_token.get_secret_value()
    face = Face(
        health.routes(unready=stt.unusable, metrics=METRICS.registry),
        {"token": BearerGuard(AdminToken(token))},
    )
    if problem := stt.unusable():
        log.error("recogniser is not usable", engine=stt.info.name, problem=problem)
        yield face
        return
    async with stt:
        yield face


PARTS: tuple[Part, ...] = (listening, nextcloud)
"""In the order in which they start; they end in the opposite one."""


def _count(bus: Bus) -> None:
    """Keep the metrics of what happens in calls."""
    bus.subscribe(CallStarted, lambda event: METRICS.calls.inc())
    bus.subscribe(CallTerminated, lambda event: METRICS.calls.dec())
    bus.subscribe(ErrorHappened, lambda event: METRICS.errors.labels(event.data.code).inc())
    bus.subscribe(SpeechFinal, _count_speech)


def _count_speech(event: SpeechFinal) -> None:
    said = event.data
    METRICS.finals.labels(said.language).inc()
    METRICS.speech.labels(said.language).inc((said.end_ms - said.start_ms) / 1000)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for the end instead of ending at once."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
