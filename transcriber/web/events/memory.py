"""
What has happened lately, for listeners that come back.

Events are kept in the journal of the store a moment after they happened; until then they are kept
here. Partial results are not kept at all: the final that follows says it better.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from transcriber.events import EVENT_TYPES, Event, SpeechPartial
from transcriber.store import Entry, Store

__all__ = ["LATELY", "Memory"]

STREAM = "events"
"""The journal's stream."""
LATELY = 2_000
"""Events kept here, longer than any takes to reach the journal."""
PAGE = 500
"""Events read from the journal at a time."""


class Memory:
    """The journal of events, and the last ones that may not be in it yet."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._lately: deque[Event] = deque(maxlen=LATELY)

    def happened(self, event: Event) -> None:
        """Remember an event."""
        if not isinstance(event, SpeechPartial):
            self._lately.append(event)

    async def keep(self, events: Sequence[Event]) -> None:
        """Put events into the journal."""
        entries = [
            Entry(STREAM, event.id, event.model_dump(mode="json"))
            for event in events
            if not isinstance(event, SpeechPartial)
        ]
        if entries:
            await self._store.append(*entries)

    async def since(self, event_id: str) -> AsyncIterator[Event]:
        """Yield what has happened after an event, each once, as far back as is kept."""
        seen = event_id
        while page := await self._store.read(STREAM, after=seen, limit=PAGE):
            for entry in page:
                if kind := EVENT_TYPES.get(entry.value["type"]):
                    yield kind.model_validate(entry.value)
            seen = page[-1].id
        for event in sorted(self._lately, key=lambda event: event.id):
            if event.id > seen:
                yield event

    async def forget(self, days: float) -> int:
        """Drop events older than that from the journal."""
        before = int((self._now() - days * 86_400) * 1000)
        return await self._store.trim(STREAM, before=f"evt_{before:012x}")
