"""A worker: the parts that attend rooms, for a parent that says which."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from transcriber.app.crew import report
from transcriber.app.garbage import settle
from transcriber.app.house import House, seats
from transcriber.app.recognisers import recognisers
from transcriber.app.serve import ATTENDING, serving
from transcriber.app.studio import talks
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.events import Event
from transcriber.session.worker import Worker
from transcriber.store import open_store
from transcriber.web.server import listen_here

__all__ = ["work"]


async def work(settings: Settings, path: str) -> None:
    """Attend rooms until the parent is gone or wants no more; answer requests on a Unix socket."""
    ears, bus = recognisers(settings), Bus()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.store.url))
        worker = await stack.enter_async_context(Worker(partial(report, ears)))
        bus.subscribe(Event, worker.happened)
        house = House(
            settings,
            bus,
            ears.stt,
            store,
            ears.engines,
            world=bus,
            crew=worker,
            seats=seats(settings),
            talks=talks(settings, bus, store),
        )
        app = await stack.enter_async_context(serving(house, ATTENDING))
        await stack.enter_async_context(listen_here(app, path))
        settle()
        await worker.work()
