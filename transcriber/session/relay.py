"""
What happens in one instance is known in all of them.

Events travel by what the store tells; interim words do not, because nobody far away reads them
faster than the final ones come. An event that is too large to be told is kept for a minute, and it
is told where. This is for those who watch: whoever must not miss an event reads the journal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from transcriber.aio import Backlog
from transcriber.bus.memory import Bus
from transcriber.events import EVENT_TYPES, Event, SpeechPartial
from transcriber.store import Store, StoreFailed

__all__ = ["Relay"]

TOPIC = "event"
WAITING = 10_000
"""Events that wait to be told, or to be taken in; the oldest are forgotten."""
KEPT = 60.0
"""Seconds that an event is kept which was too large to be told."""

log = structlog.get_logger(__name__)


class Relay:
    """Publishes on `far` what is published on `near`, here and in all other instances."""

    def __init__(
        self,
        store: Store,
        near: Bus,
        far: Bus,
        *,
        me: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._near, self._far = store, near, far
        self._me, self._now = me, now
        self._out: Backlog[Event] = Backlog(WAITING)
        self._in: Backlog[dict[str, Any]] = Backlog(WAITING)

    async def run(self) -> None:
        """Carry events until cancelled."""
        deaf = self._near.subscribe(Event, self._happened)
        silence = self._store.listen(TOPIC, self._told)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tell(), name="tell events")
                tasks.create_task(self._take(), name="take events")
        finally:
            deaf()
            silence()

    def _happened(self, event: Event) -> None:
        self._far.publish(event)
        if not isinstance(event, SpeechPartial):
            self._out.push(event)

    def _told(self, told: dict[str, Any]) -> None:
        if told["from"] != self._me:
            self._in.push(told)

    async def _tell(self) -> None:
        async for event in self._out:
            try:
                await self._send(event.id, event.model_dump(mode="json"))
            except StoreFailed as problem:
                log.warning("others do not learn of an event", id=event.id, problem=str(problem))

    async def _send(self, event_id: str, event: dict[str, Any]) -> None:
        try:
            await self._store.tell(TOPIC, {"from": self._me, "event": event})
        except ValueError:
            await self._store.put(TOPIC, event_id, event, expires=self._now() + KEPT)
            await self._store.tell(TOPIC, {"from": self._me, "kept": event_id})

    async def _take(self) -> None:
        async for told in self._in:
            try:
                if event := told.get("event") or await self._kept(told["kept"]):
                    self._far.publish(EVENT_TYPES[event["type"]].model_validate(event))
            except (StoreFailed, KeyError, ValueError) as problem:
                log.warning("an event of another instance is lost", problem=type(problem).__name__)

    async def _kept(self, event_id: str) -> Any:
        record = await self._store.get(TOPIC, event_id)
        return record.value if record else None
