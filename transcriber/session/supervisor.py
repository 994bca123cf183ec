"""
All our stays: makes reality agree with the wishes.

Each wished room has one task, which enters the call, enters it again when it breaks, and leaves
some time after the last reader has gone, unless somebody comes back. A call that ends by itself
takes its wish along: the next call is asked for anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from transcriber import aio
from transcriber.bus.memory import Bus
from transcriber.call import Call
from transcriber.captions.broadcaster import Broadcaster
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.errors import Overloaded
from transcriber.session.session import Session
from transcriber.session.wishes import Wish

__all__ = ["Supervisor"]

GRACE = 45.0
"""Seconds we stay after the last reader has gone: people reload pages and change their minds."""

Connect = Callable[[str, Callable[[], Wish]], Call]
"""Makes our place in a room; the second argument tells its wish at any time."""

log = structlog.get_logger(__name__)


class Room:
    """One wished room and what wakes its task."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.changed = asyncio.Event()
        self.over = asyncio.Event()
        self.left = False


class Supervisor:
    """Keeps a session in every room that somebody wants to read."""

    def __init__(
        self,
        connect: Connect,
        *,
        stt: Stt,
        bus: Bus,
        language: str = "en",
        most: int = 100,
        replacing: bool = True,
    ) -> None:
        """`replacing` says whether readers see an interim caption replaced by the next."""
        self._connect = connect
        self._stt = stt
        self._bus = bus
        self._language = language
        self._most = most
        self._replacing = replacing
        self._rooms: dict[str, Room] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._stop = asyncio.Event()

    @property
    def wishes(self) -> list[Wish]:
        """What is wished now."""
        return [room.wish for room in self._rooms.values()]

    def read(self, room: str, reader: str, *, language: str = "") -> None:
        """Somebody wants to read a room; raises `Overloaded` when we are in too many."""
        wish = self._wish(room).read_by(reader)
        self._set(wish.spoken_in(language) if language else wish)

    def stop_reading(self, room: str, reader: str) -> None:
        """Somebody wants to read no more."""
        if room in self._rooms:
            self._set(self._rooms[room].wish.not_read_by(reader))

    def speak(self, room: str, language: str) -> None:
        """Another language is spoken in a room; raises `KeyError` if nobody reads it."""
        self._set(self._rooms[room].wish.spoken_in(language))

    def translate(self, room: str, reader: str, target: str) -> None:
        """A reader wants another language, or none; raises `KeyError` if they do not read."""
        self._set(self._rooms[room].wish.translated(reader, target))

    def leave(self, room: str) -> None:
        """Nobody shall read a room any more, without any grace."""
        if gone := self._rooms.pop(room, None):
            gone.over.set()
            gone.changed.set()

    def leave_all(self) -> None:
        """Nobody shall read anything any more."""
        for room in tuple(self._rooms):
            self.leave(room)

    def stop(self) -> None:
        """Leave every room after the last words; `run` returns."""
        self._stop.set()

    async def run(self) -> None:
        """Make reality agree with the wishes until stopped."""
        async with asyncio.TaskGroup() as self._tasks:
            for room in self._rooms.values():
                self._start(self._keep(room), f"room {room.wish.room}")
            await self._stop.wait()
            self.leave_all()

    def _wish(self, room: str) -> Wish:
        known = self._rooms.get(room)
        return known.wish if known else Wish(room, self._language)

    def _set(self, wish: Wish) -> None:
        if room := self._rooms.get(wish.room):
            room.wish = wish
            room.changed.set()
            return
        if len(self._rooms) >= self._most:
            raise Overloaded(
                f"captions run in {self._most} rooms already", remedy="try again when one has ended"
            )
        room = self._rooms[wish.room] = Room(wish)
        if self._tasks and not self._stop.is_set():
            self._start(self._keep(room), f"room {wish.room}")

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        assert self._tasks
        return self._tasks.create_task(work, name=name)

    async def _keep(self, room: Room) -> None:
        """Stay in one room until its call has ended or nobody reads it."""
        name = room.wish.room

        def failed(error: Exception) -> bool:
            log.error("room failed", room=name, exc_info=error)
            return getattr(error, "retryable", True)

        try:
            while await self._entered(room, failed):
                pass
        except Exception:  # noqa: BLE001 - was reported; one room must not end the others
            log.warning("room given up", room=name)
        finally:
            if self._rooms.get(name) is room:
                del self._rooms[name]

    async def _entered(self, room: Room, failed: Callable[[Exception], bool]) -> bool:
        """Stay once; whether somebody came back while we were leaving."""
        room.left = False
        await aio.supervise(lambda: self._stay(room), failed=failed, over=room.over)
        return room.left and bool(room.wish.readers) and not room.over.is_set()

    async def _stay(self, room: Room) -> None:
        call = self._connect(room.wish.room, lambda: room.wish)
        options = StreamOptions(language=room.wish.language)
        session = Session(call, stt=self._stt, bus=self._bus, options=options)
        captions = Broadcaster(call.show, lambda: room.wish.readers, replacing=self._replacing)
        silence = captions.subscribe(self._bus, session.id)
        show = self._start(captions.run(), f"show {room.wish.room}")
        watch = self._start(self._watch(room, call), f"watch {room.wish.room}")
        try:
            await session.run()
        finally:
            silence()
            show.cancel()
            watch.cancel()

    async def _watch(self, room: Room, call: Call) -> None:
        """Hang up when nobody has read for a while, or at once when it is over."""
        while not room.over.is_set():
            room.changed.clear()
            try:
                async with asyncio.timeout(None if room.wish.readers else GRACE):
                    await room.changed.wait()
            except TimeoutError:
                break
        room.left = True
        call.hang_up()
