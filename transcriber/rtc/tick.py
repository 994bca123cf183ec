"""
All media sockets, read together every few milliseconds.

A wake-up of the event loop for each packet costs more than everything else we do with it but the
decoding. So the media sockets are taken away from the loop and watched by a poll object of our
own, which the loop watches: the first packet after a pause wakes us at once, and while packets
keep coming, all sockets are drained now and then: each `PAUSE` where a packet has to go on at once,
else when somebody's block can be complete. Nothing runs while nothing comes.

First every socket is read, then what became complete is decoded: each of the two is too much for
a processor's caches to keep beside the other, and going to and fro costs more.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import select
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from transcriber.rtc.buffer import Buffer

__all__ = ["FAR", "OVERDUE", "PAUSE", "Reader", "Sink"]

PAUSE = 0.004
"""Seconds at least between two looks at the sockets: so much in-order audio is delayed by us."""
FAR = 0.02
"""Seconds at most between two looks while packets come."""
OVERDUE = 0.04
"""Seconds that we look out for what should be complete; then it may have fallen silent."""
PASSES = 8
"""Packets taken from one socket at a time, so that no one can keep the others waiting."""
BUDGET = 0.02
"""Seconds of work in one go, after which the event loop gets its turns."""
TURNS = 5
"""
Turns of the event loop between two looks, however late we are: as many as a word takes from its
recogniser to the socket of its readers, none of which has to wait for what others are saying.
"""

Address: TypeAlias = Any
Stamp: TypeAlias = Callable[[float], object]
"""Takes a time of day, in seconds since 1970."""
SO_TIMESTAMPNS = 35
"""Linux: have the kernel say when a packet arrived."""
_moment = struct.Struct("@ll")


class Sink(Protocol):
    """Takes what comes from one socket."""

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a media or media control packet, still encrypted."""

    def other(self, data: bytes, address: Address) -> None:
        """Take anything else."""


class Waiting(Protocol):
    """Holds packets that must not wait for ever."""

    def expire(self, now: float) -> None:
        """Let go of them when it is time."""


class Ready(Protocol):
    """Holds what is complete now."""

    @property
    def complete_at(self) -> float:
        """When it may be complete again."""

    def flush(self) -> None:
        """Decode it."""


class Reader:
    """Drains the sockets that are attached to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.buffer = Buffer()
        self.waiting: set[Any] = set()
        self.ready: list[Ready] = []
        """What is decoded after all sockets were read."""
        self.packets = self.ticks = 0
        self._loop = loop
        self._poll = select.epoll()
        self._entries: dict[int, tuple[Callable[..., Any], Sink, socket.socket]] = {}
        self._hurried: set[socket.socket] = set()
        self._due: list[tuple[float, int, Ready]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._watch()

    def attach(
        self, sock: socket.socket, sink: Sink, stamp: Stamp | None = None, *, patient: bool = False
    ) -> None:
        """
        Read a socket from now on; it must not block, and nobody else may read it.

        `stamp` is told when each packet arrived at the machine, just before the sink takes it.
        With `patient`, a packet is worth nothing before others make it complete.
        """
        if not patient:
            self._hurried.add(sock)
        receive = sock.recvfrom_into if stamp is None else _stamped(sock, stamp)
        self._entries[sock.fileno()] = (receive, sink, sock)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def detach(self, sock: socket.socket) -> None:
        """Read a socket no more; one that was closed meanwhile is forgotten."""
        self._hurried.discard(sock)
        for number, entry in list(self._entries.items()):
            if entry[2] is sock:
                del self._entries[number]
                if sock.fileno() == number:
                    self._poll.unregister(number)

    def wake(self) -> None:
        """Look soon, because packets wait for their turn."""
        if self._timer is None:
            self._loop.remove_reader(self._poll.fileno())
            self._timer = self._loop.call_later(PAUSE, self._tick)

    def play(self) -> None:
        """Decode what is ready."""
        ready, due = self.ready, self._due
        while ready:
            one = ready.pop()
            one.flush()
            heapq.heappush(due, (one.complete_at, next(self._numbers), one))
        horizon = self._loop.time() - OVERDUE
        while due and (due[0][0] != due[0][2].complete_at or due[0][0] < horizon):
            heapq.heappop(due)

    def close(self) -> None:
        """Stop reading; the sockets stay with their owners."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._poll.fileno())
        self._entries.clear()
        self._hurried.clear()
        self._due.clear()
        self.waiting.clear()
        self.ready.clear()
        self._poll.close()

    def _watch(self) -> None:
        self._timer = None
        self._loop.add_reader(self._poll.fileno(), self._ready)

    def _ready(self) -> None:
        self._loop.remove_reader(self._poll.fileno())
        self._tick()

    def _tick(self) -> None:
        now = self._loop.time()
        taken = 1
        try:
            taken = self._drain(now)
            self.ticks += 1
            self.packets += taken
            for holder in tuple(self.waiting):
                holder.expire(now)
            self.play()
        finally:  # whatever goes wrong for one must not make us deaf to everybody
            self._rest(now, taken)

    def _rest(self, now: float, taken: int) -> None:
        """Look again when it is worth it, or once something comes."""
        if self._poll.closed:
            return
        if not taken and not self.waiting and (self._hurried or not self._due):
            self._watch()
            return
        pause = PAUSE if self._hurried or self.waiting else FAR
        if self._due:
            pause = min(max(PAUSE, self._due[0][0] - now), pause)
        if self._loop.time() < now + pause:
            self._timer = self._loop.call_at(now + pause, self._tick)
        else:
            self._look_after(TURNS)

    def _look_after(self, turns: int) -> None:
        """Look again when everybody in the event loop had so many turns."""
        if turns:
            self._timer = self._loop.call_soon(self._look_after, turns - 1)
        else:
            self._tick()

    def _drain(self, began: float) -> int:
        """Read what is there, in turns; return how many packets that was."""
        buffer, entries, clock = self.buffer, self._entries, self._loop.time
        data, taken, now = buffer.data, 0, began
        for _ in range(PASSES):
            ready = self._poll.poll(0)
            for number, _mask in ready:
                if number not in entries:  # detached by what came just before
                    continue
                receive, sink, _sock = entries[number]
                try:
                    size, address = receive(data)
                except OSError:  # not there after all, or an ICMP error
                    continue
                if 127 < data[0] < 192:
                    sink.media(buffer, size, now)
                elif size:
                    sink.other(bytes(buffer.view[:size]), address)
            taken += len(ready)
            self.play()
            now = clock()
            if not ready or now - began > BUDGET:
                break
        return taken


def _stamped(sock: socket.socket, stamp: Stamp) -> Callable[[bytearray], tuple[int, Address]]:
    """Return what reads a socket and says when each packet arrived, however late we are."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    room = socket.CMSG_SPACE(_moment.size)

    def receive(data: bytearray) -> tuple[int, Address]:
        size, said, _flags, address = sock.recvmsg_into([data], room)
        if said:
            seconds, nanoseconds = _moment.unpack_from(said[0][2])
            stamp(seconds + nanoseconds * 1e-9)
        return size, address

    return receive
