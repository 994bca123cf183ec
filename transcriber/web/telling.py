"""
WebSockets over which we tell a client things.

What we tell waits in a bounded outbox, and whoever does not read it is let go. The last message is
always `closed`, with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSCloseCode, web
from pydantic import ValidationError

from transcriber import aio
from transcriber.web.server import STOPPING

__all__ = ["Outbox", "Over", "telling", "wrong"]

PING = 15.0
"""Seconds between two pings; without an answer to one the connection is cut."""
SENDING = 10.0
"""Seconds one message may take to be taken off us."""

Outbox = aio.Backlog[dict[str, Any] | bytes]


class Over(Exception):
    """The conversation is over, for a reason that the client learns."""


@contextlib.asynccontextmanager
async def telling(
    request: web.Request, *, most: int, largest: int
) -> AsyncIterator[tuple[web.WebSocketResponse, Outbox]]:
    """Hold a conversation; at `most` so many messages wait, theirs have at most `largest` bytes."""
    socket = web.WebSocketResponse(heartbeat=PING, max_msg_size=largest)
    await socket.prepare(request)
    outbox: Outbox = aio.Backlog(most)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_write(socket, outbox), name=f"tell {request.path}")
        leaving = tasks.create_task(_leave(socket, outbox, telling, request.app[STOPPING]))
        try:
            yield socket, outbox
        except Over as over:
            outbox.push({"type": "closed", "reason": str(over)})
        finally:
            leaving.cancel()
            outbox.close()


def wrong(error: ValidationError) -> str:
    """Say what is wrong with a message."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


async def _leave(
    socket: web.WebSocketResponse, outbox: Outbox, telling: asyncio.Task[None], over: asyncio.Event
) -> None:
    """Go when the server stops, once all that waits is told; the client may come back."""
    await over.wait()
    outbox.close()
    await asyncio.wait([telling])
    await socket.close(code=WSCloseCode.GOING_AWAY)


async def _write(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    """Send what waits; whoever lets too much of it wait is let go."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async for message in outbox:
            if outbox.dropped:
                message = {"type": "closed", "reason": "slow_consumer"}
            async with asyncio.timeout(SENDING):
                if isinstance(message, bytes):
                    await socket.send_bytes(message)
                    continue
                await socket.send_json(message)
                if message["type"] == "closed":
                    await socket.close(message=str(message["reason"]).encode())
                    return
