"""
Serves one endpoint for as long as something is due.

Messages with the same key go one after the other, so that they arrive in order; different keys
share the requests that may be in flight. One gate decides for all of them when the next request
may go: not faster than the endpoint allows, not while its breaker is open, not without the lease.
A delivery that is not let through is left as it was: it is still due, and costs no attempt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from webhooks.breaker import BreakerRules
from webhooks.errors import StoreError
from webhooks.models import Attempt, Delivery, Endpoint, Health, Outcome
from webhooks.schedule import Pace, Schedule, seconds_asked
from webhooks.sender import GONE, Post, Reply, request_headers
from webhooks.store import Store

__all__ = ["Courier", "Record", "Rules"]

log = structlog.get_logger(__name__)

Record = Callable[[Outcome], Awaitable[None]]
"""Returns once an outcome is kept."""
FETCHED = 128
"""Deliveries of one endpoint held in memory."""
LONGEST_HOLD = 60.0
"""Seconds for which a receiver can silence everything sent to it, by 429 and Retry-After."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every endpoint."""

    schedule: Schedule = field(default_factory=Schedule)
    breaker: BreakerRules = field(default_factory=BreakerRules)
    in_flight: int = 16
    """Requests to one endpoint at a time."""
    give_up: float = 120 * 3600.0
    """Seconds of nothing but failures after which an endpoint is disabled."""


class Courier:
    """One endpoint's deliveries, from the store to the receiver and back."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: Store,
        post: Post,
        record: Record,
        *,
        rules: Rules,
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.endpoint = endpoint
        self.leased_until = 0.0
        self.awake = True
        self._closed = False
        self._room = FETCHED
        self._dropped = 0
        self._health = endpoint.health
        self._store = store
        self._post = post
        self._record = record
        self._rules = rules
        self._now = now
        self._chance = chance
        self._verdict = ""
        self._pace = Pace(endpoint.max_rps)
        self._gate = asyncio.Lock()
        self._slots = asyncio.Semaphore(rules.in_flight)
        self._lanes: dict[str, deque[Delivery]] = {}
        self._taken: set[int] = set()
        self._stirred = asyncio.Event()

    async def run(self) -> str:
        """
        Deliver until nothing is due or nothing may be sent.

        Returns why the endpoint must be disabled, or an empty text.
        """
        while self.awake and self._allowed():
            async with asyncio.TaskGroup() as lanes:
                while self._allowed() and await self._fetch(lanes):
                    await self._until_room()
        return self._verdict

    def wake(self) -> None:
        """There may be more to do."""
        self.awake = True
        self._stirred.set()

    def close(self) -> None:
        """Send nothing more; what is in flight is still recorded."""
        self._closed = True

    def _allowed(self) -> bool:
        now = self._now()
        quiet = now < self._health.quiet_until
        return not (self._closed or quiet or self._verdict or now >= self.leased_until)

    async def _fetch(self, lanes: asyncio.TaskGroup) -> bool:
        """Take what is due; says whether there is anything to wait for."""
        self.awake = False
        self._room = 1 if self._probing() else FETCHED - len(self._taken)
        dropped = self._dropped
        try:
            found = await self._store.due(
                self.endpoint.id, now=self._now(), limit=self._room, skip=self._taken
            )
        except StoreError as error:
            log.warning("webhook store is away", endpoint=self.endpoint.id, error=str(error))
            return False
        self._room -= len(found)
        if dropped == self._dropped:
            for delivery in found:
                self._enter(delivery, lanes)
        else:
            self.awake = True  # what was dropped meanwhile comes before what was found
        return bool(self._taken)

    def _probing(self) -> bool:
        return self._health.breaker.state(self._now()) == "half_open"

    async def _until_room(self) -> None:
        """Wait until everything has been sent, or there is more to do and room for it."""
        while self._taken:
            if self._room and self.awake and not self._probing():
                return
            if not self._room and len(self._taken) < FETCHED // 2 and not self._probing():
                return
            self._stirred.clear()
            await self._stirred.wait()

    def _enter(self, delivery: Delivery, lanes: asyncio.TaskGroup) -> None:
        self._taken.add(delivery.id)
        key = delivery.message.key
        if key in self._lanes:
            self._lanes[key].append(delivery)
            return
        self._lanes[key] = deque([delivery])
        lanes.create_task(self._serve(key), name=f"webhooks {self.endpoint.id}")

    async def _serve(self, key: str) -> None:
        lane = self._lanes[key]
        while lane:
            async with self._slots:
                if await self._let_through():
                    await self._deliver(lane[0])
                    self._done(lane.popleft())
                else:
                    self._drop(lane)
        del self._lanes[key]

    def _done(self, delivery: Delivery) -> None:
        self._taken.discard(delivery.id)
        self._stirred.set()

    def _drop(self, lane: deque[Delivery]) -> None:
        """Leave the rest of a lane for later: none may overtake the first."""
        self._dropped += 1
        while lane:
            self._done(lane.popleft())

    async def _let_through(self) -> bool:
        async with self._gate:
            if self._allowed():
                await asyncio.sleep(self._pace.take(self._now()))
            return self._allowed()

    async def _deliver(self, delivery: Delivery) -> None:
        at = self._now()
        try:
            headers = request_headers(self.endpoint, delivery, now=at)
        except ValueError as error:
            reply = Reply(None, str(error))
        else:
            reply = await self._post(self.endpoint.url, headers, delivery.message.body)
        await self._record(self._outcome(delivery, reply, at))

    def _outcome(self, delivery: Delivery, reply: Reply, at: float) -> Outcome:
        attempt = Attempt(
            delivery_id=delivery.id,
            endpoint_id=delivery.endpoint_id,
            message_id=delivery.message.id,
            type=delivery.message.type,
            number=delivery.attempts + 1,
            replay=delivery.replays,
            at=at,
            duration_ms=round(reply.duration * 1000),
            status=reply.status,
            error=reply.error,
            response=reply.response,
        )
        if reply.accepted:
            return Outcome(attempt, "delivered", at, self._changed(Health()))
        now = self._now()
        asked = seconds_asked(reply.retry_after, now)
        health = self._changed(self._worse(reply, asked, now))
        pause = self._rules.schedule.pause(
            attempt.number, status=reply.status, asked=asked, chance=self._chance
        )
        if pause is None:
            return Outcome(attempt, "dead", now, health)
        return Outcome(attempt, "pending", now + pause, health)

    def _worse(self, reply: Reply, asked: float | None, now: float) -> Health:
        health = self._health
        since = now if health.failing_since is None else health.failing_since
        held = health.held_until
        if reply.status in (429, 503) and asked:
            held = max(held, now + min(asked, LONGEST_HOLD))
        if reply.status == GONE:
            self._verdict = "the receiver answered 410 Gone"
        elif now - since > self._rules.give_up:
            self._verdict = f"nothing but failures for {(now - since) / 3600:.0f} hours"
        return replace(
            health,
            breaker=health.breaker.failed(self._rules.breaker, now),
            failing_since=since,
            held_until=held,
        )

    def _changed(self, health: Health) -> Health | None:
        """Take over what an attempt has shown; None when it is nothing new."""
        if health == self._health:
            return None
        self._health = health
        return health
