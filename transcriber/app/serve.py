"""The running service: its parts, behind one address, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import structlog
from aiohttp import web

from transcriber.app.crew import crew, workers
from transcriber.app.house import Face, House, Part
from transcriber.app.instances import instances, places
from transcriber.app.nats import nats
from transcriber.app.nextcloud import nextcloud
from transcriber.app.pages import pages
from transcriber.app.recognisers import recognisers
from transcriber.app.rooms import rooms
from transcriber.app.transcripts import transcripts
from transcriber.app.webhooks import webhooks
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.events import CallStarted, CallTerminated, ErrorHappened, SpeechFinal
from transcriber.store import open_store
from transcriber.telemetry import METRICS
from transcriber.web import health
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.forward import Forward, Owner
from transcriber.web.gathered import Gathered
from transcriber.web.server import application, listen

__all__ = ["ATTENDING", "PARTS", "serve", "serving"]

log = structlog.get_logger(__name__)


async def serve(settings: Settings, started: Callable[[str], object]) -> None:
    """Run the service until it is told to stop; `started` learns its address."""
    ears, bus, stop = recognisers(settings), Bus(), asyncio.Event()
    _count(bus)
    gathered, address = Gathered(METRICS.registry), settings.web
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(stop))
        store = await stack.enter_async_context(open_store(settings.store.url))
        here = places(settings, store)
        house = House(
            settings,
            bus,
            ears.stt,
            store,
            ears.engines,
            world=bus if here.alone else Bus(),
            places=here,
            crew=crew(settings, bus, gathered),
            counts=gathered,
        )
        app = await stack.enter_async_context(serving(house, PARTS))
        url = await stack.enter_async_context(listen(app, address.host, address.port))
        here.announce(settings.session.address or url)
        log.info("started", url=url, engine=house.stt.info.name)
        started(url)
        await stop.wait()
        log.info("stopping")
        await here.leave()


@asynccontextmanager
async def serving(house: House, parts: Sequence[Part]) -> AsyncIterator[web.Application]:
    """Let parts work while the block runs; yields the application that shows them over HTTP."""

    async def where(room: str) -> Owner | None:
        books = [face.rooms for face in faces if face.rooms]
        if not any([await book.knows(room) for book in books]):
            return None
        if url := await house.places.where(f"room/{room}"):
            return Owner(url)
        socket = house.crew.where(f"room/{room}")
        if socket:
            return Owner(socket=str(socket))
        for book in books:
            await book.arrive(room)
        return None

    async with AsyncExitStack() as stack:
        faces = [await stack.enter_async_context(part(house)) for part in parts]
        routes = [route for face in faces for route in face.routes]
        guards = {kind: guard for face in faces for kind, guard in face.guards.items()}
        forward = await stack.enter_async_context(Forward(where))
        yield application(routes, guards, first=[forward])


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[Face]:
    """The part that keeps the recogniser, and says whether all is well."""
    stt = house.stt
    token = house.settings.web.api_token.get_secret_value()
    face = Face(
        health.routes(unready=lambda: stt.unusable() or house.crew.unready(), metrics=house.counts),
        {"token": BearerGuard(AdminToken(token))},
    )
    if problem := stt.unusable():
        log.error("recogniser is not usable", engine=stt.info.name, problem=problem)
        yield face
        return
    async with stt:
        yield face


PARTS: tuple[Part, ...] = (
    listening,
    instances,
    pages,
    transcripts,
    webhooks,
    nats,
    workers,
    nextcloud,
    rooms,
)
"""
In the order in which they start; they end in the opposite one. What keeps or sends what happens in
rooms stands before `workers`, so that it gets everybody's last words.
"""
ATTENDING: tuple[Part, ...] = (
    listening,
    nextcloud,
    rooms,
)
"""Those that run in each worker too, where rooms are attended."""


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
