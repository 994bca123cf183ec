"""
The stream of events, for consoles and programs.

Both ways carry the same: what happened after the event the listener names, then what happens. Each
listener has a bounded backlog; one that does not follow is told so and let go, and comes back with
the id of the last event it got.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import WSMsgType, web

from transcriber import aio
from transcriber.bus.memory import Bus
from transcriber.events import Event
from transcriber.telemetry import METRICS
from transcriber.web.events.memory import LATELY, Memory
from transcriber.web.events.wanted import Wanted
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, query, token
from transcriber.web.sse import streaming

__all__ = ["Live", "Memory"]

BEHIND = 1_000
"""Events that wait for a listener before it counts as too slow."""
LISTENERS = 200
"""At a time."""
QUIET = 15.0
"""Seconds after which a sign of life is sent."""
PATIENCE = 20.0
"""Seconds a listener may take to accept one event."""
PROTOCOL = "transcriber.v1"
"""What a WebSocket speaks; browsers offer it beside their token (`bearer.TOKEN`)."""
READ = token("events:read")
SLOW = {"type": "error", "code": "slow-consumer", "message": "you do not follow; come back"}


class Live:
    """Tells listeners what happens."""

    def __init__(self, bus: Bus, memory: Memory) -> None:
        self._bus = bus
        self._memory = memory
        self._listening = 0

    def routes(self) -> list[Route]:
        """Where to listen."""
        return [
            Route(
                "GET", "/api/v1/events", self._stream, READ, "What happens, as it happens",
                query=Wanted, answers="text/event-stream",
            ),
            Route(
                "GET", "/api/v1/events/ws", self._socket, READ, "The same over a WebSocket",
                query=Wanted, status=101, answers="",
            ),
        ]  # fmt: skip

    async def events(self, wanted: Wanted) -> AsyncGenerator[Event | None, None]:
        """Yield what a listener wants, nothing after a quiet while; ends when it is too slow."""
        backlog: aio.Backlog[Event] = aio.Backlog(BEHIND)
        silence = self._bus.subscribe(Event, backlog.push)
        self._listening += 1
        METRICS.listeners.set(self._listening)
        try:
            told: deque[str] = deque(maxlen=BEHIND + LATELY)
            if wanted.after:
                async for event in self._memory.since(wanted.after):
                    told.append(event.id)
                    if wanted.covers(event):
                        yield event
            seen = frozenset(told)
            while not backlog.dropped:
                live = await _next(backlog)
                if live is None or (live.id not in seen and wanted.covers(live)):
                    yield live
        finally:
            silence()
            self._listening -= 1
            METRICS.listeners.set(self._listening)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wanted = query(request, Wanted)
        if last := request.headers.get("Last-Event-ID", ""):
            wanted = Wanted.model_validate(wanted.model_dump() | {"after": last})
        self._admit()
        async with streaming(request) as stream:
            await stream.live()
            async with aclosing(self.events(wanted)) as events:
                async for event in events:
                    if event is None:
                        await stream.live()
                    else:
                        await stream.pass_on(event.type, event.model_dump_json(), id_=event.id)
            await stream.send("error", SLOW)
        return stream.response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._admit()
        socket = web.WebSocketResponse(heartbeat=QUIET, protocols=(PROTOCOL,), max_msg_size=4096)
        await socket.prepare(request)
        await socket.send_json({"type": "ready"})
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._tell(socket, query(request, Wanted)))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    wrong = {"type": "error", "code": "unknown", "message": "nothing can be asked"}
                    await socket.send_json(wrong)
            telling.cancel()
        return socket

    async def _tell(self, socket: web.WebSocketResponse, wanted: Wanted) -> None:
        try:
            async with aclosing(self.events(wanted)) as events:
                async for event in events:
                    if event is not None:
                        async with asyncio.timeout(PATIENCE):
                            await socket.send_str(
                                f'{{"type":"event","event":{event.model_dump_json()}}}'
                            )
            await socket.send_json(SLOW)
        except (ConnectionError, TimeoutError):
            pass  # the listener has gone, or is stuck
        await socket.close(code=1008, message=b"slow consumer")

    def _admit(self) -> None:
        if self._listening >= LISTENERS:
            raise ProblemError(
                503, "too-many-listeners", f"{LISTENERS} listen already", retry_after=30
            )


async def _next(backlog: aio.Backlog[Event]) -> Event | None:
    """Take the next event; nothing if none came for a while."""
    try:
        async with asyncio.timeout(QUIET):
            async for event in backlog:
                return event
    except TimeoutError:
        pass
    return None
