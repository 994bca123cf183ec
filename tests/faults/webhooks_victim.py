"""
The process that gets killed: a store and a worker that take events from standard input.

Each line is a message as JSON; once it is kept, its id goes to standard output.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import structlog

from webhooks import Message, Worker, open_store
from webhooks.breaker import BreakerRules
from webhooks.courier import Rules
from webhooks.errors import StoreError
from webhooks.guard import guarded_session
from webhooks.schedule import Schedule
from webhooks.sender import http_post
from webhooks.store import Store
from webhooks.worker import Options

GROUP = 200
"""Events added together at most."""
OPTIONS = Options(
    rules=Rules(
        schedule=Schedule(delays=(0.2, 0.4, 0.8, 1, 1), jitter=0.2, relief=0.2),
        breaker=BreakerRules(threshold=8, reset=0.5),
        in_flight=32,
    ),
    lease=1.0,
    poll=0.1,
)
"""The rules of the product with its hours made seconds."""
PATIENCE = 5.0
"""Seconds the receiver gets: well over what it needs when it means to answer."""


async def take(store: Store, lines: asyncio.StreamReader) -> None:
    """Keep what comes in, and say so."""
    while True:
        group = [await lines.readline()]
        while len(group) < GROUP and b"\n" in lines._buffer:  # type: ignore[attr-defined]
            group.append(await lines.readline())
        if not group[-1]:
            return
        messages = [message(line) for line in group]
        while True:
            try:
                await store.add(*messages, now=time.time())
                break
            except StoreError:
                await asyncio.sleep(0.1)
        sys.stdout.write("".join(f"{m.id}\n" for m in messages))
        sys.stdout.flush()


def message(line: bytes) -> Message:
    event = json.loads(line)
    return Message(
        event["id"], event["type"], line.strip(), channel=event["room"], key=event["session"]
    )


async def main(url: str) -> None:
    lines = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with open_store(url) as store, guarded_session(allowed=["127.0.0.0/8"]) as session:
        worker = Worker(store, http_post(session, limit=PATIENCE, kept=500), options=OPTIONS)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            await take(store, lines)
            await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1]))
