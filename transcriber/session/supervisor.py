"""
What shall run, and that it does: makes reality agree with the wishes.

A wish is kept in the store, one record a room, so a restart brings every room back, and a request
is answered once its wish is safe. Reality follows behind: whatever has changed, the supervisor
compares all wishes that fall to this instance with the rooms that are attended, and starts and
stops what differs. A call that
ends by itself takes its wish along, unless it was renewed meanwhile: the next call is asked for
anew. While the store is away, everything stays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from transcriber.errors import Overloaded
from transcriber.session.attendant import Rooms
from transcriber.session.places import Here, Places
from transcriber.session.wishes import Wish
from transcriber.store import Conflict, Record, Store, StoreFailed

__all__ = ["Supervisor"]

KIND = "wish"
"""The kind of the records, and the topic on which changes are told."""
PLACES = "talk"
"""What kind of rooms these are, among all that instances have."""
BEAT = 2.0
"""Seconds after which wishes are compared with reality even if nobody told of a change."""
TRIES = 20
"""How often a wish is changed anew because another instance was faster."""
PAGE = 1000

log = structlog.get_logger(__name__)


class Supervisor:
    """Keeps the wishes, and has every wished room attended by `rooms`."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        *,
        language: str = "en",
        most: int = 100,
        refuse: Callable[[], str] = str,
        places: Places | None = None,
    ) -> None:
        """At `most` so many rooms; `refuse` says why no other can be taken on now, or nothing."""
        self._store, self._rooms, self._places = store, rooms, places or Here()
        self._language, self._most, self._refuse = language, most, refuse
        self._started: dict[str, int] = {}
        self._ended: set[str] = set()
        self._changing = asyncio.Lock()
        self._news = asyncio.Event()
        self._stop = asyncio.Event()

    async def wishes(self) -> list[Wish]:
        """What is wished now."""
        return [_wish(record) for record in await self._wished()]

    async def read(self, room: str, reader: str, *, language: str = "") -> None:
        """Somebody wants to read a room; raises `Overloaded` when there is no place for it."""

        def change(wish: Wish) -> Wish:
            wish = wish.read_by(reader)
            return wish.spoken_in(language) if language else wish

        await self._change(room, change, new=Wish(room, self._language))

    async def stop_reading(self, room: str, reader: str) -> None:
        """Somebody wants to read no more."""
        with contextlib.suppress(KeyError):
            await self._change(room, lambda wish: wish.not_read_by(reader))

    async def speak(self, room: str, language: str) -> None:
        """Another language is spoken in a room; raises `KeyError` if nobody reads it."""
        await self._change(room, lambda wish: wish.spoken_in(language))

    async def hear(self, room: str, engine: str, model: str = "") -> None:
        """Another engine hears a room; raises `KeyError` if nobody reads it."""
        await self._change(room, lambda wish: wish.heard_by(engine, model))

    async def translate(self, room: str, reader: str, target: str) -> None:
        """A reader wants another language, or none; raises `KeyError` if they do not read."""
        await self._change(room, lambda wish: wish.translated(reader, target))

    async def talk(self, room: str, dialog: str) -> None:
        """A conversation shall be held in a room; raises `Overloaded` as `read` does."""
        await self._change(room, lambda wish: wish.held(dialog), new=Wish(room, self._language))

    async def leave(self, room: str) -> None:
        """Nobody shall read a room any more, without any grace."""
        await self._store.forget(KIND, room)
        await self._store.tell(KIND, room)

    async def leave_all(self) -> None:
        """Nobody shall read anything any more."""
        for record in await self._wished():
            await self.leave(record.key)

    def ended(self, room: str) -> None:
        """A call is over, unread or hopeless: who attended it has left."""
        self._ended.add(room)
        self._news.set()

    def stop(self) -> None:
        """Wish for nothing more, and have every room left; the wishes stay for the next start."""
        self._stop.set()
        self._news.set()

    async def run(self) -> None:
        """Make reality agree with the wishes until stopped."""
        topics = KIND, "instance"
        silences = [self._store.listen(topic, lambda _: self._news.set()) for topic in topics]
        try:
            while not self._stop.is_set():
                self._news.clear()
                try:
                    await self._converge()
                except StoreFailed as problem:
                    log.warning("the store does not tell the wishes", problem=str(problem))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):  # `wait_for` can lose a cancellation
                        await self._news.wait()
        finally:
            for silence in silences:
                silence()
            for room in self._started:
                self._rooms.stop(room)
        with contextlib.suppress(StoreFailed):
            await self._places.mine(PLACES, ())

    async def _change(
        self, room: str, change: Callable[[Wish], Wish], *, new: Wish | None = None
    ) -> None:
        if self._stop.is_set():
            raise Overloaded("the service is stopping", remedy="try again in a minute")
        async with self._changing:
            for _ in range(TRIES):
                with contextlib.suppress(Conflict):
                    await self._put(room, change, new)
                    break
            else:
                raise Conflict(f"{room} changes too often", remedy="try again")
        await self._store.tell(KIND, room)

    async def _put(self, room: str, change: Callable[[Wish], Wish], new: Wish | None) -> None:
        record = await self._store.get(KIND, room)
        if record is None and new is None:
            raise KeyError(room)
        if record is None:
            await self._admit()
        wish = change(_wish(record) if record else new or Wish(room))
        await self._store.put(KIND, room, wish.value, seen=record.version if record else 0)

    async def _admit(self) -> None:
        """Refuse another room if there is no place for it."""
        most = self._most * self._places.count
        if len(await self._wished()) >= most:
            problem = f"captions run in {most} rooms already"
            raise Overloaded(problem, remedy="try again when one has ended")
        if problem := self._refuse():
            raise Overloaded(problem, remedy="try again later")

    async def _wished(self) -> list[Record]:
        found: list[Record] = []
        while True:
            after = found[-1].key if found else ""
            page = await self._store.records(KIND, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    async def _converge(self) -> None:
        while self._ended:
            await self._forget(next(iter(self._ended)))
        wished = {record.key: record for record in await self._wished()}
        mine = await self._places.mine(PLACES, wished)
        for room in self._started.keys() - mine:
            del self._started[room]
            self._rooms.stop(room)
        for room in mine:
            record = wished[room]
            if self._started.get(room) != record.version:
                self._started[room] = record.version
                self._rooms.start(room, _wish(record))

    async def _forget(self, room: str) -> None:
        """Drop the wish of a call that is over, unless it was renewed: then it is started again."""
        if version := self._started.get(room):
            await self._store.forget(KIND, room, seen=version)
            del self._started[room]
        self._ended.discard(room)


def _wish(record: Record) -> Wish:
    return Wish.of(record.key, record.value)
