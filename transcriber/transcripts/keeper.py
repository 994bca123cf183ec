"""
Keeps what is said in calls, where that is allowed.

One task for each room in which we are, and for nobody else: it waits for the room's consent, has
everybody told, keeps every sentence from then on, and ends when the call does or the consent. The
store is asked again when it fails; sentences wait meanwhile. A call that breaks and is entered
again within a minute stays one transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from transcriber import aio
from transcriber.bus.memory import Bus
from transcriber.errors import TranscriberError
from transcriber.events import (
    CallStarted,
    CallTerminated,
    ErrorHappened,
    Failure,
    PersonJoined,
    SpeechFinal,
    TranscriptBegun,
    TranscriptEnded,
    TranscriptOver,
    TranscriptStarted,
)
from transcriber.store import StoreFailed
from transcriber.transcripts.archive import Archive, Kept, Said
from transcriber.transcripts.permission import Consent, Permissions

__all__ = ["ALIVE", "Announce", "Keeper"]

ALIVE = 60.0
"""Seconds between two notes that a transcript goes on."""
RETURN = 60.0
"""Seconds for a call that broke to be entered again."""
MOST = 5_000
"""Sentences of a room that wait while the store fails; the oldest are given up."""
BATCH = 200
"""Sentences that are written at once."""
LAST = 10.0
"""Seconds for writing what is left when we are told to end."""

Announce = Callable[[str, bool], Awaitable[None]]
"""Tells everybody in a room that a transcript is kept (or not any more); raises if it cannot."""
log = structlog.get_logger(__name__)


class _Room:
    """A call, and what is known of its transcript."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.session = ""
        self.began = 0.0
        self.over: float | None = None
        """When the call is over, by the loop's clock."""
        self.stale = True
        """Whether somebody's mind may have changed."""
        self.consent: Consent | None = None
        self.without: frozenset[str] = frozenset()
        self.accounts: dict[str, str] = {}
        self.said: deque[tuple[SpeechFinal, float]] = deque(maxlen=MOST)
        self.kept: Kept | None = None
        self.news = asyncio.Event()


class Keeper:
    """Keeps transcripts while it runs."""

    def __init__(
        self,
        bus: Bus,
        archive: Archive,
        permissions: Permissions,
        *,
        announce: Announce,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._bus, self._archive, self._permissions = bus, archive, permissions
        self._announce = announce
        self._now = now
        self._clock = asyncio.get_running_loop().time
        self._rooms: dict[str, _Room] = {}
        self._tasks = asyncio.TaskGroup()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Write what is left and end; `run` returns."""
        self._stop.set()

    async def run(self) -> None:
        """Keep what is said until stopped."""
        ends = (
            self._bus.subscribe(CallStarted, self._started),
            self._bus.subscribe(CallTerminated, self._terminated),
            self._bus.subscribe(PersonJoined, self._joined),
            self._bus.subscribe(SpeechFinal, self._heard),
            self._permissions.listen(self._changed),
        )
        try:
            async with asyncio.timeout(None) as patience, self._tasks:
                await self._stop.wait()
                patience.reschedule(self._clock() + LAST)
                for room in self._rooms.values():
                    room.over = self._clock()
                    room.news.set()
        except TimeoutError:
            log.warning("transcripts are incomplete", problem="the store did not answer")
        finally:
            for end in ends:
                end()

    def _started(self, event: CallStarted) -> None:
        name = event.data.room
        if self._stop.is_set():
            return
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room(name)
            self._tasks.create_task(self._attend(room), name=f"transcript {name}")
        room.session, room.began, room.over = event.session_id, self._now(), None

    def _terminated(self, event: CallTerminated) -> None:
        room = self._rooms.get(event.data.room)
        if room and room.session == event.session_id:
            room.over = self._clock() + (RETURN if event.data.reason == "failed" else 0.0)
            room.news.set()

    def _joined(self, event: PersonJoined) -> None:
        if room := self._rooms.get(event.data.room):
            room.accounts[event.data.person_id] = event.data.account

    def _heard(self, event: SpeechFinal) -> None:
        room = self._rooms.get(event.data.room)
        if room and room.kept:
            room.said.append((event, room.began))
            room.news.set()

    def _changed(self, name: str) -> None:
        if room := self._rooms.get(name):
            room.stale = True
            room.news.set()

    async def _attend(self, room: _Room) -> None:
        """Keep one room's transcript until its call is over."""
        waits = aio.backoff()
        while not self._left(room):
            room.news.clear()
            try:
                await self._follow(room)
                waits = aio.backoff()
            except Exception as problem:
                known = isinstance(problem, StoreFailed)
                log.warning(
                    "transcript not written", room=room.name, exc_info=None if known else problem
                )
                await asyncio.sleep(next(waits))
                continue
            await self._wait(room)
        del self._rooms[room.name]

    def _left(self, room: _Room) -> bool:
        """Whether the call is over and all is written."""
        return self._ended(room) and not room.kept

    def _ended(self, room: _Room) -> bool:
        return room.over is not None and self._clock() >= room.over

    async def _wait(self, room: _Room) -> None:
        """Wait until there is something to do."""
        until = self._clock() + ALIVE
        if room.over is not None:
            until = min(until, room.over)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await room.news.wait()

    async def _follow(self, room: _Room) -> None:
        """Do what is to be done now."""
        if room.stale:
            await self._look(room)
        if room.kept is None and room.consent and room.over is None:
            await self._begin(room, room.consent)
        if room.kept:
            await self._write(room)
            if self._ended(room) or not room.consent:
                await self._end(room)

    async def _look(self, room: _Room) -> None:
        """See who allows what now, and leave out whoever does not want to be in it any more."""
        room.stale = False
        try:
            room.consent = await self._permissions.consent(room.name)
            without = await self._permissions.without(room.name)
            if room.kept and without - room.without:
                room.kept = await self._archive.leave_out(room.kept, without)
            room.without = without
        except StoreFailed:
            room.stale = True
            raise

    async def _begin(self, room: _Room, consent: Consent) -> None:
        """Have everybody told, and keep what is said from then on; without that, nothing is."""
        try:
            await self._announce(room.name, True)
        except TranscriberError as problem:
            self._tell(room, "transcript_not_announced", str(problem))
            room.consent = None  # until somebody changes something
            return
        room.kept = await self._archive.begin(
            room.name, title=consent.title, by=consent.by, now=room.began
        )
        log.info("transcript begins", room=room.name, transcript=room.kept.id)
        begun = TranscriptBegun(room=room.name, transcript_id=room.kept.id)
        self._bus.publish(TranscriptStarted(session_id=room.session, data=begun))

    async def _write(self, room: _Room) -> None:
        """Put what was said on disk, and note that it goes on."""
        assert room.kept
        kept = room.kept
        while room.said:
            batch = [room.said.popleft() for _ in range(min(BATCH, len(room.said)))]
            lines = [
                Said(event, account, round(1000 * (began - kept.started)))
                for event, began in batch
                if (account := room.accounts.get(event.data.person_id, "")) not in room.without
            ]
            try:
                await self._archive.add(kept, lines)
            except StoreFailed:
                room.said.extendleft(reversed(batch))
                raise
            kept = room.kept = replace(kept, lines=kept.lines + len(lines))
        if self._now() >= kept.alive + ALIVE:
            room.kept = await self._archive.save(replace(kept, alive=self._now()))

    async def _end(self, room: _Room) -> None:
        assert room.kept
        kept = replace(room.kept, ended=self._now(), alive=self._now())
        if kept.lines:
            await self._archive.save(kept)
        else:
            await self._archive.delete(kept)
        room.kept = None
        room.said.clear()
        log.info("transcript ends", room=room.name, transcript=kept.id, lines=kept.lines)
        over = TranscriptOver(room=room.name, transcript_id=kept.id, lines=kept.lines)
        self._bus.publish(TranscriptEnded(session_id=room.session, data=over))
        if not self._ended(room):
            with contextlib.suppress(TranscriberError):
                await self._announce(room.name, False)

    def _tell(self, room: _Room, code: str, problem: str) -> None:
        log.warning("transcript not kept", room=room.name, code=code)
        failure = Failure(room=room.name, code=code, message=problem)
        self._bus.publish(ErrorHappened(session_id=room.session, data=failure))
