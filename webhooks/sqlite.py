"""
A store in one SQLite file.

What was added is forced to disk before it is acknowledged, so it survives kill -9 and a loss of
power; what came of attempts is not, because the worst case is a delivery that happens twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Self

from webhooks.errors import Conflict, Unknown
from webhooks.models import Attempt, Delivery, Endpoint, Message, Outcome, State
from webhooks.rows import (
    as_attempt,
    as_claim,
    as_delivery,
    as_endpoint,
    matcher,
    of_endpoint,
    of_health,
    of_outcome,
)
from webhooks.sqlite_file import SQL, File
from webhooks.store import Claim, News

__all__ = ["SqliteStore"]

PURGED = 500
"""Messages forgotten in one go, so that nobody waits long for the disk."""
LAST = 2**63 - 1
"""Later than any row."""


class SqliteStore:
    """Keeps webhooks in a file; other processes may open the same file."""

    def __init__(self, path: str | Path) -> None:
        self._file = File(Path(path))
        self._news = News()
        self._latest = 0.0

    async def __aenter__(self) -> Self:
        await self._file.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._file.__aexit__(*failure)

    def _moment(self, now: float) -> float:
        """A clock that is set back must not put a message before an earlier one."""
        self._latest = max(self._latest, now)
        return self._latest

    async def add(self, *messages: Message, now: float) -> int:
        """Keep messages; on disk when it returns."""
        moment = self._moment(now)
        count = await self._file.write(lambda db: _add(db, messages, moment))
        if count:
            self._news.publish()
        return count

    async def add_for(self, endpoint_id: str, message: Message, *, now: float) -> None:
        """Keep a message for one endpoint."""
        moment = self._moment(now)

        def write(db: sqlite3.Connection) -> None:
            _one(db, "endpoint", endpoint_id)
            _add_one(db, message, (endpoint_id,), moment)

        await self._file.write(write)
        self._news.publish()

    async def claim(
        self, owner: str, *, now: float, until: float, keep: Collection[str], limit: int
    ) -> Claim:
        """Lease endpoints with work."""

        def write(db: sqlite3.Connection) -> None:
            if keep:
                db.execute(SQL["renew"], (owner, now, until, json.dumps(list(keep))))
            db.execute(SQL["take"], (owner, now, until, limit))

        await self._file.write(write, durable=False)
        rows = await self._file.read("held", owner, now)
        return as_claim(rows)

    async def due(
        self, endpoint_id: str, *, now: float, limit: int, skip: Collection[int]
    ) -> list[Delivery]:
        """What is to be sent now."""
        rows = await self._file.read("due", endpoint_id, now, json.dumps(list(skip)), limit)
        return [as_delivery(row) for row in rows]

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what attempts led to."""
        await self._file.write(lambda db: _record(db, outcomes), durable=False)

    async def disable(self, endpoint_id: str, *, reason: str, now: float) -> int:
        """Give an endpoint up."""

        def write(db: sqlite3.Connection) -> int:
            db.execute(SQL["disable"], (endpoint_id, reason, now))
            return db.execute(SQL["bury"], (endpoint_id, reason)).rowcount

        return await self._file.write(write)

    async def release(self, owner: str) -> None:
        """Give back all leases."""
        await self._file.write(
            lambda db: db.execute(SQL["release"], (owner,)).rowcount, durable=False
        )

    async def changed(self, seen: int, *, within: float) -> int:
        """Wait for news from this process; those of others are found by asking again."""
        return await self._news.wait(seen, within=within)

    async def save(self, endpoint: Endpoint, *, now: float) -> Endpoint:
        """Create or change an endpoint."""

        def write(db: sqlite3.Connection) -> Endpoint:
            values = of_endpoint(endpoint, now)
            if endpoint.version:
                _one(db, "endpoint", endpoint.id)
                rows = db.execute(SQL["change"], (*values, endpoint.version)).fetchall()
            else:
                rows = db.execute(SQL["create"], values).fetchall()
            if not rows:
                raise Conflict(f"{endpoint.id} is not at version {endpoint.version}")
            return as_endpoint(rows[0])

        saved = await self._file.write(write)
        self._news.publish()
        return saved

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint."""
        for row in await self._file.read("endpoint", endpoint_id):
            return as_endpoint(row)
        raise Unknown(endpoint_id)

    async def endpoints(self, *, limit: int, after: str = "") -> list[Endpoint]:
        """Return a page of endpoints."""
        return [as_endpoint(row) for row in await self._file.read("endpoints", after, limit)]

    async def delete(self, endpoint_id: str) -> None:
        """Forget an endpoint."""
        await self._file.write(lambda db: db.execute(SQL["delete"], (endpoint_id,)).rowcount)

    async def deliveries(
        self, endpoint_id: str, *, state: State | None = None, limit: int, before: int | None = None
    ) -> list[Delivery]:
        """Return a page of deliveries."""
        page = endpoint_id, before or LAST, limit
        reading = self._file.read("deliveries_in", *page, state) if state else None
        rows = await (reading or self._file.read("deliveries", *page))
        return [as_delivery(row) for row in rows]

    async def attempts(
        self, endpoint_id: str, *, limit: int, before: int | None = None
    ) -> list[Attempt]:
        """Return a page of attempts."""
        rows = await self._file.read("attempts", endpoint_id, before or LAST, limit)
        return [as_attempt(row) for row in rows]

    async def replay(
        self,
        endpoint_id: str,
        *,
        now: float,
        delivery_id: int | None = None,
        since: float = 0.0,
        delivered: bool = False,
    ) -> int:
        """Send again."""
        moment = self._moment(now)
        name, values = "replay", tuple[object, ...]((since, delivered))
        if delivery_id is not None:
            name, values = "replay_one", (delivery_id,)
        given = (endpoint_id, moment, *values)
        count: int = await self._file.write(lambda db: db.execute(SQL[name], given).rowcount)
        self._news.publish()
        return count

    async def purge(self, before: float) -> int:
        """Forget old messages."""
        total = 0
        while True:
            count: int = await self._file.write(
                lambda db: db.execute(SQL["purge"], (before, PURGED)).rowcount, durable=False
            )
            total += count
            if count < PURGED:
                return total


def _one(db: sqlite3.Connection, name: str, key: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(SQL[name], (key,)).fetchone()
    if row is None:
        raise Unknown(key)
    return row


def _add(db: sqlite3.Connection, messages: Iterable[Message], now: float) -> int:
    wanted = matcher(db.execute(SQL["wanted"]))
    return sum(_add_one(db, message, wanted(message), now) for message in messages)


def _add_one(
    db: sqlite3.Connection, message: Message, endpoints: Collection[str], now: float
) -> int:
    if not endpoints:
        return 0
    values = (message.id, message.type, message.body, message.channel, message.key, now)
    new = db.execute(SQL["add_message"], values).fetchone()
    if new is None:
        return 0
    db.executemany(SQL["add_delivery"], [(endpoint, new[0], now) for endpoint in endpoints])
    return len(endpoints)


def _record(db: sqlite3.Connection, outcomes: Sequence[Outcome]) -> None:
    rows = [of_outcome(outcome) for outcome in outcomes]
    db.executemany(SQL["record_delivery"], [delivery for delivery, _ in rows])
    db.executemany(SQL["record_attempt"], [attempt for _, attempt in rows])
    healths = [(o.attempt.endpoint_id, o.health) for o in outcomes if o.health]
    db.executemany(SQL["record_health"], [of_health(*health) for health in healths])
