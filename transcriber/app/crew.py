"""The processes that attend rooms, and the part that keeps them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from transcriber.app.house import Face, House
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.events import EVENT_TYPES
from transcriber.session.crew import Alone, Crew
from transcriber.session.workers import Workers
from transcriber.web.gathered import Gathered

__all__ = ["crew", "workers"]

COMMAND = (sys.executable, "-m", "transcriber.cli.worker")
"""The program of a worker."""


def crew(settings: Settings, bus: Bus, gathered: Gathered) -> Crew:
    """Choose who attends rooms; what happens to workers is published on the bus."""
    limits = settings.session
    count = limits.count(settings.speech.engine)
    if not count:
        return Alone()

    def happened(event: dict[str, Any]) -> None:
        bus.publish(EVENT_TYPES[event["type"]].model_validate(event))

    return Workers(
        count,
        COMMAND,
        on_event=happened,
        on_counts=gathered.take,
        most_memory=limits.worker_memory_mb * 2**20,
        drain=limits.drain,
    )


@asynccontextmanager
async def workers(house: House) -> AsyncIterator[Face]:
    """Keep the workers, if there are any; at the end everybody's last words are waited for."""
    if not isinstance(house.crew, Workers):
        yield Face()
        return
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(house.crew.run(), name="workers")
        try:
            yield Face()
        finally:
            house.crew.close()
