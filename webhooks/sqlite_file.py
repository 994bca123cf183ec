"""One SQLite file: one thread writes, another reads; neither disturbs the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from webhooks.queries import queries
from webhooks.sqlite_writer import Writer, connect, settle, translated

__all__ = ["SQL", "File"]

T = TypeVar("T")

SQL = queries("sqlite")
WAITING = 1024
"""Writes that may wait for the disk; whoever comes later waits before queueing."""


class File:
    """Reads by named statements, and writes by functions that get the connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        self._room = asyncio.Semaphore(WAITING)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="webhooks read")
        self._writer = Writer(self._path, lambda: self._reading.submit(self._settle))
        try:
            await self._writer.started
            self._reader = await self._in_reader(lambda: connect(self._path))
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        self._writer.stop()
        await asyncio.to_thread(self._writer.join)
        if self._reader:
            await self._in_reader(self._reader.close)
        self._reading.shutdown()

    def _settle(self) -> None:
        if self._reader:
            settle(self._reader)

    async def _in_reader(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)

    async def read(self, name: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a statement."""

        def read() -> list[sqlite3.Row]:
            with translated():
                assert self._reader, "the store is not open"
                return self._reader.execute(SQL[name], values).fetchall()

        return await self._in_reader(read)

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Return what `work` returned, once it is committed; on disk, if it is `durable`."""
        async with self._room:
            result: T = await self._writer.submit(work, durable=durable)
        return result
