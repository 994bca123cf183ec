"""
Delivers what a store holds.

The worker claims endpoints that have something due and gives each a courier of its own, so that
one slow endpoint never delays another. It keeps their leases while they work. What came of an
attempt is recorded for many deliveries together, and again and again while the store is away:
until it is recorded, an attempt may be made twice.

Several workers may share a store. A worker that dies needs no cleaning up: its leases expire.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from webhooks.courier import Courier, Rules
from webhooks.errors import StoreError
from webhooks.models import Endpoint, Outcome
from webhooks.sender import Post
from webhooks.store import Store

__all__ = ["EndpointDisabled", "Notice", "Options", "Worker"]

log = structlog.get_logger(__name__)

RECORDED = 500
"""Outcomes written together at most."""


LOOK = 0.005
"""Seconds between two looks for work: what is added together is found together."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker works."""

    rules: Rules = field(default_factory=Rules)
    endpoints: int = 256
    """Endpoints served at a time."""
    lease: float = 30.0
    """Seconds after which the work of a worker that died is taken over."""
    poll: float = 1.0
    """Seconds after which a worker looks for work, news or not."""
    keep: float = 14 * 86400.0
    """Seconds for which messages and their attempts are kept, once nobody waits for them."""
    grace: float = 15.0
    """Seconds that requests in flight get when the worker ends."""


@dataclass(frozen=True, slots=True)
class EndpointDisabled:
    """Nothing more is sent to an endpoint; its owner should know why."""

    endpoint: Endpoint
    reason: str
    buried: int


Notice = Outcome | EndpointDisabled
"""What whoever runs a worker may want to count or tell: every attempt, every endpoint lost."""


class Worker:
    """Sends what is due until it is closed; `async with` is not needed, `run` owns everything."""

    def __init__(
        self,
        store: Store,
        post: Post,
        *,
        options: Options | None = None,
        observe: Callable[[Notice], None] = lambda notice: None,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._post = post
        self._options = options or Options()
        self._observe = observe
        self._now = now
        self._chance = chance
        self._owner = secrets.token_hex(8)
        self._couriers: dict[str, Courier] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._outcomes: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._recordable = asyncio.Event()
        self._over = asyncio.Event()
        self._log = log.bind(worker=self._owner)

    async def run(self) -> None:
        """Deliver until `close`, or cancellation; a store that is away is waited for."""
        async with asyncio.TaskGroup() as work:
            recording = work.create_task(self._keep_recording(), name="webhooks record")
            purging = work.create_task(self._keep_purging(), name="webhooks purge")
            looking = work.create_task(self._keep_looking(work), name="webhooks look")
            await self._over.wait()
            looking.cancel()
            purging.cancel()
            await self._finish()
            recording.cancel()

    def close(self) -> None:
        """Ask the worker to end after what is in flight."""
        self._over.set()

    async def _finish(self) -> None:
        for courier in self._couriers.values():
            courier.close()
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=self._options.grace)
            for task in late:
                task.cancel()
        with contextlib.suppress(StoreError):
            await self._store.release(self._owner)

    async def _keep_looking(self, work: asyncio.TaskGroup) -> None:
        seen = -1
        while True:
            try:
                await self._look(work)
            except StoreError as error:
                self._log.warning("webhook store is away", error=str(error))
                await asyncio.sleep(self._options.poll)
            await asyncio.sleep(LOOK)
            seen = await self._store.changed(seen, within=self._options.poll)

    async def _look(self, work: asyncio.TaskGroup) -> None:
        now = self._now()
        until = now + self._options.lease
        soon = now + self._options.lease * 2 / 3
        keep = [name for name, c in self._couriers.items() if c.leased_until < soon]
        claim = await self._store.claim(
            self._owner,
            now=now,
            until=until,
            keep=keep,
            limit=max(0, self._options.endpoints - len(self._couriers)),
        )
        for endpoint_id, courier in self._couriers.items():
            lease = claim.held.get(endpoint_id)
            if lease is None or lease.version != courier.endpoint.version:
                courier.close()  # another worker has it, or somebody changed it
            else:
                courier.leased_until = lease.until
        for endpoint in claim.due:
            if endpoint.id in self._couriers:
                self._couriers[endpoint.id].wake()
            elif len(self._couriers) < self._options.endpoints:
                self._start(endpoint, claim.held[endpoint.id].until, work)

    def _start(self, endpoint: Endpoint, until: float, work: asyncio.TaskGroup) -> None:
        courier = Courier(
            endpoint,
            self._store,
            self._post,
            self._record,
            rules=self._options.rules,
            now=self._now,
            chance=self._chance,
        )
        courier.leased_until = until
        self._couriers[endpoint.id] = courier
        task = work.create_task(self._serve(courier), name=f"webhooks {endpoint.id}")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, courier: Courier) -> None:
        endpoint = courier.endpoint
        try:
            if reason := await courier.run():
                await self._disable(endpoint, reason)
        except StoreError as error:
            self._log.warning("webhook store is away", endpoint=endpoint.id, error=str(error))
        finally:
            del self._couriers[endpoint.id]

    async def _disable(self, endpoint: Endpoint, reason: str) -> None:
        buried = await self._store.disable(endpoint.id, reason=reason, now=self._now())
        self._log.warning("webhook disabled", endpoint=endpoint.id, reason=reason, buried=buried)
        self._observe(EndpointDisabled(endpoint, reason, buried))

    async def _record(self, outcome: Outcome) -> None:
        """Return once an outcome is kept, however long the store is away."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outcomes.append((outcome, kept))
        self._recordable.set()
        await kept
        self._observe(outcome)

    async def _keep_recording(self) -> None:
        while True:
            await self._recordable.wait()
            group = self._outcomes[:RECORDED]
            try:
                await self._store.record([outcome for outcome, _ in group])
            except StoreError as error:
                self._log.warning("webhook attempts not recorded yet", error=str(error))
                await asyncio.sleep(self._options.poll)
                continue
            del self._outcomes[: len(group)]
            if not self._outcomes:
                self._recordable.clear()
            for _, kept in group:
                if not kept.done():
                    kept.set_result(None)

    async def _keep_purging(self) -> None:
        while True:
            with contextlib.suppress(StoreError):
                await self._store.purge(self._now() - self._options.keep)
            await asyncio.sleep(3600)
