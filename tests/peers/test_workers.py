"""Rooms on several processes: each on one, and back again when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.peers.rtc import until
from transcriber.session import workers
from transcriber.session.workers import Workers

COMMAND = (sys.executable, "-m", "tests.peers.worker")


class Told:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def started(self, room: str) -> list[int]:
        return [event["process"] for event in self.events if event.get("started") == room]


@asynccontextmanager
async def running(count: int, told: Callable[[dict[str, Any]], None]) -> AsyncIterator[Workers]:
    crew = Workers(count, COMMAND, on_event=told)
    task = asyncio.create_task(crew.run())
    await until(lambda: all(crew.processes), "workers")
    try:
        yield crew
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_rooms_are_spread_and_each_lives_on_one_worker() -> None:
    told = Told()
    async with running(2, told) as crew:
        for number in range(4):
            crew.start(f"room{number}", {"language": "en"})
        crew.start("room0", {"language": "de"})
        await until(lambda: len(told.events) == 5, "rooms")
        assert sorted(crew.place(f"room{number}") or 0 for number in range(4)) == [0, 0, 1, 1]
        assert len(set(told.started("room0"))) == 1
        crew.stop("room0")
        crew.stop("room0")
        await until(lambda: told.events[-1].get("stopped") == "room0", "the end of a room")
        assert crew.place("room0") is None
        processes = crew.processes
    for process in processes:
        assert process is not None
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


async def test_a_worker_that_dies_comes_back_with_its_rooms_and_the_others_stay() -> None:
    told = Told()
    async with running(2, told) as crew:
        crew.start("a", {})
        crew.start("b", {})
        await until(lambda: len(told.events) == 2, "rooms")
        (victim,) = told.started("a")
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(told.started("a")) == 2, "the room again")
        assert told.started("a")[1] != victim
        assert len(told.started("b")) == 1


async def test_a_worker_that_hangs_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SILENCE", 1.0)
    monkeypatch.setattr(workers, "LEAVING", 0.2)
    told = Told()
    crew = Workers(1, COMMAND, on_event=told)
    task = asyncio.create_task(crew.run())
    await until(lambda: all(crew.processes), "workers")
    first = crew.processes
    crew.start("hang", {})
    await until(lambda: crew.processes not in (first, [None]), "another worker")
    crew.stop("hang")
    task.cancel()
    await asyncio.wait([task])


async def test_a_program_that_is_no_worker_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "READY", 0.3)
    crew = Workers(1, [sys.executable, "-c", "pass"], on_event=print)
    task = asyncio.create_task(crew.run())
    await asyncio.sleep(0.5)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
