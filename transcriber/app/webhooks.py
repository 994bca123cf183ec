"""The part that tells other systems what happened: from the bus to the disk, from there to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from transcriber.app.house import Face, House
from transcriber.app.outbox import Outbox, keeping
from transcriber.bus.memory import Bus
from transcriber.events import Buried, Disabled, Event, WebhookBuried, WebhookDisabled
from transcriber.store import StoreFailed
from transcriber.telemetry import METRICS, step
from transcriber.tls import trust
from transcriber.web.webhooks import WebhookApi
from webhooks import Message, Store, Worker, open_store
from webhooks.errors import StoreError
from webhooks.guard import guarded_session
from webhooks.models import Outcome
from webhooks.sender import http_post
from webhooks.worker import Notice

__all__ = ["webhooks"]


@asynccontextmanager
async def webhooks(house: House) -> AsyncIterator[Face]:
    """Keep every event for whoever wants it, and deliver."""
    options = house.settings.webhooks
    async with AsyncExitStack() as stack:
        store = await _opened(stack, house.settings.store.url)
        session = await stack.enter_async_context(
            guarded_session(allowed=options.allowed, tls=trust())
        )
        post = http_post(session, limit=options.timeout, kept=options.response_bytes)
        worker = Worker(store, post, options=options.worker(), observe=partial(_tell, house.bus))
        outbox = Outbox("webhooks", partial(_add, store), away=StoreError)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run(), name="webhooks")
            async with keeping(outbox, house.bus):
                yield Face(WebhookApi(store).routes())
            worker.close()


async def _opened(stack: AsyncExitStack, url: str) -> Store:
    try:
        return await stack.enter_async_context(open_store(url))
    except StoreError as error:
        raise StoreFailed(str(error)) from error


async def _add(store: Store, events: Sequence[Event]) -> None:
    await store.add(*map(_message, events), now=time.time())


def _message(event: Event) -> Message:
    body = event.model_dump_json().encode()
    room = getattr(event.data, "room", "")
    return Message(event.id, event.type, body, channel=room, key=event.session_id)


def _tell(bus: Bus, notice: Notice) -> None:
    """Count what came of an attempt, and publish what the owner of a webhook should know."""
    if not isinstance(notice, Outcome):
        endpoint = notice.endpoint
        data = Disabled(webhook_id=endpoint.id, url=endpoint.url, reason=notice.reason)
        bus.publish(WebhookDisabled(session_id="", data=data))
        return
    attempt = notice.attempt
    result = "failed" if attempt.error else "accepted"
    METRICS.webhooks.labels(result).inc()
    took, to = attempt.duration_ms / 1000, attempt.endpoint_id
    step("tried", attempt.message_id, attempt.at, took, webhook=to, result=result)
    METRICS.buried.inc(notice.state == "dead")
    if notice.state == "dead" and not attempt.type.startswith("webhook."):
        buried = Buried(
            webhook_id=attempt.endpoint_id,
            event_id=attempt.message_id,
            event_type=attempt.type,
            attempts=attempt.number,
            error=attempt.error,
        )
        bus.publish(WebhookBuried(session_id="", data=buried))
