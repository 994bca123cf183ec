"""
A process per core: rooms are spread over workers, and each room lives on one of them.

One event loop is one core; media, decoding and recognition of a room want one for themselves. So
the parent keeps HTTP and the stores, and children of the same program keep the rooms. They talk
over a socket that is the child's standard input, one JSON object a line. The parent's list of rooms
is what counts: a worker that dies, hangs or cannot follow is started again, and its rooms go to the
others at once, if those have the time; if not they wait, and the new process is told all of them.
They rejoin; that is also why no message needs to be kept for it. A room whose worker dies again
stays there, so that one that kills workers does not kill them all. A worker that has become too big
gets no more rooms, and is replaced when it has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from transcriber import aio
from transcriber.session.attendant import DRAIN, Rooms
from transcriber.session.crew import Ended, Make
from transcriber.session.loads import Load, lightest, spare
from transcriber.session.wishes import Wish

__all__ = ["LINE", "Message", "Workers"]

READY = 60.0
"""Seconds a worker may take to start: models are loaded meanwhile."""
SILENCE = 20.0
"""Seconds without a sign of life after which a worker hangs."""
MARGIN = 5.0
"""Seconds that a worker has to end, beyond what its rooms' last words may take."""
DYING = 1.0
"""Seconds for a process to be gone that has said its last."""
ORDERS = 10_000
"""Messages waiting for one worker; one that is this far behind is started again."""
SUSPECT = 60.0
"""Seconds for which a room that has lost a worker stays with the next one, should that die too."""
LINE = 4 << 20
"""Bytes of the longest message."""

Message = dict[str, Any]
log = structlog.get_logger(__name__)


class Failed(Exception):
    """A worker died, hung or could not follow; starting it again helps."""


class Replaced(Failed):
    """A worker had become too big and had no rooms."""


class Workers:
    """
    Starts workers, keeps them alive, and gives rooms to them.

    `run` is the lifetime of all processes, `command` their program, to which the path of the socket
    is added on which it answers requests. `on_event` gets what happens in them, `on_report` what
    they say with each sign of life: by worker, and nothing when it has died.
    """

    front = True

    def __init__(
        self,
        count: int,
        command: Sequence[str],
        *,
        on_event: Callable[[Message], object],
        on_report: Callable[[int, Message | None], object] = lambda place, report: None,
        most_memory: float = float("inf"),
        drain: float = DRAIN,
    ) -> None:
        """A worker with more than `most_memory` bytes is replaced."""
        self._folder = tempfile.TemporaryDirectory(prefix="workers")
        self._over, self._gone = asyncio.Event(), asyncio.Event()
        self._ended: dict[str, Ended] = {}
        self._places: dict[str, _Worker] = {}
        self._moved: dict[str, float] = {}
        """When each room has lost its worker, of those that have."""
        self._workers = [
            _Worker(place, [*command, self._socket(place)], self, most_memory, drain)
            for place in range(count)
        ]
        self.on_event, self.on_report = on_event, on_report

    def _socket(self, place: int) -> str:
        return str(Path(self._folder.name) / str(place))

    async def run(self) -> None:
        """Keep all workers running until closed; then they leave their rooms and end."""
        try:
            with self._folder:
                async with asyncio.TaskGroup() as group:
                    for worker in self._workers:
                        group.create_task(worker.run(self._over), name=f"worker {worker.place}")
        finally:
            self._gone.set()

    def close(self) -> None:
        """Have all rooms left after the last words; `run` returns."""
        self._over.set()
        for worker in self._workers:
            worker.finish()

    async def last_words(self) -> None:
        """Have all rooms left, and wait until the workers have ended."""
        self.close()
        await self._gone.wait()

    @asynccontextmanager
    async def attend(self, kind: str, make: Make, ended: Ended) -> AsyncIterator[Rooms]:
        """Have rooms of a kind attended by the workers, who know how."""
        self._ended[kind] = ended
        try:
            yield _Kind(self, kind)
        finally:
            del self._ended[kind]

    def start(self, room: str, wish: Message | None = None) -> None:
        """Have a room attended, by the worker that has it or by the one with the least to do."""
        worker = self._place(room)
        worker.rooms[room] = wish or {}
        worker.order({"do": "start", "room": room, "wish": wish or {}})

    def stop(self, room: str) -> None:
        """Have a room left; a room that nobody attends is left already."""
        if worker := self._forget(room):
            worker.order({"do": "stop", "room": room})

    def rescue(self, worker: _Worker) -> None:
        """Give the rooms of a worker that has died to the others, if they have the time."""
        now = asyncio.get_running_loop().time()
        others = [one.load for one in self._workers if one is not worker]
        if self._over.is_set() or not spare(worker.lost, others):
            return
        for room, wish in tuple(worker.rooms.items()):
            if now >= self._moved.get(room, -SUSPECT) + SUSPECT:
                self._forget(room)
                self._moved[room] = now
                self._place(room)
                if wish:
                    self.start(room, wish)

    def _forget(self, room: str) -> _Worker | None:
        """Forget who has a room; returns who had it."""
        self._moved.pop(room, None)
        if worker := self._places.pop(room, None):
            del worker.rooms[room]
        return worker

    def where(self, room: str) -> Path | None:
        """Return the socket of the worker that answers for a room, from now on if nobody did."""
        return Path(self._socket(self._place(room).place))

    def only(self, kind: str, rooms: Collection[str]) -> None:
        """Forget which worker answers for rooms of a kind that are no more."""
        wanted = {f"{kind}/{room}" for room in rooms}
        for room in [one for one in self._places if one.startswith(f"{kind}/")]:
            if room not in wanted:
                self._forget(room)

    def _place(self, room: str) -> _Worker:
        if room not in self._places:
            place = lightest([worker.load for worker in self._workers])
            self._places[room] = worker = self._workers[place]
            worker.rooms[room] = {}
            worker.load = worker.load.with_another()
        return self._places[room]

    def place(self, room: str) -> int | None:
        """Return the number of the worker that attends a room."""
        worker = self._places.get(room)
        return None if worker is None else worker.place

    def ended(self, room: str) -> None:
        """A worker has left a room because it is over."""
        self._forget(room)
        kind, _, name = room.partition("/")
        if ended := self._ended.get(kind):
            ended(name)

    def unready(self) -> str:
        """Say that no worker takes rooms right now, or nothing."""
        if any(worker.load.open for worker in self._workers):
            return ""
        return "no worker is ready yet"

    @property
    def processes(self) -> list[int | None]:
        """The process of each worker, `None` for one that is just being started."""
        return [worker.process for worker in self._workers]


class _Kind:
    """The rooms of one kind, as whoever wants them attended sees them."""

    def __init__(self, workers: Workers, kind: str) -> None:
        self._workers, self._kind = workers, kind

    def start(self, room: str, wish: Wish) -> None:
        """Have a room attended."""
        self._workers.start(f"{self._kind}/{room}", wish.value)

    def stop(self, room: str) -> None:
        """Have a room left."""
        self._workers.stop(f"{self._kind}/{room}")


class _Worker:
    """One child process, again and again."""

    def __init__(
        self, place: int, command: Sequence[str], crew: Workers, most_memory: float, drain: float
    ) -> None:
        self.place = place
        self.rooms: dict[str, Message] = {}
        self.process: int | None = None
        self.load = self.lost = Load(open=False)
        """How busy it is; and how busy it was before it died."""
        self._command, self._crew = command, crew
        self._most_memory, self._leaving = most_memory, drain + MARGIN
        self._orders: aio.Backlog[Message] = aio.Backlog(ORDERS)
        self._log = log.bind(worker=place)

    def order(self, message: Message) -> None:
        """Send a message to the process, if there is one; a new one is told all rooms anyway."""
        if self.process is not None:
            self._orders.push(message)

    def finish(self) -> None:
        """Send nothing more: the process then leaves its rooms and ends."""
        self._orders.close()

    async def run(self, over: asyncio.Event) -> None:
        await aio.supervise(lambda: self._live(over), failed=self._failed, over=over)

    def _failed(self, error: Exception) -> bool:
        if isinstance(error, Replaced):
            self._log.info("worker is replaced", reason=str(error))
        else:
            self._log.error("worker failed", reason=str(error), rooms=len(self.rooms))
            self._crew.rescue(self)
        return isinstance(error, Failed | OSError | TimeoutError)

    async def _live(self, over: asyncio.Event) -> None:
        async with _process(self._command) as (process, reader, writer):
            async with asyncio.timeout(READY):
                while "ready" not in await _read(reader):
                    pass  # it lives, and loads its models
            self._orders = aio.Backlog(ORDERS)
            self.process, self.load = process.pid, Load(fresh=len(self.rooms))
            try:
                for room, wish in self.rooms.items():
                    if wish:
                        self.order({"do": "start", "room": room, "wish": wish})
                if over.is_set():
                    self.finish()
                await self._talk(reader, writer)
            finally:
                self.process, self.lost = None, self.load
                self.load = Load(fresh=len(self.rooms), open=False)
                self._crew.on_report(self.place, None)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give orders and take in what comes, to its very end if the process dies meanwhile."""
        sending = asyncio.create_task(self._send(writer, self._orders))
        try:
            while True:
                async with asyncio.timeout(SILENCE):
                    self._take(await _read(reader))
        except Failed:
            if not self._orders.closed:
                raise
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def _send(self, writer: asyncio.StreamWriter, orders: aio.Backlog[Message]) -> None:
        """Pass on orders; when there will be no more, wait for its end, but not for ever."""
        with contextlib.suppress(OSError):  # it is dead, which is noticed by who listens to it
            async for message in orders:
                if orders.dropped:
                    self._log.error("worker does not follow")
                    break
                writer.write(json.dumps(message).encode() + b"\n")
                await writer.drain()
            else:
                writer.write_eof()
                await asyncio.sleep(self._leaving)
        writer.close()

    def _take(self, message: Message) -> None:
        match message:
            case {"event": dict(event)}:
                self._crew.on_event(event)
            case {"ended": str(room)}:
                self._crew.ended(room)
            case {"load": {"cores": float(cores), "memory": int(memory)}, "report": dict(report)}:
                self._loaded(Load(cores, memory))
                self._crew.on_report(self.place, report)

    def _loaded(self, load: Load) -> None:
        if load.memory <= self._most_memory:
            self.load = load
        elif self.rooms:
            self.load = replace(load, open=False)
        else:
            raise Replaced(f"it had {load.memory / 2**20:.0f} MB")


Ends = tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _process(command: Sequence[str]) -> AsyncIterator[Ends]:
    """Run a worker; at the end it is gone."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
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
            # Not asyncio.timeout: before Python 3.11.5 it raises no TimeoutError while cancelled.
            await asyncio.wait_for(process.wait(), DYING)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _read(reader: asyncio.StreamReader) -> Message:
    try:
        message = json.loads(await reader.readuntil(b"\n"))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError) as error:
        raise Failed("it ended or says what is no message") from error
    if not isinstance(message, dict):
        raise Failed("it says what is no message")
    return message
