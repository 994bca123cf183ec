"""A dialog that is running while a test talks with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dialogs.machine import Event, Machine
from dialogs.runner import Limits, Runner
from dialogs.schema import parse
from dialogs.stage import Stage


@dataclass
class Talk:
    stage: Stage
    machine: Machine
    runner: Runner
    running: asyncio.Task[str]

    async def say(self, text: str) -> None:
        self.runner.voice_detected()
        self.runner.post(Event("speech", {"text": text}))
        await asyncio.sleep(0.01)

    async def press(self, digits: str) -> None:
        for digit in digits:
            self.runner.post(Event("dtmf", {"digit": digit}))
        await asyncio.sleep(0.01)

    def seen(self, name: str) -> list[dict[str, object]]:
        return [dict(data) for event, data in self.stage.events if event == name]


@asynccontextmanager
async def talking(
    flow: str,
    stage: Stage | None = None,
    *,
    machine: Machine | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Talk]:
    stage = stage or Stage()
    machine = machine or Machine(parse(flow), "s1")
    runner = Runner(machine, stage.ports, limits=limits)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.01)
    try:
        yield Talk(stage, machine, runner, running)
    finally:
        runner.close()
        await asyncio.wait([running])


def states(text: str) -> str:
    return f"initial_state: a\nstates:\n{text}"
