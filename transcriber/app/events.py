"""The part that tells consoles and programs what happens, and remembers it for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from transcriber import aio
from transcriber.app.house import Face, House
from transcriber.app.outbox import Outbox, keeping
from transcriber.app.tidying import hourly
from transcriber.events import Event
from transcriber.store import StoreFailed
from transcriber.web.events import Live, Memory

__all__ = ["events"]


@asynccontextmanager
async def events(house: House) -> AsyncIterator[Face]:
    """Serve the stream of events."""
    memory = Memory(house.store)
    silence = house.world.subscribe(Event, memory.happened)
    outbox = Outbox("journal", memory.keep, away=StoreFailed)
    tidy = hourly(partial(memory.forget, house.settings.web.events_days), "events")
    try:
        async with keeping(outbox, house.bus), aio.alongside(tidy):
            yield Face(Live(house.world, memory).routes())
    finally:
        silence()
