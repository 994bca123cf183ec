"""A store that forgets: the same rules as the real ones, for tests on virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Self

from webhooks.errors import Conflict, StoreError, Unknown
from webhooks.models import Attempt, Delivery, Endpoint, Health, Message, Outcome, State, Wish
from webhooks.store import Claim, Lease, News

__all__ = ["MemoryStore"]


class Endpoints:
    """Who is told, without what they are told."""

    def __init__(self) -> None:
        self._news = News()
        self._endpoints: dict[str, Endpoint] = {}

    async def save(self, endpoint: Endpoint, *, now: float) -> Endpoint:
        known = self._endpoints.get(endpoint.id)
        if endpoint.version and known is None:
            raise Unknown(endpoint.id)
        if (known.version if known else 0) != endpoint.version:
            raise Conflict(endpoint.id)
        saved = replace(
            endpoint,
            version=endpoint.version + 1,
            created_at=known.created_at if known else now,
            modified_at=now,
            health=Health(),
        )
        self._endpoints[saved.id] = saved
        self._news.publish()
        return saved

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self._endpoints:
            raise Unknown(endpoint_id)
        return self._endpoints[endpoint_id]

    async def endpoints(self, *, limit: int, after: str = "") -> list[Endpoint]:
        return [self._endpoints[name] for name in sorted(self._endpoints) if name > after][:limit]


class MemoryStore(Endpoints):
    """Keeps everything in dictionaries; `away` makes it fail as a server that cannot be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self._latest = 0.0
        self._leases: dict[str, tuple[str, float]] = {}
        self._messages: set[str] = set()
        self._deliveries: dict[int, Delivery] = {}
        self._attempts: list[Attempt] = []
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        pass

    def _reach(self) -> None:
        if self.away:
            raise StoreError("the store is away")

    def _moment(self, now: float) -> float:
        self._latest = max(self._latest, now)
        return self._latest

    def _add(self, message: Message, endpoints: Collection[str], now: float) -> int:
        if message.id in self._messages or not endpoints:
            return 0
        self._messages.add(message.id)
        for name in endpoints:
            number = next(self._ids)
            self._deliveries[number] = Delivery(number, name, message, due_at=now, added_at=now)
        return len(endpoints)

    async def add(self, *messages: Message, now: float) -> int:
        self._reach()
        moment = self._moment(now)
        wishes = [Wish.of(e.id, e.types, e.channels) for e in self._endpoints.values() if e.active]
        count = 0
        for message in messages:
            wanted = [w.endpoint_id for w in wishes if w.covers(message.type, message.channel)]
            count += self._add(message, wanted, moment)
        self._news.publish()
        return count

    async def add_for(self, endpoint_id: str, message: Message, *, now: float) -> None:
        await self.endpoint(endpoint_id)
        self._add(message, (endpoint_id,), self._moment(now))
        self._news.publish()

    def _due(self, endpoint: Endpoint, now: float) -> list[Delivery]:
        if not endpoint.active or endpoint.health.quiet_until > now:
            return []
        mine = (d for d in self._deliveries.values() if d.endpoint_id == endpoint.id)
        found = [d for d in mine if d.state == "pending" and d.due_at <= now]
        return sorted(found, key=lambda d: (d.due_at, d.id))

    async def claim(
        self, owner: str, *, now: float, until: float, keep: Collection[str], limit: int
    ) -> Claim:
        self._reach()
        for endpoint in self._endpoints.values():
            holder, end = self._leases.get(endpoint.id, ("", 0.0))
            if holder == owner and end > now and endpoint.id in keep:
                self._leases[endpoint.id] = (owner, until)
            elif end <= now and limit and self._due(endpoint, now):
                self._leases[endpoint.id] = (owner, until)
                limit -= 1
        held = {
            name: Lease(end, self._endpoints[name].version)
            for name, (holder, end) in self._leases.items()
            if holder == owner and end > now
        }
        due = [self._endpoints[name] for name in held if self._due(self._endpoints[name], now)]
        return Claim(held, tuple(due))

    async def due(
        self, endpoint_id: str, *, now: float, limit: int, skip: Collection[int]
    ) -> list[Delivery]:
        self._reach()
        found = self._due(self._endpoints[endpoint_id], now)
        return [d for d in found if d.id not in skip][:limit]

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        self._reach()
        for outcome in outcomes:
            tried = outcome.attempt
            delivery = self._deliveries.get(tried.delivery_id)
            if delivery is None:
                continue
            final = delivery.state == "pending" or outcome.state == "delivered"
            self._deliveries[delivery.id] = replace(
                delivery,
                state=outcome.state if final else delivery.state,
                attempts=tried.number,
                due_at=outcome.due_at,
                error=tried.error,
            )
            self._attempts.append(replace(tried, id=next(self._ids)))
            if outcome.health:
                endpoint = self._endpoints[tried.endpoint_id]
                self._endpoints[endpoint.id] = replace(endpoint, health=outcome.health)

    async def disable(self, endpoint_id: str, *, reason: str, now: float) -> int:
        self._reach()
        endpoint = self._endpoints[endpoint_id]
        waiting = [
            d
            for d in self._deliveries.values()
            if d.endpoint_id == endpoint_id and d.state == "pending"
        ]
        for delivery in waiting:
            self._deliveries[delivery.id] = replace(delivery, state="dead", error=reason)
        self._endpoints[endpoint_id] = replace(
            endpoint,
            active=False,
            disabled_because=reason,
            modified_at=now,
            version=endpoint.version + 1,
        )
        return len(waiting)

    async def release(self, owner: str) -> None:
        self._reach()
        self._leases = {name: held for name, held in self._leases.items() if held[0] != owner}

    async def changed(self, seen: int, *, within: float) -> int:
        return await self._news.wait(seen, within=within)

    async def delete(self, endpoint_id: str) -> None:
        self._endpoints.pop(endpoint_id, None)
        for delivery in tuple(self._deliveries.values()):
            if delivery.endpoint_id == endpoint_id:
                del self._deliveries[delivery.id]

    async def deliveries(
        self, endpoint_id: str, *, state: State | None = None, limit: int, before: int | None = None
    ) -> list[Delivery]:
        found = [d for d in self._deliveries.values() if d.endpoint_id == endpoint_id]
        found = [d for d in found if (state or d.state) == d.state and d.id < (before or 2**63)]
        return sorted(found, key=lambda d: -d.id)[:limit]

    async def attempts(
        self, endpoint_id: str, *, limit: int, before: int | None = None
    ) -> list[Attempt]:
        found = [a for a in self._attempts if a.endpoint_id == endpoint_id]
        return [a for a in reversed(found) if a.id < (before or 2**63)][:limit]

    async def replay(
        self,
        endpoint_id: str,
        *,
        now: float,
        delivery_id: int | None = None,
        since: float = 0.0,
        delivered: bool = False,
    ) -> int:
        again = []
        for d in self._deliveries.values():
            over = d.state == "dead" or (d.state == "delivered" and delivered)
            chosen = d.state != "pending" if d.id == delivery_id else over and d.added_at >= since
            if d.endpoint_id == endpoint_id and chosen and delivery_id in (None, d.id):
                again.append(d)
        for d in again:
            self._deliveries[d.id] = replace(
                d, state="pending", attempts=0, replays=d.replays + 1, due_at=now, error=""
            )
        self._news.publish()
        return len(again)

    async def purge(self, before: float) -> int:
        old = [d for d in self._deliveries.values() if d.added_at < before and d.state != "pending"]
        for delivery in old:
            del self._deliveries[delivery.id]
        return len({delivery.message.id for delivery in old})
