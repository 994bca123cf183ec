"""
The conversation on a real connection.

    async with Client(url, Signaling(room, credentials)) as hpb:
        async for event in hpb:
            ...
            await hpb.send(request_offer(session_id))

A client owns one task, which connects, reads, writes and, after each loss, pauses and connects
again; whoever iterates sees `Offline` and then `Joined`. The iteration ends by raising: `Refused`,
or `LockedOut` or `Lost` when there is no patience left. Leaving the block says goodbye, so that
nobody sees a ghost of us in the room.

Events wait in an inbox; when it is full, reading waits too, because an event that is lost would
leave a wrong picture of the room. Who takes nothing for `pulse.SILENCE` seconds loses the
connection, as he would for the server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from types import TracebackType

import structlog

from hpb.errors import Congested, HpbError, Lost
from hpb.events import Event, Joined, Offline
from hpb.protocol import Signaling, State
from hpb.requests import Request
from hpb.retry import Retry
from hpb.wire import Dial, Wire, dialer

__all__ = ["Client"]

log = structlog.get_logger(__name__)

INBOX = 1000
"""Events that may wait for the consumer."""

PATIENCE = 10.0
"""Seconds that `send` waits for room in the outbox."""

GOODBYE = 2.0
"""Seconds for the server to answer when we leave."""


class Client:
    """A conversation that survives the loss of its connection."""

    def __init__(
        self,
        url: str,
        signaling: Signaling,
        *,
        retry: Retry | None = None,
        tls: ssl.SSLContext | bool = True,
        dial: Dial | None = None,
    ) -> None:
        self._signaling = signaling
        self._retry = retry or Retry()
        self._dial = dial or dialer(url, tls=tls)
        self._clock = asyncio.get_running_loop().time
        self._inbox = _Inbox()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._problem: HpbError | None = None
        self._tasks = asyncio.TaskGroup()
        self._log = log.bind(room=signaling.room)

    @property
    def session_id(self) -> str:
        """Our session; empty before the first one, and the last one while we are offline."""
        return self._signaling.session_id

    @property
    def features(self) -> frozenset[str]:
        """What the server can do; `mcu` is missing while it has no connection to Janus."""
        return self._signaling.about.features

    @property
    def version(self) -> str:
        """The server's version."""
        return self._signaling.about.version

    @property
    def joined(self) -> bool:
        """Whether we are in the room right now."""
        return self._signaling.state is State.JOINED

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return len(self._signaling.outbox)

    async def __aenter__(self) -> Client:
        await self._tasks.__aenter__()
        self._task = self._tasks.create_task(self._run(), name=f"hpb {self._signaling.room}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inbox.close()
        self._signaling.bye(self._clock())
        self._wake.set()
        try:
            if self._signaling.state is State.LEAVING:
                await asyncio.wait({self._task}, timeout=GOODBYE)
        finally:
            self._task.cancel()
            # What happened in the block is not the group's business: it would wrap it.
            await self._tasks.__aexit__(None, None, None)

    def __aiter__(self) -> Client:
        return self

    async def __anext__(self) -> Event:
        if event := await self._inbox.take():
            return event
        raise self._problem or StopAsyncIteration

    async def send(self, request: Request) -> str:
        """
        Send as soon as possible; returns the id that a `Failed` about it will carry.

        Waits while the outbox is full. Without a connection messages wait in it; when the session
        is lost too, each of them comes back as `Failed` with `session_lost`. Raises `Congested`,
        `TooBig`, or `Lost` when the conversation is over.
        """
        outbox = self._signaling.outbox
        try:
            async with asyncio.timeout(PATIENCE):
                while outbox.full and not self._inbox.closed:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            raise Congested(f"{len(outbox)} messages wait") from None
        if self._inbox.closed:
            raise self._problem or Lost("the conversation is over")
        id_ = outbox.add(request)
        self._wake.set()
        return id_

    def set_in_call(self, flags: int) -> None:
        """Change our in-call flags, now and for every later session."""
        self._signaling.set_in_call(flags)
        self._wake.set()

    async def _run(self) -> None:
        try:
            while self._signaling.state is not State.OVER:
                await self._stay()
        except HpbError as problem:
            self._problem = problem
            self._log.warning("signaling gave up", reason=str(problem), kind=type(problem).__name__)
        finally:
            self._inbox.close()
            self._room.set()

    async def _stay(self) -> None:
        try:
            await self._converse()
        except HpbError as problem:
            lost = self._signaling.disconnected(str(problem))
            if self._signaling.state is State.OVER:
                return
            # The connection cannot know whether we were greeting, the conversation can.
            reason = lost if type(problem) is Lost else problem
            pause = self._retry.pause(reason, self._clock())
            if pause is None:
                raise reason from problem
            self._log.info("signaling lost", reason=str(reason), pause=round(pause, 1))
            await self._inbox.put(Offline(str(reason), pause))
            await asyncio.sleep(pause)

    async def _converse(self) -> None:
        problems: tuple[HpbError | BaseExceptionGroup[HpbError], ...] = ()
        async with self._dial() as wire:
            self._signaling.connected(self._clock())
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._read(wire))
                    both.create_task(self._write(wire))
            except* HpbError as group:
                problems = group.exceptions
        for problem in sorted(problems, key=lambda problem: isinstance(problem, Lost)):
            raise problem

    async def _read(self, wire: Wire) -> None:
        while self._signaling.state is not State.OVER:
            frame = await wire.receive()
            if not frame:
                self._signaling.pulse.heard(self._clock())
                continue
            for event in self._signaling.received(frame, self._clock()):
                if isinstance(event, Joined):
                    self._retry.joined(self._clock())
                    self._log.info("signaling joined", resumed=event.resumed, version=self.version)
                await self._inbox.put(event)
            self._wake.set()

    async def _write(self, wire: Wire) -> None:
        signaling = self._signaling
        while signaling.state is not State.OVER:
            if signaling.tick(self._clock()):
                await wire.ping()
            for frame in signaling.outgoing(self._clock()):
                await wire.send(frame)
            self._room.set()
            await self._until(signaling.deadline)

    async def _until(self, moment: float) -> None:
        try:
            async with asyncio.timeout_at(moment):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()


class _Inbox:
    """Events on their way to the consumer; who puts one in waits while there are too many."""

    def __init__(self) -> None:
        self.closed = False
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    async def put(self, event: Event) -> None:
        while len(self._events) >= INBOX and not self.closed:
            self._taken.clear()
            await self._taken.wait()
        if not self.closed:
            self._events.append(event)
            self._filled.set()

    def close(self) -> None:
        """Let the consumer have what is here, and nothing more."""
        self.closed = True
        self._filled.set()
        self._taken.set()

    async def take(self) -> Event | None:
        """Return the next event; None when there will be no more."""
        while not self._events and not self.closed:
            self._filled.clear()
            await self._filled.wait()
        self._taken.set()
        return self._events.popleft() if self._events else None
