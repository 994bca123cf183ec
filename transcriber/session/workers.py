"""
A process per core: rooms are spread over workers, and each room lives on one of them.

One event loop is one core; media, decoding and recognition of a room want one for themselves. So
the parent keeps HTTP and the stores, and children of the same program keep the rooms. They talk
over a pair of sockets, one JSON object a line. The parent's list of rooms is what counts: a worker
that dies, hangs or cannot follow is started again and told all its rooms, which then rejoin; that
is also why no message needs to be kept for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from transcriber import aio

__all__ = ["ENVIRONMENT", "Rooms", "Workers", "serve"]

ENVIRONMENT = "TRANSCRIBER_WORKER_SOCKET"
"""Names the descriptor of a worker's end, in the worker's environment."""
READY = 30.0
"""Seconds a worker may take to start: models are loaded meanwhile."""
BEAT = 5.0
"""Seconds between two signs of life."""
SILENCE = 20.0
"""Seconds without a sign of life after which a worker hangs."""
LEAVING = 10.0
"""Seconds a worker has to leave its rooms when it is told to end."""
ORDERS = 10_000
"""Messages waiting for one worker; one that is this far behind is started again."""
LINE = 1 << 20
"""Bytes of the longest message."""

Message = dict[str, Any]
log = structlog.get_logger(__name__)


class Failed(Exception):
    """A worker died, hung or could not follow; starting it again helps."""


class Rooms(Protocol):
    """What a worker does."""

    async def start(self, room: str, wish: Mapping[str, Any]) -> None:
        """Be in a room; called again for a room that is known, with what is wished now."""

    async def stop(self, room: str) -> None:
        """Leave a room."""


class Workers:
    """
    Starts workers, keeps them alive, and gives rooms to them.

    `run` is the lifetime of all processes. `on_event` gets what workers tell, in the parent.
    """

    def __init__(
        self, count: int, command: Sequence[str], *, on_event: Callable[[Message], None]
    ) -> None:
        self._workers = [_Worker(place, command, on_event) for place in range(count)]
        self._places: dict[str, _Worker] = {}

    async def run(self) -> None:
        """Keep all workers running until cancelled; then they leave their rooms and end."""
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run(), name=f"worker {worker.place}")

    def start(self, room: str, wish: Mapping[str, Any]) -> None:
        """Have a room attended, by the worker that has it or by the one with the fewest."""
        worker = self._places.get(room)
        if worker is None:
            worker = min(self._workers, key=lambda each: len(each.rooms))
            self._places[room] = worker
        worker.rooms[room] = dict(wish)
        worker.order({"do": "start", "room": room, "wish": dict(wish)})

    def stop(self, room: str) -> None:
        """Have a room left; a room that nobody attends is left already."""
        if worker := self._places.pop(room, None):
            del worker.rooms[room]
            worker.order({"do": "stop", "room": room})

    def place(self, room: str) -> int | None:
        """Return the number of the worker that attends a room."""
        worker = self._places.get(room)
        return None if worker is None else worker.place

    @property
    def processes(self) -> list[int | None]:
        """The process of each worker, `None` for one that is just being started."""
        return [worker.process for worker in self._workers]


class _Worker:
    """One child process, again and again."""

    def __init__(
        self, place: int, command: Sequence[str], on_event: Callable[[Message], None]
    ) -> None:
        self.place = place
        self.rooms: dict[str, Message] = {}
        self.process: int | None = None
        self._command, self._on_event = command, on_event
        self._orders: aio.Backlog[Message] = aio.Backlog(ORDERS)
        self._log = log.bind(worker=place)

    def order(self, message: Message) -> None:
        """Send a message to the process, if there is one; a new one is told all rooms anyway."""
        if self.process is not None:
            self._orders.push(message)

    async def run(self) -> None:
        await aio.supervise(self._live, failed=self._failed, over=asyncio.Event())

    def _failed(self, error: Exception) -> bool:
        self._log.error("worker failed", reason=str(error), rooms=len(self.rooms))
        return isinstance(error, Failed | OSError | TimeoutError)

    async def _live(self) -> None:
        async with _process(self._command) as (process, reader, writer):
            async with asyncio.timeout(READY):
                await _read(reader)
            self._orders = aio.Backlog(ORDERS)
            self.process = process.pid
            try:
                for room, wish in self.rooms.items():
                    self.order({"do": "start", "room": room, "wish": wish})
                await self._talk(reader, writer)
            finally:
                self.process = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(reader))
                group.create_task(self._send(writer, self._orders))
        except* (Failed, OSError, TimeoutError) as group:
            raise group.exceptions[0] from None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            async with asyncio.timeout(SILENCE):
                message = await _read(reader)
            if "event" in message:
                self._on_event(message["event"])

    async def _send(self, writer: asyncio.StreamWriter, orders: aio.Backlog[Message]) -> None:
        async for message in orders:
            if orders.dropped:
                raise Failed("it does not follow")
            writer.write(json.dumps(message).encode() + b"\n")
            async with asyncio.timeout(SILENCE):
                await writer.drain()


Ends = tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def _process(command: Sequence[str]) -> AsyncIterator[Ends]:
    """Run a worker; at the end it is asked to leave, then made to."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {**os.environ, ENVIRONMENT: str(theirs.fileno())}
        try:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, pass_fds=[theirs.fileno()], start_new_session=True
            )
        except OSError:
            ours.close()
            raise
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LINE)
    try:
        yield process, reader, writer
    finally:
        writer.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVING):
                    await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _read(reader: asyncio.StreamReader) -> Message:
    try:
        line = await reader.readuntil(b"\n")
        message = json.loads(line)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise Failed("it ended or says what is no message") from error
    if not isinstance(message, dict):
        raise Failed("it says what is no message")
    return message


async def serve(rooms: Rooms, events: aio.Backlog[Message], *, beat: float = BEAT) -> None:
    """
    Be a worker: do what the parent says and tell it `events`, until it wants no more.

    Returns when the parent closes its end or is gone; the rooms are then left by the caller, who
    made them.
    """
    sock = socket.socket(fileno=int(os.environ[ENVIRONMENT]))
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LINE)
    try:
        async with asyncio.TaskGroup() as group:
            tell = group.create_task(_tell(writer, events))
            beating = group.create_task(_beat(writer, beat))
            with contextlib.suppress(Failed, OSError):
                while True:
                    await _obey(rooms, await _read(reader))
            tell.cancel()
            beating.cancel()
    finally:
        writer.close()


async def _obey(rooms: Rooms, order: Message) -> None:
    match order:
        case {"do": "start", "room": str(room), "wish": dict(wish)}:
            await rooms.start(room, wish)
        case {"do": "stop", "room": str(room)}:
            await rooms.stop(room)


async def _tell(writer: asyncio.StreamWriter, events: aio.Backlog[Message]) -> None:
    with contextlib.suppress(OSError):
        async for event in events:
            writer.write(json.dumps({"event": event}).encode() + b"\n")
            await writer.drain()


async def _beat(writer: asyncio.StreamWriter, every: float) -> None:
    """Say that we are ready, and then that we live."""
    with contextlib.suppress(OSError):
        while True:
            writer.write(b"{}\n")
            await writer.drain()
            await asyncio.sleep(every)
