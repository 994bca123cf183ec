"""
All rooms of this process: made, found, closed, and forgotten when nobody is in them.

`run` owns the stay of every participant and the clock of every room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

import structlog

from transcriber.errors import NotFound, Overloaded
from transcriber.rtc.media import Media
from transcriber.rtc.sfu.loudest import surplus
from transcriber.rtc.sfu.options import RoomsOptions
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.room import Grant, Plan, Room
from transcriber.rtc.sfu.speakers import Speakers
from transcriber.rtc.sfu.viewer import Viewer

__all__ = ["Rooms"]

log = structlog.get_logger(__name__)


class Rooms:
    """The rooms of this process; `on_open` and `on_close` are told of each."""

    def __init__(self, media: Media, options: RoomsOptions, *, most: int = 100) -> None:
        self.rooms: dict[str, Room] = {}
        self._most = most
        self.options = options
        self.on_open: list[Callable[[Room], object]] = []
        self.on_close: list[Callable[[Room, str], object]] = []
        self._media = media
        self._tasks: asyncio.TaskGroup | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Keep the rooms until stopped; then everybody is sent away."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._stop.wait()
            for room in tuple(self.rooms.values()):
                self.close(room, "shutdown")
        self._tasks = None

    def stop(self) -> None:
        """Let `run` return."""
        self._stop.set()

    def limited(self, plan: Plan) -> Plan:
        """Return a plan within our limits."""
        options = self.options
        return replace(
            plan,
            max_participants=min(plan.max_participants, options.participants),
            max_publishers=min(plan.max_publishers, options.publishers),
        )

    def open(self, plan: Plan, *, id_: str = "", created: datetime | None = None) -> Room:
        """Make a room, or one again that was booked; raises `Overloaded` for too many."""
        if len(self.rooms) >= self._most or self._tasks is None or self._stop.is_set():
            raise Overloaded(
                f"there are {len(self.rooms)} rooms already",
                remedy="try again when one has closed, or raise MAX_ROOMS_PER_NODE",
            )
        room = Room(self.limited(plan))
        room.id, room.created = id_ or room.id, created or room.created
        self.rooms[room.id] = room
        self._tasks.create_task(self._keep(room), name=f"keep {room.id}")
        for told in self.on_open:
            told(room)
        return room

    def find(self, room_id: str) -> Room:
        """Return a room; raises `NotFound`."""
        if room := self.rooms.get(room_id):
            return room
        raise NotFound("there is no such room", remedy="it may have closed; make another one")

    def close(self, room: Room, reason: str = "room_closed") -> None:
        """Close a room and send everybody away."""
        self.rooms.pop(room.id, None)
        room.close(reason)
        for told in self.on_close:
            told(room, reason)

    def join(
        self, room: Room, *, identity: str, name: str, grants: Collection[Grant], language: str = ""
    ) -> Participant:
        """Let somebody into a room; raises `Overloaded` when it is full."""
        if self._tasks is None or self._stop.is_set():
            raise Overloaded("we are about to stop", remedy="join again in a minute")
        who = Participant(
            room, self._media, identity=identity, name=name, grants=grants, language=language
        )
        room.enter(who)
        self._tasks.create_task(self._attend(who), name=f"participant {who.id}")
        who.follow()
        return who

    async def view(self, room: Room, offer: str, *, identity: str, name: str) -> tuple[Viewer, str]:
        """Let somebody watch, who offers to; returns our answer. Raises `Overloaded`."""
        if self._tasks is None or self._stop.is_set():
            raise Overloaded("we are about to stop", remedy="join again in a minute")
        who = Viewer(room, self._media, identity=identity, name=name)
        try:
            answer = await who.answer(offer)
            room.enter(who)
        except BaseException:
            await who.close("left")
            raise
        self._tasks.create_task(self._attend(who), name=f"viewer {who.id}")
        return who, answer

    def resume(self, room: Room, secret: str) -> Participant | None:
        """Return the participant whose secret this is, while they have not left."""
        for member in room.members.values():
            if isinstance(member, Participant) and member.is_resumed_by(secret):
                return member
        return None

    async def _attend(self, who: Participant | Viewer) -> None:
        try:
            await who.run()
        except* Exception as problems:
            for problem in problems.exceptions:
                log.exception(
                    "participant failed", room=who.room.id, participant=who.id, exc_info=problem
                )

    async def _keep(self, room: Room) -> None:
        """Look who is speaking, until the room was empty for a while or has closed."""
        clock = asyncio.get_running_loop().time
        interval, seen = self.options.interval / 1000, clock()
        speakers = Speakers(self.options.threshold)
        while not room.closed:
            await asyncio.sleep(interval)
            if room.members:
                seen = clock()
            elif clock() - seen >= self.options.empty:
                self.close(room, "empty")
            tracks = room.tracks.values()
            for track in tracks:
                track.forwarder.settle()
            for member in room.members.values():
                member.look(self._media.now())
            late = surplus(tracks, self.options.loudest)
            for track in tracks:
                track.forwarder.hold(track in late)
            levels = speakers.look(tracks, clock())
            if levels is not None:
                room.speaking(levels)
