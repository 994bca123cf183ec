"""
One PostgreSQL server: connections for named statements, and one that does nothing but listen.

The tables are made and changed at start under a lock that only one instance gets; the others wait
and find it done. What is told travels by NOTIFY; the connection that listens is made anew whenever
it is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg
import structlog

from transcriber import aio
from transcriber.store import StoreFailed
from transcriber.store.scripts import migrations, queries

__all__ = ["Server"]

SQL = queries("postgres")
CHANNEL = "transcriber"
PATIENCE = 10.0
"""Seconds that one statement, or a new connection, may take."""
CONNECTIONS = 6
"""Connections for statements; one more listens."""
PULSE = 5.0
"""Seconds between two signs of life of the connection that listens."""
LOST = asyncpg.PostgresError, asyncpg.InterfaceError, OSError
"""What asyncpg raises when the server refuses or is away."""

log = structlog.get_logger(__name__)


class Server:
    """Runs named statements; `told` learns whatever anybody tells over this database."""

    def __init__(self, url: str, *, told: Callable[[str], object]) -> None:
        self._url, self._told = url, told
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
            await db.add_listener(CHANNEL, lambda *heard: self._told(heard[-1]))
            self._listening.set()
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), PULSE)
                except TimeoutError:
                    await db.execute("SELECT 1")
            raise OSError("the connection was lost")
        finally:
            db.terminate()


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
