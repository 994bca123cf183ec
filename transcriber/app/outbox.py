"""From the bus, which cannot wait, to something that may: events are kept in groups, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from transcriber import aio
from transcriber.bus.memory import Bus
from transcriber.events import Event, SpeechPartial
from transcriber.telemetry import METRICS, step

__all__ = ["Outbox", "keeping"]

WAITING = 50_000
"""Events that wait for the disk, about a quarter of an hour of a busy service; the oldest go."""
TOGETHER = 500
"""Events kept together at most."""
LAST = 10.0
"""Seconds that what waits gets to be kept when the service ends."""

Keep = Callable[[Sequence[Event]], Awaitable[object]]
log = structlog.get_logger(__name__)


class Outbox:
    """Gives events to `keep`, again and again until it takes them."""

    def __init__(self, name: str, keep: Keep, *, away: type[Exception]) -> None:
        """`away` is what `keep` raises while it cannot, though it will be able to later."""
        self.name = name
        self._keep = keep
        self._away = away
        self._waiting: aio.Backlog[Event] = aio.Backlog(WAITING)

    def take(self, event: Event) -> None:
        """Take an event in; the oldest is lost, and counted, when none could be kept for long."""
        if self._waiting.full:
            METRICS.events_lost.labels(self.name).inc()
        self._waiting.push(event)

    def close(self) -> None:
        """No more events: `run` ends when all are kept."""
        self._waiting.close()

    async def run(self) -> None:
        """Have events kept until closed."""
        async for event in self._waiting:
            together = [event]
            while len(self._waiting) and len(together) < TOGETHER:
                together.append(self._waiting.pop())
            await self._insist(together)

    async def _insist(self, events: Sequence[Event]) -> None:
        pauses = aio.backoff(base=0.2, limit=5.0)
        while True:
            try:
                await self._keep(events)
            except self._away as error:
                log.warning(
                    "events wait", keeper=self.name, waiting=len(self._waiting), error=str(error)
                )
                await asyncio.sleep(next(pauses))
            else:
                self._trace(events)
                return

    def _trace(self, events: Sequence[Event]) -> None:
        now = time.time()
        for event in events:
            if not isinstance(event, SpeechPartial):
                began = event.timestamp.timestamp()
                step("kept", event.id, began, now - began, keeper=self.name, type=event.type)


@asynccontextmanager
async def keeping(outbox: Outbox, bus: Bus) -> AsyncIterator[None]:
    """Keep what happens while the block runs, to the last event."""
    silence = bus.subscribe(Event, outbox.take)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(outbox.run(), name=f"outbox {outbox.name}")
        try:
            yield
        finally:
            silence()
            outbox.close()
            await asyncio.wait([running], timeout=LAST)
            running.cancel()
