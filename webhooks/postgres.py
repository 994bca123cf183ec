"""
A store in PostgreSQL, for several instances at once.

Endpoints are claimed with SKIP LOCKED, so workers never wait for one another; NOTIFY wakes them,
and asking again now and then is the safety net for a lost connection. The tables are made and
changed at start under a lock that only one instance gets; the others wait and find it done.

What was added is forced to disk before it is acknowledged; what came of attempts is not, because
the worst case is a delivery that happens twice after the database's machine has died. A server
that is away is an error that passes: nothing was kept, and trying again helps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg

from webhooks.errors import Conflict, StoreError, StoreFull, Unknown
from webhooks.models import Attempt, Delivery, Endpoint, Message, Outcome, State
from webhooks.queries import migrations, queries
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
from webhooks.store import Claim, News

__all__ = ["PostgresStore"]

SQL = queries("postgres")
CHANNEL = "webhooks"
PATIENCE = 10.0
"""Seconds that one statement, or a new connection, may take."""
CONNECTIONS = 6
"""Connections for statements; one more listens."""
NO_HEALTH: list[list[Any]] = [[], [], [], [], []]
"""The columns of what no endpoint has shown."""
PURGED = 1000
"""Messages forgotten in one transaction."""
LAST = 2**63 - 1
"""Later than any row."""


class PostgresStore:
    """Keeps webhooks in a database that other instances share."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._news = News()
        self._latest = 0.0
        self._ears: Any = None

    async def __aenter__(self) -> Self:
        with _translated():
            self._pool = await self._connect(CONNECTIONS)
        try:
            async with self._transaction() as db:
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
    async def _transaction(self) -> AsyncIterator[Any]:
        with _translated():
            async with self._pool.acquire(timeout=PATIENCE) as db, db.transaction():
                yield db

    async def _read(self, name: str, *values: object) -> list[Any]:
        with _translated():
            rows: list[Any] = await self._pool.fetch(SQL[name], *values)
        return rows

    async def _change(self, name: str, *values: object) -> int:
        """Run one statement and return how many rows it changed."""
        with _translated():
            answer: str = await self._pool.execute(SQL[name], *values)
        return int(answer.rpartition(" ")[2])

    def _moment(self, now: float) -> float:
        """A clock that is set back must not put a message before an earlier one."""
        self._latest = max(self._latest, now)
        return self._latest

    async def add(self, *messages: Message, now: float) -> int:
        """Keep messages; committed when it returns."""
        moment = self._moment(now)
        wanted = matcher(await self._read("wanted"))
        unique = {message.id: message for message in reversed(messages)}
        pairs = [(message, wanted(message)) for message in reversed(unique.values())]
        return await self._add([pair for pair in pairs if pair[1]], moment)

    async def add_for(self, endpoint_id: str, message: Message, *, now: float) -> None:
        """Keep a message for one endpoint."""
        await self.endpoint(endpoint_id)
        await self._add([(message, [endpoint_id])], self._moment(now))

    async def _add(self, pairs: Sequence[tuple[Message, Sequence[str]]], now: float) -> int:
        columns = _columns((m.id, m.type, m.body, m.channel, m.key) for m, _ in pairs)
        if not columns:
            return 0
        wishes = _columns((m.id, endpoint) for m, endpoints in pairs for endpoint in endpoints)
        ((count, _),) = await self._read("add", *columns, now, *wishes)
        return int(count)

    async def claim(
        self, owner: str, *, now: float, until: float, keep: Collection[str], limit: int
    ) -> Claim:
        """Lease endpoints with work."""
        if keep:
            await self._change("renew", owner, now, until, list(keep))
        await self._change("take", owner, now, until, limit)
        rows = await self._read("held", owner, now)
        return as_claim(rows)

    async def due(
        self, endpoint_id: str, *, now: float, limit: int, skip: Collection[int]
    ) -> list[Delivery]:
        """What is to be sent now."""
        rows = await self._read("due", endpoint_id, now, list(skip), limit)
        return [as_delivery(row) for row in rows]

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what attempts led to."""
        rows = [of_outcome(outcome) for outcome in outcomes]
        newest = {o.attempt.endpoint_id: o.health for o in outcomes if o.health}
        healths = [of_health(*item) for item in newest.items()]
        deliveries = _columns(delivery for delivery, _ in rows)
        attempts = _columns(attempt for _, attempt in rows)
        with _translated():
            await self._recorder.execute(
                SQL["record"], *deliveries, *attempts, *(_columns(healths) or NO_HEALTH)
            )

    async def disable(self, endpoint_id: str, *, reason: str, now: float) -> int:
        """Give an endpoint up."""
        async with self._transaction() as db:
            await db.execute(SQL["disable"], endpoint_id, reason, now)
            answer: str = await db.execute(SQL["bury"], endpoint_id, reason)
        return int(answer.rpartition(" ")[2])

    async def release(self, owner: str) -> None:
        """Give back all leases."""
        async with self._transaction() as db:
            await db.execute(SQL["release"], owner)
            await db.execute(SQL["notify"])

    async def changed(self, seen: int, *, within: float) -> int:
        """Wait for news from any instance; without a connection, wait the whole time."""
        if self._ears is None or self._ears.is_closed():
            await self._listen()
        return await self._news.wait(seen, within=within)

    async def _listen(self) -> None:
        try:
            self._ears = await asyncpg.connect(self._url, timeout=PATIENCE)
            await self._ears.add_listener(CHANNEL, lambda *_: self._news.publish())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return  # the server is away: whoever claims work next says so
        self._news.publish()

    async def save(self, endpoint: Endpoint, *, now: float) -> Endpoint:
        """Create or change an endpoint."""
        values = of_endpoint(endpoint, now)
        if endpoint.version:
            await self.endpoint(endpoint.id)
            rows = await self._read("change", *values, endpoint.version)
        else:
            rows = await self._read("create", *values)
        if not rows:
            raise Conflict(f"{endpoint.id} is not at version {endpoint.version}")
        await self._read("notify")
        return as_endpoint(rows[0])

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint."""
        for row in await self._read("endpoint", endpoint_id):
            return as_endpoint(row)
        raise Unknown(endpoint_id)

    async def endpoints(self, *, limit: int, after: str = "") -> list[Endpoint]:
        """Return a page of endpoints."""
        return [as_endpoint(row) for row in await self._read("endpoints", after, limit)]

    async def delete(self, endpoint_id: str) -> None:
        """Forget an endpoint."""
        await self._change("delete", endpoint_id)

    async def deliveries(
        self, endpoint_id: str, *, state: State | None = None, limit: int, before: int | None = None
    ) -> list[Delivery]:
        """Return a page of deliveries."""
        page = endpoint_id, before or LAST, limit
        reading = self._read("deliveries_in", *page, state) if state else None
        rows = await (reading or self._read("deliveries", *page))
        return [as_delivery(row) for row in rows]

    async def attempts(
        self, endpoint_id: str, *, limit: int, before: int | None = None
    ) -> list[Attempt]:
        """Return a page of attempts."""
        rows = await self._read("attempts", endpoint_id, before or LAST, limit)
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
        if delivery_id is not None:
            count = await self._change("replay_one", endpoint_id, moment, delivery_id)
        else:
            count = await self._change("replay", endpoint_id, moment, since, delivered)
        await self._read("notify")
        return count

    async def purge(self, before: float) -> int:
        """Forget old messages."""
        total = 0
        while True:
            count = await self._change("purge", before, PURGED)
            total += count
            if count < PURGED:
                return total


async def _nothing(db: Any) -> None:
    """What a connection needs before it is used again: no statement here leaves anything set."""


async def _migrate(db: Any) -> None:
    await db.execute(SQL["lock"])
    await db.execute(SQL["schema"])
    done = await db.fetchval(SQL["version"])
    for version, script in migrations("postgres", done):
        await db.execute(script)
        await db.execute(SQL["migrated"], version)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into arrays: one statement then writes them all."""
    return [list(column) for column in zip(*rows, strict=True)]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StoreFull("the database's disk is full: nothing was kept") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        problem = str(error) or type(error).__name__
        raise StoreError(f"the database failed: {problem}") from error
