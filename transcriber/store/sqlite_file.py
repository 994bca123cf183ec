"""
One SQLite file: a thread that writes, another that reads, and neither disturbs the event loop.

Writes that come while the disk is busy form one transaction, so many callers share one wait for the
disk; when it fails, they are tried one by one, so that one impossible write or the last free bytes
fail nobody else's. What is written is on disk before anybody is told so. On a disk that is nearly
full the log that SQLite writes first is moved into the file after every write, or it would take the
room that the file needs to take it in.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from transcriber.store import StoreFailed
from transcriber.store.scripts import migrations, queries

__all__ = ["SQL", "File"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

SQL = queries("sqlite")
BUSY = 10.0
"""Seconds to wait for another process that writes to the same file."""
GROUP = 64
"""Writes in one transaction at most: they wait for one another."""
WAITING = 1024
"""Writes that may wait for the disk; whoever comes later waits before queueing."""
SCARCE = 64 << 20
"""Bytes of room on the disk below which the log is kept short."""


class File:
    """Reads by named statements, and writes by functions that get the connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        self._room = asyncio.Semaphore(WAITING)
        self._jobs: deque[_Job] = deque()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store read")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="store write")
        try:
            self._writer = await _within(self._writing, lambda: _prepare(self._path))
            self._reader = await _within(self._reading, lambda: _connect(self._path))
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for thread, db in ((self._writing, self._writer), (self._reading, self._reader)):
            if db:
                await _within(thread, db.close)
            thread.shutdown()
        self._reader = self._writer = None

    async def read(self, name: str, *values: object) -> list[Any]:
        """Return the rows of a statement."""

        def read() -> list[Any]:
            assert self._reader, "the store is not open"
            with _translated():
                return self._reader.execute(SQL[name], values).fetchall()

        return await _within(self._reading, read)

    async def write(self, work: Work[T]) -> T:
        """Return what `work` returned, once it is on disk: values, nothing that uses the file."""
        job = _Job(work)
        async with self._room:
            self._jobs.append(job)
            try:
                await _within(self._writing, self._work_off)
            finally:
                with suppress(ValueError):  # done, or being done
                    self._jobs.remove(job)
        result: T = job.result()
        return result

    def _work_off(self) -> None:
        """Do what waits, together; who comes next then finds that it is done."""
        assert self._writer, "the store is not open"
        jobs: list[_Job] = []
        with suppress(IndexError):
            while len(jobs) < GROUP:
                jobs.append(self._jobs.popleft())
        if jobs:
            _carry_out(self._writer, jobs)
            if _room(self._path) < SCARCE:
                _settle(self._writer)


class _Job:
    """A write, and what came of it."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.value: Any = None
        self.problem: Exception | None = None

    def result(self) -> Any:
        if self.problem:
            raise self.problem
        return self.value


async def _within(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def _carry_out(db: sqlite3.Connection, jobs: list[_Job]) -> None:
    try:
        with _translated(), _transaction(db):
            for job in jobs:
                job.value = job.work(db)
    except Exception as problem:  # noqa: BLE001 - whoever wanted it gets it
        if len(jobs) == 1:
            jobs[0].problem = problem
        else:
            for job in jobs:
                _carry_out(db, [job])


def _room(path: Path) -> float:
    """Bytes that are free where the file is; any number of them if the system cannot say."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return math.inf
    return disk.f_bavail * disk.f_frsize


def _settle(db: sqlite3.Connection) -> None:
    """Move what was written from the log into the file."""
    with suppress(sqlite3.OperationalError):  # a full disk: it is safe in the log
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _prepare(path: Path) -> sqlite3.Connection:
    """Open the file and bring its tables up to date; others who do the same wait."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds secrets
    except OSError as error:
        raise StoreFailed(
            f"cannot make {path}: {error.strerror}", remedy="choose another DATA_DIR"
        ) from error
    with _translated():
        db = _connect(path)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            with _transaction(db):
                _migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    db.execute(SQL["schema"])
    (done,) = db.execute(SQL["version"]).fetchone()
    for version, script in migrations("sqlite", done):
        for statement in script.split(";\n"):
            db.execute(statement)
        db.execute(SQL["migrated"], (version,))


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what goes wrong in SQLite as what went wrong in the store."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise StoreFailed("the disk is full: nothing was kept", remedy="make room") from error
        raise StoreFailed(f"the store failed: {error}") from error
