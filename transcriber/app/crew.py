"""The processes that attend rooms, and the part that keeps them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from transcriber.app.house import Face, House
from transcriber.app.recognisers import Engine, Recognisers, list_engines
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.engines.stt.health import State
from transcriber.events import EVENT_TYPES
from transcriber.session.crew import Alone, Crew
from transcriber.session.workers import Workers
from transcriber.telemetry import METRICS
from transcriber.web.gathered import Gathered, counts

__all__ = ["Reports", "crew", "report", "workers"]

COMMAND = (sys.executable, "-m", "transcriber.cli.worker")
"""The program of a worker."""


def report(ears: Recognisers) -> dict[str, Any]:
    """What a worker says of itself, for `Reports`."""
    states = [asdict(state) for state in ears.states()]
    return {"counts": counts(METRICS.registry), "engines": states}


class Reports:
    """What this process and its workers have counted, and how their engines are."""

    def __init__(self, settings: Settings, ears: Recognisers) -> None:
        self.counts = Gathered(METRICS.registry)
        self._settings, self._ears = settings, ears
        self._engines: dict[int, list[State]] = {}

    def take(self, worker: int, told: dict[str, Any] | None) -> None:
        """Take in what a worker says; nothing when it has died."""
        METRICS.worker_ends.inc(told is None)
        self.counts.take(worker, told and told["counts"])
        self._engines[worker] = [State(**state) for state in told["engines"]] if told else []

    def engines(self) -> Sequence[Engine]:
        """Return every engine, as it is where it is worst off."""
        states = [*self._ears.states(), *(one for some in self._engines.values() for one in some)]
        best_first = sorted(states, key=lambda state: (not state.up, state.retry_in))
        return list_engines(self._settings, {state.engine: state for state in best_first})


def crew(settings: Settings, bus: Bus, reports: Reports) -> Crew:
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
        on_report=reports.take,
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
