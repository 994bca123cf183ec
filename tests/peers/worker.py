"""A worker for the tests: tells what it is asked to do, and misbehaves when a room says so."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Any

from transcriber.aio import Backlog
from transcriber.session.workers import serve


class Telling:
    def __init__(self, events: Backlog[dict[str, Any]]) -> None:
        self._events = events

    async def start(self, room: str, wish: Mapping[str, Any]) -> None:
        if room == "hang":
            time.sleep(60)  # noqa: ASYNC251 - a worker whose loop is stuck
        self._events.push({"started": room, "wish": dict(wish), "process": os.getpid()})

    async def stop(self, room: str) -> None:
        self._events.push({"stopped": room, "process": os.getpid()})


async def main() -> None:
    events: Backlog[dict[str, Any]] = Backlog(100)
    await serve(Telling(events), events, beat=0.1)


if __name__ == "__main__":
    asyncio.run(main())
