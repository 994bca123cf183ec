"""The part that is the built-in rooms: people talk in a browser, and read captions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from transcriber.app.bots import Bots
from transcriber.app.garbage import Sweep
from transcriber.app.home import asking
from transcriber.app.house import Face, House
from transcriber.app.readers import Readers
from transcriber.app.translators import targets, translating
from transcriber.captions.languages import NAMES
from transcriber.connectors.sfu import RoomEvents, SfuCall
from transcriber.connectors.sfu.book import Book, signing_secret
from transcriber.rtc import Media
from transcriber.rtc.sfu.room import Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.session.attendant import Attendant
from transcriber.session.limits import short_of_memory
from transcriber.store import StoreFailed
from transcriber.web.rooms.audio import RoomAudio
from transcriber.web.rooms.guard import RoomGuard
from transcriber.web.rooms.rest import OpenRooms, RoomApi
from transcriber.web.rooms.socket import RoomSocket
from transcriber.web.rooms.tokens import Tokens
from transcriber.web.rooms.transcript import Minutes
from transcriber.web.rooms.welcome import Welcome
from transcriber.web.rooms.whip import Whip

__all__ = ["rooms"]

TIDY = 5.0
"""Seconds between two looks at which rooms there are and who has them."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def rooms(house: House) -> AsyncIterator[Face]:
    """Have rooms, and a session in each where somebody reads."""
    settings, stt = house.settings, house.stt
    options, language = settings.rooms, settings.speech.language
    async with AsyncExitStack() as stack:
        media = await stack.enter_async_context(Media(ice_servers=lambda: options.servers))
        home = await stack.enter_async_context(asking(settings))
        translator = await stack.enter_async_context(translating(settings, home))
        hall = Rooms(media, options, most=settings.session.rooms)
        attendant = Attendant(
            lambda room, wish: SfuCall(hall.find(room), media),
            stt=stt,
            bus=house.bus,
            ended=lambda room: readers.ended(room),
            seats=house.seats,
            translator=translator,
            talker=house.talks.conversations if house.talks else None,
            drain=settings.session.drain,
        )
        readers, minutes = Readers(attendant), Minutes(house.bus)
        bots = Bots(hall, readers, house.talks, usual=settings.dialogs.usual)
        sweep = Sweep()

        def opened(room: Room) -> None:
            room.watch(RoomEvents(room, house.bus))
            room.watch(readers.of(room))
            room.watch(minutes.of(room))
            room.watch(sweep)
            tasks.create_task(bots.greet(room), name=f"greet {room.id}")

        hall.on_open.append(opened)
        heard = tuple(NAMES) if "*" in stt.info.languages else stt.info.languages
        usable = not stt.unusable()
        captions = readers if usable else None
        welcome = Welcome(options.servers, heard, targets(translator), captions)
        secret = options.secret.get_secret_value() or await signing_secret(house.store)
        tokens, limits = Tokens(secret), settings.session
        book = Book(
            house.store,
            hall,
            most=lambda: limits.rooms * house.places.count,
            refuse=lambda: short_of_memory(limits.memory_mb),
        )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(hall.run(), name="rooms")
        tasks.create_task(attendant.run(), name="captions of rooms")
        keeping = [tasks.create_task(book.run(), name="book of rooms")]
        if house.crew.front:
            keeping.append(tasks.create_task(_tidy(house, book), name="places of rooms"))

        parts = (
            RoomApi(hall, book, tokens, welcome, language=language, dialog=bots.chosen),
            OpenRooms(hall, book, tokens, language=language, dialog=bots.chosen),
            RoomSocket(hall, tokens, welcome),
            RoomAudio(hall, media),
            Whip(hall),
            minutes,
        )
        try:
            yield Face(
                [route for part in parts for route in part.routes()],
                {"room": RoomGuard(tokens)},
                book,
                last=attendant.last_words,
            )
        finally:
            for task in keeping:
                task.cancel()
            attendant.close()
            hall.stop()


async def _tidy(house: House, book: Book) -> None:
    """Take over rooms whose instance is gone, and forget who had those that are no more."""
    while True:
        try:
            rooms = await book.ids()
            await house.places.mine("room", rooms)
            house.crew.only("room", rooms)
        except StoreFailed as problem:
            log.warning("places of rooms are not known", problem=str(problem))
        await asyncio.sleep(TIDY)
