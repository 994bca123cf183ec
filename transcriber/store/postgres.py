"""
A store in PostgreSQL, for several instances at once.

The tables are made and changed at start under a lock that only one instance gets; the others wait
and find it done. What is told travels by NOTIFY, over one connection that does nothing but listen
and is made anew whenever it is lost. A server that is away is an error that passes: nothing was
kept, and trying again helps.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg
import structlog

from transcriber import aio
from transcriber.store import NEWEST, Conflict, Entry, Lease, Record, StoreFailed
from transcriber.store.ears import Ears, message
from transcriber.store.scripts import migrations, queries

__all__ = ["PostgresStore"]

SQL = queries("postgres")
CHANNEL = "transcriber"
PATIENCE = 10.0
"""Seconds that one statement, or a new connection, may take."""
CONNECTIONS = 6
"""Connections for statements; one more listens."""
PULSE = 5.0
"""Seconds between two signs of life of the connection that listens."""
TRIMMED = 1000
"""Entries forgotten in one go."""
LOST = asyncpg.PostgresError, asyncpg.InterfaceError, OSError
"""What asyncpg raises when the server refuses or is away."""

log = structlog.get_logger(__name__)


class PostgresStore:
    """Keeps everything in a database that other instances share."""

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self._url, self._now = url, now
        self._ears = Ears()
        self._listening = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            with _translated():
                self._pool = await stack.enter_async_context(_pool(self._url))
                async with self._pool.acquire() as db, db.transaction():
                    await _migrate(db)
                await stack.enter_async_context(aio.alongside(self._attend()))
                async with asyncio.timeout(PATIENCE):
                    await self._listening.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def _attend(self) -> None:
        """Listen, whatever happens to the connection."""

        def failed(error: Exception) -> bool:
            log.warning("the database does not let us listen", problem=type(error).__name__)
            return isinstance(error, LOST)

        await aio.supervise(self._hear, failed=failed, over=asyncio.Event())

    async def _hear(self) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        db = await asyncpg.connect(self._url, timeout=PATIENCE, command_timeout=PATIENCE)
        try:
            db.add_termination_listener(lambda _: lost.set())
            await db.add_listener(CHANNEL, lambda _, __, ___, told: self._told(told))
            self._listening.set()
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), PULSE)
                except TimeoutError:
                    await db.execute("SELECT 1")
            raise OSError("the connection was lost")
        finally:
            db.terminate()

    def _told(self, payload: str) -> None:
        topic, _, text = payload.partition("\n")
        self._ears.hear(topic, text)

    async def _read(self, name: str, *values: object) -> list[Any]:
        with _translated():
            rows: list[Any] = await self._pool.fetch(SQL[name], *values)
        return rows

    async def _change(self, name: str, *values: object) -> int:
        """Run one statement and return how many rows it changed."""
        with _translated():
            answer: str = await self._pool.execute(SQL[name], *values)
        return int(answer.rpartition(" ")[2])

    async def put(
        self,
        kind: str,
        key: str,
        value: Any,
        *,
        seen: int | None = None,
        expires: float | None = None,
    ) -> Record:
        """Keep a value; committed when it returns."""
        now, text = self._now(), json.dumps(value)
        if expires is not None:
            await self._change("expire", now)
        name, condition = ("change", seen) if seen else ("put", seen == 0)
        rows = await self._read(name, kind, key, text, expires, condition, now)
        if not rows:
            raise Conflict(f"{kind} {key} is not at version {seen}", remedy="read it again")
        return Record(kind, key, json.loads(text), rows[0]["version"])

    async def get(self, kind: str, key: str) -> Record | None:
        """Return a record."""
        for value, version in await self._read("get", kind, key, self._now()):
            return Record(kind, key, json.loads(value), version)
        return None

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        """Return a page of a kind."""
        rows = await self._read("records", kind, after, self._now(), limit)
        return [Record(kind, key, json.loads(value), version) for key, value, version in rows]

    async def forget(self, kind: str, key: str, *, seen: int | None = None) -> bool:
        """Drop a record."""
        rows = await self._read("forget", kind, key, self._now(), seen)
        return any(valid for (valid,) in rows)

    async def append(self, *entries: Entry) -> None:
        """Add entries; committed when it returns."""
        rows = [(entry.stream, entry.id, json.dumps(entry.value)) for entry in entries]
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            await self._change("append", *columns)

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        """Return a page of a stream."""
        rows = await self._read("read", stream, after, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def latest(self, stream: str, *, before: str = NEWEST, limit: int = 1000) -> list[Entry]:
        """Return a page of a stream, the newest first."""
        rows = await self._read("latest", stream, before, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def drop(self, stream: str) -> int:
        """Forget a stream."""
        return await self._trim(stream, None)

    async def trim(self, stream: str, *, before: str) -> int:
        """Forget the oldest entries of a stream."""
        return await self._trim(stream, before)

    async def _trim(self, stream: str, before: str | None) -> int:
        total = 0
        while True:
            count = await self._change("trim", stream, before, TRIMMED)
            total += count
            if count < TRIMMED:
                return total

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        """Take or prolong a lease."""
        for (fence,) in await self._read("lease", name, owner, now, until):
            return Lease(name, owner, fence, until)
        return None

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        await self._change("release", name, owner)

    async def leases(self, *, now: float) -> list[Lease]:
        """Return all leases that have not run out."""
        return [Lease(*row) for row in await self._read("leases", now)]

    async def tell(self, topic: str, value: Any) -> None:
        """Tell every instance that listens."""
        await self._read("tell", f"{topic}\n{message(value)}")

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        """Learn what is told on a topic."""
        return self._ears.listen(topic, told)


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator[Any]:
    pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=CONNECTIONS,
        command_timeout=PATIENCE,
        timeout=PATIENCE,
        reset=_nothing,
    )
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), PATIENCE)
        except TimeoutError:
            pool.terminate()


async def _nothing(db: Any) -> None:
    """What a connection needs before it is used again: no statement here leaves anything set."""


async def _migrate(db: Any) -> None:
    await db.execute(SQL["lock"])
    await db.execute(SQL["schema"])
    done = await db.fetchval(SQL["version"])
    for version, script in migrations("postgres", done):
        await db.execute(script)
        await db.execute(SQL["migrated"], version)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what goes wrong in the database as what went wrong in the store."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StoreFailed("the database's disk is full: nothing was kept") from error
    except LOST as error:
        raise StoreFailed(f"the database failed: {str(error) or type(error).__name__}") from error
