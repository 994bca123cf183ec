"""
A store in one SQLite file, for one instance and its workers.

What is told is heard at once in the same process; others find it in the file, which they look at a
few times a second: that costs nothing while nobody writes. Webhooks may keep their tables in the
same file.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import structlog

from transcriber import aio
from transcriber.ids import new_id
from transcriber.store import NEWEST, Conflict, Entry, Lease, Record, StoreFailed
from transcriber.store.ears import Ears, message
from transcriber.store.sqlite_file import SQL, File

__all__ = ["SqliteStore"]

LOOK = 0.2
"""Seconds between two looks at what other processes have told."""
REMEMBERED = 60.0
"""Seconds that what was told stays in the file."""
TRIMMED = 1000
"""Entries forgotten in one go, so that nobody waits long for the disk."""

log = structlog.get_logger(__name__)


class SqliteStore:
    """Keeps everything in a file; other processes of the same machine may open it, too."""

    def __init__(self, path: str | Path, *, now: Callable[[], float] = time.time) -> None:
        self._file, self._now = File(Path(path)), now
        self._ears, self._us = Ears(), new_id("prc")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._file)
            ((last,),) = await self._file.read("last")
            await stack.enter_async_context(aio.alongside(self._hear(last)))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def put(
        self,
        kind: str,
        key: str,
        value: Any,
        *,
        seen: int | None = None,
        expires: float | None = None,
    ) -> Record:
        """Keep a value; on disk when it returns."""
        now, text = self._now(), json.dumps(value)

        def write(db: sqlite3.Connection) -> list[Any]:
            if expires is not None:
                db.execute(SQL["expire"], (now,))
            name, condition = ("change", seen) if seen else ("put", seen == 0)
            return db.execute(SQL[name], (kind, key, text, expires, condition, now)).fetchall()

        rows = await self._file.write(write)
        if not rows:
            raise Conflict(f"{kind} {key} is not at version {seen}", remedy="read it again")
        return Record(kind, key, json.loads(text), rows[0][0])

    async def get(self, kind: str, key: str) -> Record | None:
        """Return a record."""
        for value, version in await self._file.read("get", kind, key, self._now()):
            return Record(kind, key, json.loads(value), version)
        return None

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        """Return a page of a kind."""
        rows = await self._file.read("records", kind, after, self._now(), limit)
        return [Record(kind, key, json.loads(value), version) for key, value, version in rows]

    async def forget(self, kind: str, key: str, *, seen: int | None = None) -> bool:
        """Drop a record."""

        def write(db: sqlite3.Connection) -> bool:
            found = db.execute(SQL["get"], (kind, key, self._now())).fetchall()
            db.execute(SQL["forget"], (kind, key, seen))
            return any(seen in (None, version) for _, version in found)

        return await self._file.write(write)

    async def append(self, *entries: Entry) -> None:
        """Add entries; on disk when it returns."""
        rows = [(entry.stream, entry.id, json.dumps(entry.value)) for entry in entries]
        await self._file.write(lambda db: db.executemany(SQL["append"], rows).rowcount)

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        """Return a page of a stream."""
        rows = await self._file.read("read", stream, after, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def latest(self, stream: str, *, before: str = NEWEST, limit: int = 1000) -> list[Entry]:
        """Return a page of a stream, the newest first."""
        rows = await self._file.read("latest", stream, before, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def drop(self, stream: str) -> int:
        """Forget a stream."""
        return await self._trim(stream, None)

    async def trim(self, stream: str, *, before: str) -> int:
        """Forget the oldest entries of a stream."""
        return await self._trim(stream, before)

    async def _trim(self, stream: str, before: str | None) -> int:
        values, total = (stream, before, TRIMMED), 0
        while True:
            count: int = await self._file.write(lambda db: db.execute(SQL["trim"], values).rowcount)
            total += count
            if count < TRIMMED:
                return total

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        """Take or prolong a lease."""

        def write(db: sqlite3.Connection) -> list[Any]:
            (fence,) = db.execute(SQL["fence"]).fetchone()
            return db.execute(SQL["lease"], (name, owner, now, until, fence)).fetchall()

        for (fence,) in await self._file.write(write):
            return Lease(name, owner, fence, until)
        return None

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        await self._file.write(lambda db: db.execute(SQL["release"], (name, owner)).rowcount)

    async def leases(self, *, now: float) -> list[Lease]:
        """Return all leases that have not run out."""
        return [Lease(*row) for row in await self._file.read("leases", now)]

    async def tell(self, topic: str, value: Any) -> None:
        """Tell whoever listens, here at once and elsewhere soon."""
        text, now = message(value), self._now()
        self._ears.hear(topic, text)

        def write(db: sqlite3.Connection) -> None:
            db.execute(SQL["untell"], (now - REMEMBERED,))
            db.execute(SQL["tell"], (self._us, topic, text, now))

        await self._file.write(write)

    async def _hear(self, last: int) -> None:
        """Find what other processes tell."""
        version = None
        while True:
            await asyncio.sleep(LOOK)
            try:
                ((seen,),) = await self._file.read("data_version")
                told = await self._file.read("hear", last, self._us) if seen != version else ()
            except StoreFailed as problem:
                log.warning("what is told is not heard", problem=str(problem))
                continue
            version = seen
            for id_, topic, text in told:
                last = id_
                self._ears.hear(topic, text)

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        """Learn what is told on a topic."""
        return self._ears.listen(topic, told)
