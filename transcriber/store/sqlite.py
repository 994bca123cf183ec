"""
A store in one SQLite file, for one instance.

One thread writes, another reads; neither disturbs the event loop. Writes that come while the disk
is busy form one transaction, so many callers share one wait for the disk; when it fails, they are
tried one by one, so that one impossible write or the last free bytes fail nobody else's. What is
written is on disk before anybody is told so. Webhooks may keep their tables in the same file.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from transcriber.store import Conflict, Entry, Lease, Record, StoreFailed
from transcriber.store.ears import Ears, message
from transcriber.store.scripts import migrations, queries

__all__ = ["SqliteStore"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

SQL = queries("sqlite")
BUSY = 10.0
"""Seconds to wait for another process that writes to the same file."""
GROUP = 64
"""Writes in one transaction at most: they wait for one another."""
WAITING = 1024
"""Writes that may wait for the disk; whoever comes later waits before queueing."""
TRIMMED = 1000
"""Entries forgotten in one go, so that nobody waits long for the disk."""


class SqliteStore:
    """Keeps everything in a file. What is told reaches this process only: there is no other."""

    def __init__(self, path: str | Path, *, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = Path(path), now
        self._ears = Ears()
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

    async def _read(self, name: str, *values: object) -> list[sqlite3.Row]:
        def read() -> list[sqlite3.Row]:
            assert self._reader, "the store is not open"
            with _translated():
                return self._reader.execute(SQL[name], values).fetchall()

        return await _within(self._reading, read)

    async def _write(self, work: Work[T]) -> T:
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

        rows = await self._write(write)
        if not rows:
            raise Conflict(f"{kind} {key} is not at version {seen}", remedy="read it again")
        return Record(kind, key, json.loads(text), rows[0][0])

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

        def write(db: sqlite3.Connection) -> bool:
            found = db.execute(SQL["get"], (kind, key, self._now())).fetchall()
            db.execute(SQL["forget"], (kind, key, seen))
            return any(seen in (None, version) for _, version in found)

        return await self._write(write)

    async def append(self, *entries: Entry) -> None:
        """Add entries; on disk when it returns."""
        rows = [(entry.stream, entry.id, json.dumps(entry.value)) for entry in entries]
        await self._write(lambda db: db.executemany(SQL["append"], rows))

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        """Return a page of a stream."""
        rows = await self._read("read", stream, after, limit)
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
            count: int = await self._write(lambda db: db.execute(SQL["trim"], values).rowcount)
            total += count
            if count < TRIMMED:
                return total

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        """Take or prolong a lease."""

        def write(db: sqlite3.Connection) -> list[Any]:
            (fence,) = db.execute(SQL["fence"]).fetchone()
            return db.execute(SQL["lease"], (name, owner, now, until, fence)).fetchall()

        for (fence,) in await self._write(write):
            return Lease(name, owner, fence, until)
        return None

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        await self._write(lambda db: db.execute(SQL["release"], (name, owner)))

    async def leases(self, *, now: float) -> list[Lease]:
        """Return all leases that have not run out."""
        return [Lease(*row) for row in await self._read("leases", now)]

    async def tell(self, topic: str, value: Any) -> None:
        """Tell whoever listens in this process."""
        self._ears.hear(topic, message(value))

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        """Learn what is told on a topic."""
        return self._ears.listen(topic, told)


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
        db.execute("PRAGMA journal_mode = WAL")
        with _transaction(db):
            _migrate(db)
    return db


def _migrate(db: sqlite3.Connection) -> None:
    db.execute(SQL["schema"])
    (done,) = db.execute(SQL["version"]).fetchone()
    for version, script in migrations("sqlite"):
        if version > done:
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
