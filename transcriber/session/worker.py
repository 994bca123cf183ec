"""
The child's side of `workers`: does what the parent orders, and tells it what happens.

What is said to the parent waits in a queue in which only interim words are forgotten: whatever a
person has finally said must reach whoever keeps it. When the parent is gone or wants no more, the
rooms are left, after everybody's last words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import structlog

from transcriber import aio
from transcriber.events import Event, SpeechPartial
from transcriber.session.attendant import Rooms
from transcriber.session.crew import Alone, Ended, Make
from transcriber.session.wishes import Wish
from transcriber.session.workers import LINE, Message

__all__ = ["Worker"]

BEAT = 2.0
"""Seconds between two signs of life, which say how busy we are."""
WAITING = 20_000
"""Messages that may wait for the parent."""
INTERIM = 500
"""Messages that wait when interim words are no longer told."""
FLUSH = 5.0
"""Seconds for the last messages to reach the parent."""
PARENT = 0
"""The descriptor of the parent's socket: standard input."""

log = structlog.get_logger(__name__)


class Worker:
    """Our connection to the parent; `async with` keeps it, and `work` says when it is to end."""

    front = False

    def __init__(self, report: Callable[[], Message] = dict, *, beat: float = BEAT) -> None:
        """`report` gives whatever else the parent shall know of us with each sign of life."""
        self._over = asyncio.Event()
        self._more, self._beat = report, beat
        self._here = Alone()
        self._rooms: dict[str, Rooms] = {}
        self._waiting: dict[str, Message] = {}
        self._news: aio.Backlog[str] = aio.Backlog(WAITING)

    async def __aenter__(self) -> Self:
        sock = socket.socket(fileno=os.dup(PARENT))
        reader, self._writer = await asyncio.open_unix_connection(sock=sock, limit=LINE)
        self._tasks = [
            asyncio.create_task(work)
            for work in (self._obey(reader), self._report(), self._tell(self._writer))
        ]
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._news.close()
        *others, telling = self._tasks
        for task in others:
            task.cancel()
        _, late = await asyncio.wait([telling], timeout=FLUSH)
        for task in late:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._writer.close()

    async def work(self) -> None:
        """Say that we are ready, and return when the parent is gone or wants no more."""
        self._news.push('{"ready":true}')
        await self._over.wait()

    def happened(self, event: Event) -> None:
        """Tell the parent of an event."""
        if not isinstance(event, SpeechPartial) or len(self._news) < INTERIM:
            self._news.push(f'{{"event":{event.model_dump_json()}}}')

    @asynccontextmanager
    async def attend(self, kind: str, make: Make, ended: Ended) -> AsyncIterator[Rooms]:
        """Attend the rooms of a kind that the parent names."""

        def tell(room: str) -> None:
            ended(room)
            self._news.push(json.dumps({"ended": f"{kind}/{room}"}))

        async with self._here.attend(kind, make, tell) as rooms:
            self._rooms[kind] = rooms
            for room in tuple(self._waiting):
                if room.startswith(f"{kind}/"):
                    self._do(self._waiting.pop(room))
            try:
                yield rooms
            finally:
                del self._rooms[kind]

    async def last_words(self) -> None:
        """Leave all rooms."""
        await self._here.last_words()

    def unready(self) -> str:
        """Nothing to wait for: we are here."""
        return ""

    def where(self, room: str) -> Path | None:
        """Here: the parent sends us only what is ours."""
        return None

    def only(self, kind: str, rooms: Collection[str]) -> None:
        """Nothing to forget: the parent knows who answers for what."""

    async def _obey(self, reader: asyncio.StreamReader) -> None:
        """Do what the parent says until it says no more."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, ValueError):
            while True:
                self._do(json.loads(await reader.readuntil(b"\n")))
        self._over.set()

    def _do(self, order: Message) -> None:
        kind, _, room = order["room"].partition("/")
        match order, self._rooms.get(kind):
            case _, None:
                self._waiting[order["room"]] = order
            case {"do": "start", "wish": wish}, rooms:
                rooms.start(room, Wish.of(room, wish))
            case {"do": "stop"}, rooms:
                rooms.stop(room)

    async def _report(self) -> None:
        """Say how busy we are, and thereby that we live."""
        usage, at = _cpu(), time.monotonic()
        while True:
            await asyncio.sleep(self._beat)
            used, now = _cpu(), time.monotonic()
            load = {"cores": (used - usage) / (now - at), "memory": _memory()}
            self._news.push(json.dumps({"load": load, "report": self._more()}))
            usage, at = used, now

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            async for message in self._news:
                writer.write(message.encode() + b"\n")
                await writer.drain()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _memory() -> int:
    """Bytes in use now; where the system does not say, what was in use at most."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
