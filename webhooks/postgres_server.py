"""
One PostgreSQL server: connections for named statements, one for what may be lost with the server's
machine, and one that listens.

The tables are made and changed at start under a lock that only one instance gets; the others wait
and find it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg

from webhooks.errors import StoreError, StoreFull
from webhooks.queries import migrations, queries

__all__ = ["SQL", "Server"]

SQL = queries("postgres")
CHANNEL = "webhooks"
PATIENCE = 10.0
"""Seconds that one statement, or a new connection, may take."""
CONNECTIONS = 6
"""Connections for statements; one more listens."""


class Server:
    """Runs named statements; `heard` is called when another instance has notified of something."""

    def __init__(self, url: str, *, heard: Callable[[], object]) -> None:
        self._url, self._heard = url, heard
        self._ears: Any = None

    async def __aenter__(self) -> Self:
        with _translated():
            self._pool = await self._connect(CONNECTIONS)
        try:
            async with self.transaction() as db:
                await _migrate(db)
            with _translated():
                self._recorder = await self._connect(1, synchronous_commit="off")
        except BaseException:
            self._pool.terminate()
            raise
        return self

    async def _connect(self, size: int, **settings: str) -> Any:
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=size,
            command_timeout=PATIENCE,
            timeout=PATIENCE,
            reset=_nothing,
            server_settings=settings,
        )

    async def __aexit__(self, *failure: object) -> None:
        if self._ears is not None:
            self._ears.terminate()
        for pool in (self._recorder, self._pool):
            try:
                await asyncio.wait_for(pool.close(), PATIENCE)
            except TimeoutError:
                pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Do several things together: yields a connection."""
        with _translated():
            async with self._pool.acquire(timeout=PATIENCE) as db, db.transaction():
                yield db

    async def read(self, name: str, *values: object) -> list[Any]:
        """Return the rows of a statement."""
        with _translated():
            rows: list[Any] = await self._pool.fetch(SQL[name], *values)
        return rows

    async def change(self, name: str, *values: object) -> int:
        """Run one statement and return how many rows it changed."""
        with _translated():
            answer: str = await self._pool.execute(SQL[name], *values)
        return int(answer.rpartition(" ")[2])

    async def record(self, name: str, *values: object) -> None:
        """Run a statement that need not be on disk when it returns."""
        with _translated():
            await self._recorder.execute(SQL[name], *values)

    async def listen(self) -> None:
        """Hear from now on what is notified, unless that is so, or the server is away."""
        if self._ears is not None and not self._ears.is_closed():
            return
        try:
            self._ears = await asyncpg.connect(self._url, timeout=PATIENCE)
            await self._ears.add_listener(CHANNEL, lambda *_: self._heard())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return  # the server is away: whoever claims work next says so
        self._heard()


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
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StoreFull("the database's disk is full: nothing was kept") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        problem = str(error) or type(error).__name__
        raise StoreError(f"the database failed: {problem}") from error
