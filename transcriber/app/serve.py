"""The running service: its parts, behind one address, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import structlog
from aiohttp import web

from transcriber import aio
from transcriber.app.access import access
from transcriber.app.audit import audit
from transcriber.app.catalogue import catalogue
from transcriber.app.console import console
from transcriber.app.crew import Reports, crew, workers
from transcriber.app.dialogs import dialogs
from transcriber.app.events import events
from transcriber.app.form import Form
from transcriber.app.garbage import settle
from transcriber.app.house import Booked, Face, House, Part, seats
from transcriber.app.instances import instances, places
from transcriber.app.nats import nats
from transcriber.app.nextcloud import nextcloud
from transcriber.app.pages import pages
from transcriber.app.recognisers import recognisers
from transcriber.app.rooms import rooms
from transcriber.app.selftest import self_test
from transcriber.app.studio import talks
from transcriber.app.transcripts import transcripts
from transcriber.app.webhooks import webhooks
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.events import CallStarted, CallTerminated, ErrorHappened, SpeechFinal
from transcriber.memory import giving_back
from transcriber.store import StoreFailed, open_store
from transcriber.telemetry import METRICS
from transcriber.web import health, openapi
from transcriber.web.address import Proxies
from transcriber.web.audit import Audit, Journal
from transcriber.web.door import Door
from transcriber.web.forward import Forward, Owner
from transcriber.web.once import Once
from transcriber.web.server import application, listen

__all__ = ["ATTENDING", "PARTS", "serve", "serving"]

REACH = 2.0
"""Seconds for the store to answer, if we are to be ready."""

log = structlog.get_logger(__name__)


async def serve(
    settings: Settings, started: Callable[[str], object], form: Form | None = None
) -> bool:
    """
    Run the service until it is told to stop; `started` learns its address.

    Returns whether it shall begin anew, because the form in Nextcloud has changed.
    """
    ears, bus, stop, anew = recognisers(settings), Bus(), asyncio.Event(), asyncio.Event()
    _count(bus)

    def begin_anew() -> None:
        anew.set()
        stop.set()

    reports, address = Reports(settings, ears), settings.web
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(stop))
        store = await stack.enter_async_context(open_store(settings.store.url))
        here = places(settings, store)
        house = House(
            settings,
            bus,
            ears.stt,
            store,
            reports.engines,
            world=bus if here.alone else Bus(),
            places=here,
            crew=crew(settings, bus, reports),
            seats=seats(settings),
            talks=talks(settings, bus, store, places=here),
            counts=reports.counts,
            form=form or Form(),
            begin_anew=begin_anew,
        )
        app = await stack.enter_async_context(serving(house, PARTS))
        url = await stack.enter_async_context(listen(app, address.host, address.port))
        here.announce(settings.session.address or url)
        log.info("started", url=url, engine=house.stt.info.name)
        settle()
        started(url)
        await stop.wait()
        log.info("beginning anew" if anew.is_set() else "stopping")
        await here.leave()
    return anew.is_set()


@asynccontextmanager
async def serving(house: House, parts: Sequence[Part]) -> AsyncIterator[web.Application]:
    """Let parts work while the block runs; yields the application that shows them over HTTP."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(aio.alongside(giving_back()))
        faces = [await stack.enter_async_context(part(house)) for part in parts]
        routes = [route for face in faces for route in face.routes]
        guards = {kind: guard for face in faces for kind, guard in face.guards.items()}
        books = [face.rooms for face in faces if face.rooms]
        forward = await stack.enter_async_context(Forward(partial(_owner, house, books)))
        options = house.settings.web
        routes += openapi.routes(routes)
        once = await stack.enter_async_context(Once(house.store))
        noting = await stack.enter_async_context(Audit(Journal(house.store)))
        door = Door(options.rate, Proxies(options.proxies))
        show = partial(
            application,
            first=[forward],
            outside=[noting.outside, door.outside],
            inside=[door.inside, once.inside],
            last=partial(_last_words, house, faces),
        )
        for face in faces:
            if face.elsewhere:
                await stack.enter_async_context(face.elsewhere(routes, guards, show))
        yield show(routes, guards)


async def _last_words(house: House, faces: Sequence[Face]) -> None:
    """Have every room left once everybody's last words are shown to those who read."""
    lasts = [house.crew.last_words, *(face.last for face in faces if face.last)]
    await asyncio.gather(*(last() for last in lasts))


async def _owner(house: House, books: Sequence[Booked], about: Mapping[str, str]) -> Owner | None:
    """Say which other process has what a path names; nobody if that is this one."""
    if "dialog_id" in about and house.talks:
        place = await house.talks.conversations.where(about["dialog_id"])
        if not place.startswith("room/"):
            return await _holder(house, place)
        about = {"room_id": place.removeprefix("room/")}
    return await _owner_of_room(house, books, about["room_id"]) if "room_id" in about else None


async def _owner_of_room(house: House, books: Sequence[Booked], room: str) -> Owner | None:
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


async def _holder(house: House, place: str) -> Owner | None:
    """Say who holds a conversation in a place that is no room of ours; nobody if it is over."""
    if not place:
        return None
    if url := await house.places.where(place):
        return Owner(url)
    socket = house.crew.where(place) if place.startswith("talk/") else None
    return Owner(socket=str(socket)) if socket else None


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[Face]:
    """The part that keeps the recogniser, and says whether all is well."""
    stt = house.stt
    face = Face(
        health.routes(unready=partial(_unready, house), metrics=house.counts),
    )
    if problem := stt.unusable():
        log.error("recogniser is not usable", engine=stt.info.name, problem=problem)
        yield face
        return
    async with stt:
        yield face


async def _unready(house: House) -> str:
    """Say why no work can be taken now: what listens, who attends rooms, where wishes are kept."""
    if problem := house.stt.unusable() or house.crew.unready():
        return problem
    try:
        async with asyncio.timeout(REACH):
            await house.store.get("wish", "")
    except StoreFailed as error:
        return str(error)
    except TimeoutError:
        return "the store does not answer"
    return ""


PARTS: tuple[Part, ...] = (
    access,
    audit,
    listening,
    instances,
    pages,
    console,
    catalogue,
    transcripts,
    events,
    webhooks,
    nats,
    dialogs,
    workers,
    nextcloud,
    rooms,
    self_test,
)
"""
In the order in which they start; they end in the opposite one. What keeps or sends what happens in
rooms stands before `workers`, so that it gets everybody's last words.
"""
ATTENDING: tuple[Part, ...] = (
    access,
    listening,
    dialogs,
    nextcloud,
    rooms,
    self_test,
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
