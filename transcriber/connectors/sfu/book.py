"""
Which built-in rooms there are, for every process that shares the store.

A room is booked first, and opened by whoever has it when somebody wants to enter. Who has it keeps
the booking alive; so a room whose process dies is there again as soon as its people come back, and
one that nobody entered or needs any more is forgotten by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog

from transcriber.errors import Overloaded
from transcriber.rtc.sfu.room import Plan, Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.store import Conflict, Record, Store, StoreFailed

__all__ = ["Book", "Booked", "signing_secret"]

KIND = "room"
BEAT = 2.0
"""Seconds between two looks at the rooms that are open here."""
SPARE = 60.0
"""Seconds that the booking of an open room outlives the time after which an empty one closes."""
PAGE = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Booked:
    """A room as all know it: how many are in it may be some seconds old."""

    room: Room
    participants: int = 0


class Book:
    """The bookings, and the rooms of this process that follow from them."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        *,
        most: Callable[[], int],
        refuse: Callable[[], str] = str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """At `most` so many rooms; `refuse` says why no other can be taken on, or nothing."""
        self._store, self._rooms, self._now = store, rooms, now
        self._most, self._refuse = most, refuse
        self._kept: dict[str, tuple[int, float]] = {}
        self._gone: set[str] = set()
        self._news = asyncio.Event()
        rooms.on_open.append(lambda room: self._news.set())
        rooms.on_close.append(self._closed)

    async def add(self, plan: Plan) -> Room:
        """Book a room; raises `Overloaded` when there are too many."""
        room, most = Room(self._rooms.limited(plan)), self._most()
        if len(await self._store.records(KIND, limit=most)) >= most:
            raise Overloaded(
                f"there are {most} rooms already",
                remedy="try again when one has closed, or raise MAX_ROOMS_PER_NODE",
            )
        if problem := self._refuse():
            raise Overloaded(problem, remedy="try again later")
        await self._keep(room)
        return room

    async def knows(self, room_id: str) -> bool:
        """Whether there is such a room."""
        return room_id in self._rooms.rooms or await self._store.get(KIND, room_id) is not None

    async def arrive(self, room_id: str) -> None:
        """Have a room open here, if there is such a room: somebody asks for it."""
        if room_id in self._rooms.rooms or room_id in self._gone:
            return
        record = await self._store.get(KIND, room_id)
        if record and room_id not in self._rooms.rooms:
            room = _booked(record).room
            self._rooms.open(room.plan, id_=room.id, created=room.created)

    async def page(self, *, after: str = "", limit: int = PAGE) -> list[Booked]:
        """Return rooms by their ids, from the one after `after` on."""
        return [_booked(one) for one in await self._store.records(KIND, after=after, limit=limit)]

    async def ids(self) -> list[str]:
        """Return the ids of all rooms."""
        found: list[str] = []
        while page := await self._store.records(KIND, after=found[-1] if found else "", limit=PAGE):
            found += [record.key for record in page]
        return found

    async def run(self) -> None:
        """Keep the bookings of rooms that are open here, and forget those that have closed."""
        while True:
            self._news.clear()
            try:
                await self._follow()
            except StoreFailed as problem:
                log.warning("rooms cannot be kept", problem=str(problem))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), BEAT)

    async def _follow(self) -> None:
        while self._gone:
            room_id = next(iter(self._gone))
            await self._store.forget(KIND, room_id)
            self._gone.discard(room_id)
            self._kept.pop(room_id, None)
        for room in tuple(self._rooms.rooms.values()):
            people, until = self._kept.get(room.id, (-1, 0.0))
            if people != len(room.members) or self._now() > until - SPARE / 2:
                await self._keep(room)

    async def _keep(self, room: Room) -> None:
        value = {
            "plan": asdict(room.plan),
            "created": room.created.isoformat(),
            "participants": len(room.members),
        }
        is_open = room.id in self._rooms.rooms
        until = self._now() + self._rooms.options.empty + (SPARE if is_open else 0)
        await self._store.put(KIND, room.id, value, expires=until)
        if is_open:
            self._kept[room.id] = len(room.members), until

    def _closed(self, room: Room, reason: str) -> None:
        if reason == "shutdown":  # it is there again when we are, or where others take it
            self._kept.pop(room.id, None)
        else:
            self._gone.add(room.id)
            self._news.set()


def _booked(record: Record) -> Booked:
    value: dict[str, Any] = record.value
    created = datetime.fromisoformat(value["created"])
    return Booked(Room(Plan(**value["plan"]), record.key, created), value["participants"])


async def signing_secret(store: Store) -> str:
    """Return what signs tokens of rooms, the same for every process, now and after a restart."""
    with contextlib.suppress(Conflict):
        await store.put("secret", "rooms", secrets.token_hex(32), seen=0)
    record = await store.get("secret", "rooms")
    assert record
    return str(record.value)
