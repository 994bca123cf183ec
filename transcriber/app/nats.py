"""The part that carries events to NATS, if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.errors import Misconfigured
from transcriber.events import Event
from transcriber.telemetry import METRICS

__all__ = ["nats"]

LAST = 5.0
"""Seconds that what waits gets to reach NATS when the service ends."""


@asynccontextmanager
async def nats(house: House) -> AsyncIterator[Face]:
    """Publish every event of this instance."""
    options = house.settings.nats
    url = options.url.get_secret_value()
    if not url:
        yield Face()
        return
    try:
        from transcriber.bus.nats import Nats
    except ImportError as missing:
        raise Misconfigured(
            "NATS_URL", "nats-py is not installed", remedy="install transcriber[nats]"
        ) from missing
    lost = METRICS.nats_lost.inc
    bridge = Nats(url, stream=options.stream, subject=options.subject, lost=lost)
    silence = house.bus.subscribe(Event, bridge.take)
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(bridge.run(), name="nats")
        try:
            yield Face()
        finally:
            silence()
            bridge.close()
            await asyncio.wait([publishing], timeout=LAST)
            publishing.cancel()
