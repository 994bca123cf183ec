"""
Which instance has which room, where several share a store.

An instance says every few seconds that it lives; what it said is forgotten soon after. A room has a
record that names who has it, whose version is the fence: it is taken by changing that record, which
only one can do, and only when nobody lives who has it. So a room is lost with its instance and
taken over some seconds later; who was only asleep finds somebody else's name when it wakes, and
leaves. While the store is away nobody can take anything, and everybody keeps what they have: a
database is restarted more often than it is cut off from one instance alone. When it comes back, the
others get time to say that they live before their rooms are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from transcriber.errors import Overloaded
from transcriber.session.shares import Instance, chosen
from transcriber.store import Conflict, Record, Store, StoreFailed

__all__ = ["Here", "Places", "Shared"]

BEAT = 1.5
"""Seconds between two signs of life."""
LIFE = 6.0
"""Seconds that a sign of life counts: three may be lost."""
IDLE = 7 * 86_400.0
"""Seconds after which it is forgotten who had a room for which nobody asked."""
PAGE = 1000

log = structlog.get_logger(__name__)


class Places(Protocol):
    """Says which rooms are ours; `alone` when no other instance can have any."""

    alone: bool

    async def run(self) -> None:
        """Say that we live, from `announce` until `leave`."""

    def announce(self, url: str) -> None:
        """Take rooms from now on; others reach us at this address."""

    async def leave(self) -> None:
        """Take no more rooms, and let the others have ours as soon as we give them up."""

    @property
    def count(self) -> int:
        """How many instances there are."""

    async def mine(self, kind: str, wanted: Collection[str]) -> set[str]:
        """Return which wanted rooms of a kind are ours, taking free ones and giving up others."""

    async def where(self, room: str) -> str:
        """Return the address of the instance that has a room, choosing one; empty: it is ours."""

    async def keep(self, room: str) -> None:
        """Have a new room, wherever it would fall."""

    async def release(self, room: str) -> None:
        """Give up a room that is over."""


class Here:
    """There is one instance, and it has everything."""

    alone = True
    count = 1

    async def run(self) -> None:
        """Nobody wants to know."""

    def announce(self, url: str) -> None:
        """Nobody wants to know."""

    async def leave(self) -> None:
        """Nobody takes what we had."""

    async def mine(self, kind: str, wanted: Collection[str]) -> set[str]:
        """All."""
        return set(wanted)

    async def where(self, room: str) -> str:
        """Here."""
        return ""

    async def keep(self, room: str) -> None:
        """Everything is ours anyway."""

    async def release(self, room: str) -> None:
        """Nothing to give up."""


class Shared:
    """Several instances; when one comes or gives up rooms, that is told as "instance"."""

    alone = False

    def __init__(self, store: Store, me: Instance, *, now: Callable[[], float] = time.time) -> None:
        self.me = me
        self.count = 1
        self._store, self._now = store, now
        self._held: set[str] = set()
        self._said = self._since = float("-inf")
        self._here, self._left = asyncio.Event(), asyncio.Event()

    def announce(self, url: str) -> None:
        """Take rooms from now on; others reach us at this address."""
        self.me = replace(self.me, url=url)
        self._here.set()

    async def run(self) -> None:
        """Say that we live, from `announce` until `leave`."""
        await self._here.wait()
        while not self._left.is_set():
            try:
                await self._beat()
            except StoreFailed as problem:
                log.warning("the others do not learn that we live", problem=str(problem))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), BEAT)

    async def leave(self) -> None:
        """Take no more rooms, and let the others have ours as soon as we give them up."""
        self._left.set()
        try:
            await self._store.forget("instance", self.me.id)
        except StoreFailed as problem:
            log.warning("the others do not learn that we leave", problem=str(problem))

    async def _beat(self) -> None:
        now = self._now()
        if now - self._said > LIFE:
            self._held.clear()  # we slept, or could not say that we live: others may have our rooms
        self.me = replace(self.me, rooms=len(self._held))
        await self._store.put("instance", self.me.id, self.me.value, expires=now + LIFE)
        if now - self._said > LIFE:
            self._since = now
            await self._store.tell("instance", self.me.id)
        self._said = now

    def _free(self, record: Record | None, alive: Collection[str]) -> bool:
        """Whether nobody who lives has a room, as far as we have listened long enough to know."""
        if record is None:
            return True
        return record.value not in alive and self._now() - self._since > LIFE

    async def _alive(self) -> dict[str, Instance]:
        records = await self._store.records("instance")
        alive = {record.key: Instance.of(record.key, record.value) for record in records}
        if self._here.is_set() and not self._left.is_set():
            alive[self.me.id] = replace(self.me, rooms=len(self._held))
        self.count = max(1, len(alive))
        return alive

    async def mine(self, kind: str, wanted: Collection[str]) -> set[str]:
        """Return which rooms are ours, taking free ones and giving up those not wanted."""
        alive, places = await self._alive(), await self._places(f"{kind}/")
        names = {f"{kind}/{room}": room for room in wanted}
        ours = {name for name, record in places.items() if record.value == self.me.id}
        for name in ours - names.keys():
            await self.release(name)
        if ours - names.keys():
            await self._store.tell("instance", self.me.id)
        self._held = {one for one in self._held if not one.startswith(f"{kind}/")}
        self._held |= ours & names.keys()
        for name in names.keys() - ours:
            if self._free(places.get(name), alive) and await self._take_share(name, places, alive):
                alive[self.me.id] = replace(self.me, rooms=len(self._held))
        return {room for name, room in names.items() if name in self._held}

    async def where(self, room: str) -> str:
        """Return the address of the instance that has a room, choosing one if nobody has it."""
        if room in self._held:
            return ""
        record, alive = await self._store.get("place", room), await self._alive()
        if alive and self._free(record, alive):
            await self._take(room, record, chosen(room, alive.values()))
            record = await self._store.get("place", room)
        owner = record.value if record else ""
        if owner not in alive:
            raise Overloaded("the room is just moving", remedy="try again in a few seconds")
        if owner != self.me.id:
            return alive[owner].url
        self._held.add(room)
        return ""

    async def keep(self, room: str) -> None:
        """Have a new room, wherever it would fall."""
        await self._take(room, None, self.me.id)

    async def release(self, room: str) -> None:
        """Give up a room, if it is ours."""
        self._held.discard(room)
        record = await self._store.get("place", room)
        if record and record.value == self.me.id:
            await self._store.forget("place", room, seen=record.version)

    async def _take_share(
        self, room: str, places: Mapping[str, Record], alive: Mapping[str, Instance]
    ) -> bool:
        """Take a free room if it falls to us."""
        me = self.me.id
        return chosen(room, alive.values()) == me and await self._take(room, places.get(room), me)

    async def _take(self, room: str, record: Record | None, owner: str) -> bool:
        """Write that somebody has a room; false if somebody was faster."""
        seen = record.version if record else 0
        try:
            await self._store.put("place", room, owner, seen=seen, expires=self._now() + IDLE)
        except Conflict:
            return False
        if owner == self.me.id:
            self._held.add(room)
            log.info("room taken", room=room, fence=seen + 1)
        return True

    async def _places(self, prefix: str) -> dict[str, Record]:
        found: dict[str, Record] = {}
        after, end = prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
        while True:
            page = await self._store.records("place", after=after, limit=PAGE)
            found |= {record.key: record for record in page if record.key < end}
            if len(page) < PAGE or page[-1].key >= end:
                return found
            after = page[-1].key
