"""
A store in PostgreSQL, for several instances at once.

Endpoints are claimed with SKIP LOCKED, so workers never wait for one another; NOTIFY wakes them,
and asking again now and then is the safety net for a lost connection.

What was added is forced to disk before it is acknowledged; what came of attempts is not, because
the worst case is a delivery that happens twice after the database's machine has died. A server
that is away is an error that passes: nothing was kept, and trying again helps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from webhooks.errors import Conflict, Unknown
from webhooks.models import Attempt, Delivery, Endpoint, Message, Outcome, State
from webhooks.postgres_server import SQL, Server
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

NO_HEALTH: list[list[Any]] = [[], [], [], [], []]
"""The columns of what no endpoint has shown."""
PURGED = 1000
"""Messages forgotten in one transaction."""
LAST = 2**63 - 1
"""Later than any row."""


class PostgresStore:
    """Keeps webhooks in a database that other instances share."""

    def __init__(self, url: str) -> None:
        self._news = News()
        self._server = Server(url, heard=self._news.publish)
        self._latest = 0.0

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._server.__aexit__(*failure)

    def _moment(self, now: float) -> float:
        """A clock that is set back must not put a message before an earlier one."""
        self._latest = max(self._latest, now)
        return self._latest

    async def add(self, *messages: Message, now: float) -> int:
        """Keep messages; committed when it returns."""
        moment = self._moment(now)
        wanted = matcher(await self._server.read("wanted"))
        unique = {message.id: message for message in reversed(messages)}
        pairs = [(message, wanted(message)) for message in reversed(unique.values())]
        return await _add(self._server, [pair for pair in pairs if pair[1]], moment)

    async def add_for(self, endpoint_id: str, message: Message, *, now: float) -> None:
        """Keep a message for one endpoint."""
        await self.endpoint(endpoint_id)
        await _add(self._server, [(message, [endpoint_id])], self._moment(now))

    async def claim(
        self, owner: str, *, now: float, until: float, keep: Collection[str], limit: int
    ) -> Claim:
        """Lease endpoints with work."""
        if keep:
            await self._server.change("renew", owner, now, until, list(keep))
        await self._server.change("take", owner, now, until, limit)
        rows = await self._server.read("held", owner, now)
        return as_claim(rows)

    async def due(
        self, endpoint_id: str, *, now: float, limit: int, skip: Collection[int]
    ) -> list[Delivery]:
        """What is to be sent now."""
        rows = await self._server.read("due", endpoint_id, now, list(skip), limit)
        return [as_delivery(row) for row in rows]

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what attempts led to."""
        rows = [of_outcome(outcome) for outcome in outcomes]
        newest = {o.attempt.endpoint_id: o.health for o in outcomes if o.health}
        healths = [of_health(*item) for item in newest.items()]
        deliveries = _columns(delivery for delivery, _ in rows)
        attempts = _columns(attempt for _, attempt in rows)
        await self._server.record(
            "record", *deliveries, *attempts, *(_columns(healths) or NO_HEALTH)
        )

    async def disable(self, endpoint_id: str, *, reason: str, now: float) -> int:
        """Give an endpoint up."""
        async with self._server.transaction() as db:
            await db.execute(SQL["disable"], endpoint_id, reason, now)
            answer: str = await db.execute(SQL["bury"], endpoint_id, reason)
        return int(answer.rpartition(" ")[2])

    async def release(self, owner: str) -> None:
        """Give back all leases."""
        async with self._server.transaction() as db:
            await db.execute(SQL["release"], owner)
            await db.execute(SQL["notify"])

    async def changed(self, seen: int, *, within: float) -> int:
        """Wait for news from any instance; without a connection, wait the whole time."""
        await self._server.listen()
        return await self._news.wait(seen, within=within)

    async def save(self, endpoint: Endpoint, *, now: float) -> Endpoint:
        """Create or change an endpoint."""
        values = of_endpoint(endpoint, now)
        if endpoint.version:
            await self.endpoint(endpoint.id)
            rows = await self._server.read("change", *values, endpoint.version)
        else:
            rows = await self._server.read("create", *values)
        if not rows:
            raise Conflict(f"{endpoint.id} is not at version {endpoint.version}")
        await self._server.read("notify")
        return as_endpoint(rows[0])

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint."""
        for row in await self._server.read("endpoint", endpoint_id):
            return as_endpoint(row)
        raise Unknown(endpoint_id)

    async def endpoints(self, *, limit: int, after: str = "") -> list[Endpoint]:
        """Return a page of endpoints."""
        return [as_endpoint(row) for row in await self._server.read("endpoints", after, limit)]

    async def delete(self, endpoint_id: str) -> None:
        """Forget an endpoint."""
        await self._server.change("delete", endpoint_id)

    async def deliveries(
        self, endpoint_id: str, *, state: State | None = None, limit: int, before: int | None = None
    ) -> list[Delivery]:
        """Return a page of deliveries."""
        page = endpoint_id, before or LAST, limit
        reading = self._server.read("deliveries_in", *page, state) if state else None
        rows = await (reading or self._server.read("deliveries", *page))
        return [as_delivery(row) for row in rows]

    async def attempts(
        self, endpoint_id: str, *, limit: int, before: int | None = None
    ) -> list[Attempt]:
        """Return a page of attempts."""
        rows = await self._server.read("attempts", endpoint_id, before or LAST, limit)
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
            count = await self._server.change("replay_one", endpoint_id, moment, delivery_id)
        else:
            count = await self._server.change("replay", endpoint_id, moment, since, delivered)
        await self._server.read("notify")
        return count

    async def purge(self, before: float) -> int:
        """Forget old messages."""
        total = 0
        while True:
            count = await self._server.change("purge", before, PURGED)
            total += count
            if count < PURGED:
                return total


async def _add(server: Server, pairs: Sequence[tuple[Message, Sequence[str]]], now: float) -> int:
    columns = _columns((m.id, m.type, m.body, m.channel, m.key) for m, _ in pairs)
    if not columns:
        return 0
    wishes = _columns((m.id, endpoint) for m, endpoints in pairs for endpoint in endpoints)
    ((count, _),) = await server.read("add", *columns, now, *wishes)
    return int(count)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into arrays: one statement then writes them all."""
    return [list(column) for column in zip(*rows, strict=True)]
