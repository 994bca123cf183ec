"""The part that shares the work with other instances, where several have the same database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.config import Settings
from transcriber.ids import new_id
from transcriber.session.places import Here, Places, Shared
from transcriber.session.relay import Relay
from transcriber.session.shares import Instance
from transcriber.store import Store

__all__ = ["instances", "places"]


def places(settings: Settings, store: Store) -> Places:
    """Choose who says which rooms are ours: a file is nobody else's, a database may be shared."""
    if settings.store.url.startswith("sqlite"):
        return Here()
    return Shared(store, Instance(new_id("ins"), most=settings.session.rooms))


@asynccontextmanager
async def instances(house: House) -> AsyncIterator[Face]:
    """Say that we live, and carry events between all instances."""
    if not isinstance(house.places, Shared):
        yield Face()
        return
    relay = Relay(house.store, house.bus, house.world, me=house.places.me.id)
    async with asyncio.TaskGroup() as tasks:
        living = tasks.create_task(house.places.run(), name="places")
        carrying = tasks.create_task(relay.run(), name="relay")
        try:
            yield Face()
        finally:
            living.cancel()
            carrying.cancel()
