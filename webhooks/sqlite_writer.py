"""
The one thread that writes to a SQLite file.

Writes that arrive while the disk is busy form one transaction, so many callers share one wait for
the disk. When a transaction fails, its writes are tried one by one: a full disk or one impossible
write then fails nobody else's. The log that SQLite writes first is moved into the file beside the
writing, because whoever waits for the disk should not wait for that too. On a disk that is nearly
full it is moved after every write, or it would take the room that the file needs to take it in.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webhooks.errors import StoreError, StoreFull
from webhooks.queries import migrations, queries

__all__ = ["Writer", "connect", "settle", "translated"]

Work = Callable[[sqlite3.Connection], Any]

SQL = queries("sqlite")
GROUP = 64
"""Writes in one transaction at most: they wait for one another."""
BUSY = 10.0
"""Seconds to wait for another process that writes to the same file."""
SETTLED = 20_000
"""Rows written before the log is moved into the file: about twenty megabytes."""
SCARCE = 64 << 20
"""Bytes of room on the disk below which the log is kept short."""
EMPTIED = 4
"""Every so many times the log is moved while nobody writes: only then does it shrink."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    durable: bool
    done: asyncio.Future[Any]


_Answer = tuple[asyncio.Future[Any], Any, Exception | None]


class Writer(threading.Thread):
    """Runs what is submitted, in order, as many together as are waiting."""

    def __init__(self, path: Path, settle: Callable[[], object]) -> None:
        super().__init__(name="webhooks write", daemon=True)
        self._path = path
        self._settle = settle
        self._settled = 0
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._over = False
        self.started: asyncio.Future[None] = self._loop.create_future()
        self.start()

    async def submit(self, work: Work, *, durable: bool) -> Any:
        """Return what `work` returned, once it is committed."""
        job = _Job(work, durable, self._loop.create_future())
        self._queue.put(job)
        return await job.done

    def stop(self) -> None:
        """End after what was submitted."""
        self._queue.put(None)

    def run(self) -> None:
        """Be the thread."""
        try:
            with translated():
                db = _prepare(self._path)
        except StoreError as error:
            self._answer([(self.started, None, error)])
            return
        self._answer([(self.started, None, None)])
        while not self._over:
            self._answer(_carry_out(db, self._waiting()))
            if _cramped(self._path):
                settle(db)
            elif db.total_changes > SETTLED * (self._settled + 1):
                self._have_settled(db)
        db.close()

    def _have_settled(self, db: sqlite3.Connection) -> None:
        """Move the log into the file beside the writing; now and then alone, to empty the log."""
        self._settled += 1
        if self._settled % EMPTIED:
            self._settle()
        else:
            settle(db)

    def _waiting(self) -> list[_Job]:
        jobs: list[_Job] = []
        with suppress(queue.Empty):
            while len(jobs) < GROUP:
                job = self._queue.get(block=not jobs)
                if job is None:
                    self._over = True
                    break
                jobs.append(job)
        return jobs

    def _answer(self, answers: list[_Answer]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, answers)


def _resolve(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _carry_out(db: sqlite3.Connection, jobs: list[_Job]) -> list[_Answer]:
    try:
        with translated():
            results = _transaction(db, jobs)
    except Exception as error:  # noqa: BLE001 - whoever submitted the job gets it
        if len(jobs) > 1:
            return [answer for job in jobs for answer in _carry_out(db, [job])]
        return [(job.done, None, error) for job in jobs]
    return [(job.done, result, None) for job, result in zip(jobs, results, strict=True)]


def _transaction(db: sqlite3.Connection, jobs: list[_Job]) -> list[Any]:
    if any(job.durable for job in jobs):
        db.execute("PRAGMA synchronous = FULL")
    else:
        db.execute("PRAGMA synchronous = NORMAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        results = [job.work(db) for job in jobs]
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    return results


def _cramped(path: Path) -> bool:
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False  # what is wrong there, the next write tells whoever asked for it
    return disk.f_bavail * disk.f_frsize < SCARCE


def settle(db: sqlite3.Connection) -> None:
    """Move what was written from the log into the file, while nobody waits for it."""
    with suppress(sqlite3.OperationalError):  # a full disk: it is safe in the log
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, for the thread that calls."""
    db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    return db


def _prepare(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds secrets
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror}") from error
    db = connect(path)
    try:
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN EXCLUSIVE")
    db.execute(SQL["schema"])
    (done,) = db.execute(SQL["version"]).fetchone()
    for version, script in migrations("sqlite", done):
        for statement in script.split(";\n"):
            db.execute(statement)
        db.execute(SQL["migrated"], (version,))
    db.execute("COMMIT")


@contextmanager
def translated() -> Iterator[None]:
    """Raise what goes wrong in SQLite as what went wrong in the store."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise StoreFull("the disk is full: nothing was kept") from error
        raise StoreError(f"the store failed: {error}") from error
