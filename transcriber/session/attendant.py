"""
Our stays in the rooms that we are told to attend, in this process.

Each room has one task, which enters the call, enters it again when it breaks, and leaves some time
after the last reader has gone, unless somebody comes back. When a call ends by itself or cannot be
entered at all, whoever wanted the room attended is told. At the end, everybody's last words are
waited for, but not for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

import structlog

from transcriber import aio
from transcriber.bus.memory import Bus
from transcriber.call import US, Call, Caption
from transcriber.captions.broadcaster import Broadcaster, replaced
from transcriber.captions.translation import Interpreter, Translates
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.events import ErrorHappened, Failure
from transcriber.session.limits import Seats
from transcriber.session.session import Session
from transcriber.session.wishes import Wish

__all__ = ["Attendant", "Connect", "Rooms", "Stay", "Talker"]

GRACE = 45.0
"""Seconds we stay after the last reader has gone: people reload pages and change their minds."""
DRAIN = 20.0
"""Seconds for everybody's last words when we are told to end."""
LAST_WORDS = 8.0
"""Seconds for the last words of one room, before its call is left."""

Connect = Callable[[str, Callable[[], Wish]], Call]
"""Makes our place in a room; the second argument tells its wish at any time."""
Said = Callable[[], Awaitable[None]]
"""Returns when everything that was said is shown."""

log = structlog.get_logger(__name__)


class Rooms(Protocol):
    """Attends rooms, here or somewhere else."""

    def start(self, room: str, wish: Wish) -> None:
        """Attend a room; called again for one that is attended, with what is wished now."""

    def stop(self, room: str) -> None:
        """Leave a room; one that nobody attends is left already."""


@dataclass(frozen=True, slots=True)
class Stay:
    """What somebody who talks in a call needs of it."""

    call: Call
    session: Session
    show: Callable[[str], Awaitable[None]]
    """Shows a line to everybody who reads."""


class Talker(Protocol):
    """Holds conversations in calls."""

    async def converse(self, dialog: str, stay: Stay) -> None:
        """Hold a conversation until it is over; when cancelled, it can be gone on with."""

    def over(self, dialog: str) -> None:
        """Its call is over, and will not be entered again."""


class _Room:
    """One room and what wakes its task."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.changed = asyncio.Event()
        self.talking = asyncio.Event()
        self.talked = ""
        """The conversation that is over."""
        self.over = asyncio.Event()
        self.left = False

    @property
    def dialog(self) -> str:
        """The conversation that is still to be held."""
        return "" if self.wish.dialog == self.talked else self.wish.dialog

    @property
    def wanted(self) -> bool:
        """Whether there is any reason to be here."""
        return bool(self.wish.readers or self.dialog)


class Attendant:
    """Keeps a session in every room that it is told to attend."""

    def __init__(
        self,
        connect: Connect,
        *,
        stt: Stt,
        bus: Bus,
        ended: Callable[[str], object],
        seats: Seats | None = None,
        talker: Talker | None = None,
        translator: Translates | None = None,
        replacing: Callable[[], bool] = replaced,
        drain: float = DRAIN,
    ) -> None:
        """
        `ended` learns of rooms whose call is over, unread or hopeless; `replacing` says whether
        readers see an interim caption replaced by the next.
        """
        self._connect = connect
        self._stt, self._bus = stt, bus
        self._ended = ended
        self._seats = seats or Seats()
        self._talker = talker
        self._translator = translator
        self._replacing, self._drain = replacing, drain
        self._rooms: dict[str, _Room] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._over, self._gone = asyncio.Event(), asyncio.Event()

    def start(self, room: str, wish: Wish) -> None:
        """Attend a room; called again for one that is attended, with what is wished now."""
        if known := self._rooms.get(room):
            known.wish = wish
            known.changed.set()
            known.talking.set()
            return
        self._rooms[room] = made = _Room(wish)
        if self._tasks and not self._over.is_set():
            self._begin(self._keep(made), f"room {room}")

    def stop(self, room: str) -> None:
        """Leave a room after the last words, without any grace."""
        if gone := self._rooms.pop(room, None):
            gone.over.set()
            gone.changed.set()

    def close(self) -> None:
        """Leave every room after the last words; `run` returns."""
        self._over.set()

    async def last_words(self) -> None:
        """Leave every room, and wait for that."""
        self.close()
        await self._gone.wait()

    async def run(self) -> None:
        """Be in the rooms until closed."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(None) as patience, asyncio.TaskGroup() as self._tasks:
                for room in self._rooms.values():
                    self._begin(self._keep(room), f"room {room.wish.room}")
                await self._over.wait()
                for name in tuple(self._rooms):
                    self.stop(name)
                patience.reschedule(clock() + self._drain)
        except TimeoutError:
            log.warning("rooms were left before the last words", seconds=self._drain)
        finally:
            self._gone.set()

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        assert self._tasks
        return self._tasks.create_task(work, name=name)

    async def _keep(self, room: _Room) -> None:
        """Stay in one room until its call has ended or nobody reads it."""
        name = room.wish.room

        def failed(error: Exception) -> bool:
            log.error("room failed", room=name, exc_info=error)
            code = str(getattr(error, "code", "error"))
            failure = Failure(room=name, code=code, message=str(error))
            self._bus.publish(ErrorHappened(session_id="", data=failure))
            return getattr(error, "retryable", True)

        try:
            while await self._entered(room, failed):
                pass
        except Exception:  # noqa: BLE001 - was reported; one room must not end the others
            log.warning("room given up", room=name)
        if self._rooms.get(name) is room:
            del self._rooms[name]
            self._ended(name)
            if self._talker and room.dialog:
                self._talker.over(room.dialog)

    async def _entered(self, room: _Room, failed: Callable[[Exception], bool]) -> bool:
        """Stay once; whether somebody came back while we were leaving."""
        room.left = False
        await aio.supervise(lambda: self._stay(room), failed=failed, over=room.over)
        return room.left and room.wanted and not room.over.is_set()

    async def _stay(self, room: _Room) -> None:
        call = self._connect(room.wish.room, lambda: room.wish)
        wish = room.wish
        options = StreamOptions(language=wish.language, engine=wish.engine, model=wish.model)
        session = Session(call, stt=self._stt, bus=self._bus, options=options, seats=self._seats)
        interpreter = Interpreter(call.show, lambda: room.wish.readers, self._translator)
        captions = Broadcaster(
            interpreter.show, lambda: room.wish.readers, replacing=self._replacing
        )

        async def said() -> None:
            await captions.shown()
            await interpreter.shown()

        silence = captions.subscribe(self._bus, session.id)
        working = [
            self._begin(interpreter.run(), f"translate {room.wish.room}"),
            self._begin(captions.run(), f"show {room.wish.room}"),
            self._begin(self._watch(room, session, said, call), f"watch {room.wish.room}"),
        ]
        try:
            async with aio.alongside(self._talk(room, call, session)):
                await session.run()
        finally:
            silence()
            for task in working:
                task.cancel()

    async def _talk(self, room: _Room, call: Call, session: Session) -> None:
        """Hold the conversation that is wished, and no other."""

        async def show(text: str) -> None:
            line = Caption(US, text, room.wish.language, final=True)
            await call.show(line, tuple(room.wish.readers))

        async def converse(dialog: str) -> None:
            if self._talker and dialog:
                await self._talker.converse(dialog, Stay(call, session, show))
                room.talked = dialog
                room.changed.set()

        while True:
            dialog = room.wish.dialog
            async with aio.alongside(converse(room.dialog)):
                while room.wish.dialog == dialog:
                    room.talking.clear()
                    await room.talking.wait()

    async def _watch(self, room: _Room, session: Session, said: Said, call: Call) -> None:
        """Leave when nobody has wanted us for a while, or at once when it is over."""
        while not room.over.is_set():
            room.changed.clear()
            wish = room.wish
            session.speak(wish.language, engine=wish.engine, model=wish.model)
            if room.talked and not room.wanted:
                break  # nobody comes back to a conversation that is over
            try:
                async with asyncio.timeout(None if room.wanted else GRACE):
                    await room.changed.wait()
            except TimeoutError:
                break
        room.left = True
        try:
            async with asyncio.timeout(LAST_WORDS):
                await session.last_words()
                await said()
        except TimeoutError:
            log.warning("last words were not waited for", room=room.wish.room)
        call.hang_up()
