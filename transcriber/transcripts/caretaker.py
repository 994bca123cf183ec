"""
Looks after the transcripts that are complete: hands them over, and deletes them in time.

A transcript is handed over when it has ended; what fails is tried again for a day. One that was
left open by a process that died is ended when nobody has added to it for some minutes. Where
several instances share a store, one of them does this at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from transcriber.bus.memory import Bus
from transcriber.errors import TranscriberError
from transcriber.events import ErrorHappened, Failure, TranscriptEnded
from transcriber.ids import new_id
from transcriber.store import Store, StoreFailed
from transcriber.transcripts.archive import Archive, Kept
from transcriber.transcripts.keeper import ALIVE

__all__ = ["Caretaker", "Deliver"]

ROUND = 600.0
"""Seconds between two rounds."""
DEAD = 5 * ALIVE
"""Seconds after which a transcript that nobody adds to is over."""
PATIENCE = 86_400.0
"""Seconds for which it is tried to hand one over."""
AGAIN = (600.0, 21_600.0)
"""Seconds from the first try to the second, and at most between two."""
TURN = 300.0
"""Seconds that a round may take."""
DAY = 86_400.0
PAGE = 500

Deliver = Callable[[Kept], Awaitable[None]]
"""Hands a transcript over to the people of its room; raises `TranscriberError`."""
log = structlog.get_logger(__name__)


class Caretaker:
    """Makes its rounds until cancelled; without `deliver`, transcripts stay here."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        archive: Archive,
        *,
        days: int,
        deliver: Deliver | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Transcripts are deleted after `days`; 0: never."""
        self._bus, self._store, self._archive = bus, store, archive
        self._days, self._deliver = days, deliver
        self._now = now
        self._name = new_id("own")
        self._tries: dict[str, tuple[float, float]] = {}
        """When a transcript is handed over next, and how long the pause before was."""
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Make a round now and then, and whenever a transcript has ended."""
        end = self._bus.subscribe(TranscriptEnded, lambda event: self._news.set())
        try:
            while True:
                self._news.clear()
                await self.go_round()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), ROUND)
        finally:
            end()

    async def go_round(self) -> None:
        """Look at each transcript once, unless another instance does."""
        try:
            held = await self._store.lease(
                "transcripts", self._name, now=self._now(), until=self._now() + TURN
            )
            if not held:
                return
            async with asyncio.timeout(TURN):
                await self._look_at_all()
        except (StoreFailed, TimeoutError) as problem:
            log.warning("transcripts not looked after", problem=str(problem) or "it took too long")
        with contextlib.suppress(StoreFailed):
            await self._store.release("transcripts", self._name)

    async def _look_at_all(self) -> None:
        after = ""
        while page := await self._archive.page(after=after, limit=PAGE):
            for kept in page:
                await self._look_at(kept)
            after = page[-1].id

    async def _look_at(self, kept: Kept) -> None:
        now = self._now()
        if self._days and kept.started < now - self._days * DAY:
            await self._archive.delete(kept)
            log.info("transcript deleted", transcript=kept.id, days=self._days)
            return
        if kept.ended is None and kept.alive < now - DEAD:
            kept = await self._archive.save(replace(kept, ended=kept.alive))
        if not self._deliver or kept.ended is None or kept.delivered:
            return
        if kept.ended < now - PATIENCE:
            self._tries.pop(kept.id, None)
        elif now >= self._tries.get(kept.id, (0.0, 0.0))[0]:
            await self._hand_over(kept, self._deliver)

    async def _hand_over(self, kept: Kept, deliver: Deliver) -> None:
        try:
            await deliver(kept)
        except TranscriberError as problem:
            _, pause = self._tries.get(kept.id, (0.0, AGAIN[0] / 2))
            pause = min(2 * pause, AGAIN[1])
            self._tries[kept.id] = self._now() + pause, pause
            log.warning("transcript not handed over", transcript=kept.id, code=problem.code)
            message = f"the transcript could not be put into the room's files: {problem}"
            failure = Failure(room=kept.room, code="transcript_not_uploaded", message=message)
            self._bus.publish(ErrorHappened(session_id="", data=failure))
        else:
            self._tries.pop(kept.id, None)
            await self._archive.save(replace(kept, delivered=True))
