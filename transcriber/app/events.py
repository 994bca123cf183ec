"""The part that tells consoles and programs what happens, and remembers it for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from transcriber import aio
from transcriber.app.house import Face, House
from transcriber.app.outbox import Outbox, keeping
from transcriber.events import Event
from transcriber.store import StoreFailed
from transcriber.web.events import Live, Memory

__all__ = ["events"]

HOUR = 3600.0
log = structlog.get_logger(__name__)


@asynccontextmanager
async def events(house: House) -> AsyncIterator[Face]:
    """Serve the stream of events."""
    memory = Memory(house.store)
    silence = house.world.subscribe(Event, memory.happened)
    outbox = Outbox("journal", memory.keep, away=StoreFailed)
    tidy = _tidy(memory, house.settings.web.events_days)
    try:
        async with keeping(outbox, house.bus), aio.alongside(tidy):
            yield Face(Live(house.world, memory).routes())
    finally:
        silence()


async def _tidy(memory: Memory, days: float) -> None:
    while True:
        try:
            await memory.forget(days)
        except StoreFailed as error:
            log.warning("old events stay for now", error=str(error))
        await asyncio.sleep(HOUR)
