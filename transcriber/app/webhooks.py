"""The part that tells other systems what happened: from the bus to the disk, from there to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from transcriber import aio
from transcriber.app.house import Face, House
from transcriber.bus.memory import Bus
from transcriber.events import Buried, Disabled, Event, WebhookBuried, WebhookDisabled
from transcriber.telemetry import METRICS
from transcriber.web.webhooks import WebhookApi
from webhooks import Message, Store, Worker, open_store
from webhooks.errors import StoreError
from webhooks.guard import guarded_session
from webhooks.models import Outcome
from webhooks.sender import http_post
from webhooks.worker import Notice

__all__ = ["Outbox", "webhooks"]

WAITING = 50_000
"""Events that wait for the disk, about a quarter of an hour of a busy service; the oldest go."""
TOGETHER = 500
"""Events written together at most."""
LAST = 10.0
"""Seconds that what waits gets to reach the disk when the service ends."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def webhooks(house: House) -> AsyncIterator[Face]:
    """Keep every event for whoever wants it, and deliver."""
    options = house.settings.webhooks
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(house.settings.store.url))
        session = await stack.enter_async_context(guarded_session(allowed=options.allowed))
        post = http_post(session, limit=options.timeout, kept=options.response_bytes)
        worker = Worker(store, post, options=options.worker(), observe=partial(_tell, house.bus))
        outbox = Outbox(store)
        silence = house.bus.subscribe(Event, outbox.take)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run(), name="webhooks")
            keeping = tasks.create_task(outbox.run(), name="outbox")
            try:
                yield Face(WebhookApi(store).routes())
            finally:
                silence()
                outbox.close()
                await asyncio.wait([keeping], timeout=LAST)
                keeping.cancel()
                worker.close()


class Outbox:
    """Takes events from the bus, which cannot wait, and gives them to the store, which may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: aio.Backlog[Message] = aio.Backlog(WAITING)

    def take(self, event: Event) -> None:
        """Keep an event; the oldest is lost, and counted, if the store has been away for long."""
        if self._waiting.full:
            METRICS.webhooks_lost.inc()
        self._waiting.push(
            Message(
                event.id,
                event.type,
                event.model_dump_json().encode(),
                channel=getattr(event.data, "room", ""),
                key=event.session_id,
            )
        )

    def close(self) -> None:
        """No more events: `run` ends when all are kept."""
        self._waiting.close()

    async def run(self) -> None:
        """Give events to the store, again until it takes them."""
        async for message in self._waiting:
            together = [message]
            while len(self._waiting) and len(together) < TOGETHER:
                together.append(self._waiting.pop())
            await self._keep(together)

    async def _keep(self, messages: list[Message]) -> None:
        pauses = aio.backoff(base=0.2, limit=5.0)
        while True:
            try:
                await self._store.add(*messages, now=time.time())
            except StoreError as error:
                log.warning("webhook store is away", waiting=len(self._waiting), error=str(error))
                await asyncio.sleep(next(pauses))
            else:
                return


def _tell(bus: Bus, notice: Notice) -> None:
    """Count what came of an attempt, and publish what the owner of a webhook should know."""
    if not isinstance(notice, Outcome):
        endpoint = notice.endpoint
        data = Disabled(webhook_id=endpoint.id, url=endpoint.url, reason=notice.reason)
        bus.publish(WebhookDisabled(session_id="", data=data))
        return
    attempt = notice.attempt
    METRICS.webhooks.labels("failed" if attempt.error else "accepted").inc()
    if notice.state == "dead" and not attempt.type.startswith("webhook."):
        buried = Buried(
            webhook_id=attempt.endpoint_id,
            event_id=attempt.message_id,
            event_type=attempt.type,
            attempts=attempt.number,
            error=attempt.error,
        )
        bus.publish(WebhookBuried(session_id="", data=buried))
