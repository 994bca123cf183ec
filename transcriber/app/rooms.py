"""The part that is the built-in rooms: people talk in a browser, and read captions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.app.readers import Readers
from transcriber.captions.languages import NAMES
from transcriber.connectors.sfu import RoomEvents, SfuCall
from transcriber.rtc import Media
from transcriber.rtc.sfu.room import Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.session.attendant import Attendant
from transcriber.session.limits import Seats
from transcriber.web.rooms.guard import RoomGuard
from transcriber.web.rooms.rest import OpenRooms, RoomApi
from transcriber.web.rooms.socket import RoomSocket
from transcriber.web.rooms.tokens import Tokens
from transcriber.web.rooms.transcript import Minutes
from transcriber.web.rooms.welcome import Welcome

__all__ = ["rooms"]


@asynccontextmanager
async def rooms(house: House) -> AsyncIterator[Face]:
    """Have rooms, and a session in each where somebody reads."""
    settings, stt = house.settings, house.stt
    options, language = settings.rooms, settings.speech.language
    async with AsyncExitStack() as stack:
        media = await stack.enter_async_context(Media(ice_servers=lambda: options.servers))
        hall = Rooms(media, options, most=settings.session.rooms)
        attendant = Attendant(
            lambda room, wish: SfuCall(hall.find(room), media),
            stt=stt,
            bus=house.bus,
            ended=lambda room: readers.ended(room),
            seats=Seats(settings.session.speakers),
            drain=settings.session.drain,
        )
        readers, minutes = Readers(attendant), Minutes(house.bus)

        def opened(room: Room) -> None:
            room.watch(RoomEvents(room, house.bus))
            room.watch(readers.of(room))
            room.watch(minutes.of(room))

        hall.on_open.append(opened)
        heard = tuple(NAMES) if "*" in stt.info.languages else stt.info.languages
        usable = not stt.unusable()
        welcome = Welcome(options.servers, heard, (), readers if usable else None)
        tokens = Tokens(options.secret.get_secret_value())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(hall.run(), name="rooms")
        tasks.create_task(attendant.run(), name="captions of rooms")
        api = RoomApi(hall, tokens, welcome, language=language)
        visitors = OpenRooms(hall, tokens, language=language)
        socket = RoomSocket(hall, tokens, welcome)
        try:
            yield Face(
                [*api.routes(), *visitors.routes(), *socket.routes(), *minutes.routes()],
                {"room": RoomGuard(tokens)},
            )
        finally:
            attendant.close()
            hall.stop()
