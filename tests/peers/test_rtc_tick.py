"""The reader of all media sockets: one that fails takes nobody else's hearing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from transcriber.rtc.buffer import Buffer
from transcriber.rtc.tick import FAR, OVERDUE, PAUSE, TURNS, Reader

MEDIA = b"\x80" + bytes(20)


class Sink:
    """Counts what it hears, after doing something else."""

    def __init__(self, first: Any = None) -> None:
        self.heard = asyncio.Event()
        self._first = first

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        self.heard.set()
        if self._first:
            self._first()

    def other(self, data: bytes, address: Any) -> None:
        raise AssertionError("only media is sent")


@contextmanager
def lines(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connected sockets that keep messages apart."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
    for _, ours in pairs:
        ours.setblocking(False)
    try:
        yield pairs
    finally:
        for pair in pairs:
            for end in pair:
                end.close()


class Clock:
    """An event loop of which we are the clock: remembers when the reader wants to be called."""

    def __init__(self) -> None:
        self.now = 100.0
        self.wanted: float | None = None
        self._call: Any = None

    def time(self) -> float:
        return self.now

    def add_reader(self, number: int, call: Any) -> None:
        self.wanted, self._call = None, call

    def remove_reader(self, number: int) -> None:
        self._call = None

    def call_at(self, when: float, call: Any) -> Any:
        self.wanted, self._call = when, call
        return SimpleNamespace(cancel=lambda: None)

    def look(self, after: float = 0.0) -> float:
        """Let time pass and the reader look; return the seconds until it looks again, 0: never."""
        self.now += after
        self._call()
        return round(self.wanted - self.now, 6) if self.wanted is not None else 0.0


@dataclass
class Voice:
    """Is complete with each packet that it says it is, and then again after a time."""

    clock: Clock
    ready: list[Any]
    complete_at: float = 0.0
    after: float = 0.0

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        if self.after:
            self.ready.append(self)

    def other(self, data: bytes, address: Any) -> None:
        raise AssertionError("only media is sent")

    def flush(self) -> None:
        self.complete_at = self.clock.now + self.after


@contextmanager
def reading(*, patient: bool) -> Iterator[tuple[Clock, Voice, socket.socket]]:
    clock: Any = Clock()
    reader = Reader(clock)
    voice = Voice(clock, reader.ready)
    with lines(1) as ((to_us, ours),):
        reader.attach(ours, voice, patient=patient)
        yield clock, voice, to_us
        reader.close()


def test_what_has_to_go_on_is_looked_for_all_the_time() -> None:
    with reading(patient=False) as (clock, voice, wire):
        voice.after = 0.08
        for _ in range(5):
            wire.send(MEDIA)
            assert clock.look(PAUSE) == PAUSE
        assert clock.look(PAUSE) == 0, "until something comes"


def test_who_is_patient_is_looked_for_when_something_can_be_complete() -> None:
    with reading(patient=True) as (clock, voice, wire):
        wire.send(MEDIA)
        assert clock.look() == FAR
        wire.send(MEDIA)
        voice.after = 0.03
        assert clock.look(FAR) == FAR
        assert clock.look(FAR) == 0.01
        assert clock.look(0.01) == PAUSE, "it is late"
        wire.send(MEDIA)
        assert clock.look(PAUSE) == FAR
        assert clock.look(0.03 + OVERDUE + PAUSE) == 0, "it has fallen silent"
        wire.send(MEDIA)
        voice.after = 0.0
        assert clock.look(60) == FAR


async def test_one_whose_sink_fails_makes_nobody_deaf() -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    reader = Reader(loop)
    failing, well = Sink(lambda: 1 / 0), Sink()
    with lines(2) as ((to_failing, one), (to_well, two)):
        reader.attach(one, failing)
        reader.attach(two, well)
        to_failing.send(MEDIA)
        await asyncio.wait_for(failing.heard.wait(), 5)
        to_well.send(MEDIA)
        await asyncio.wait_for(well.heard.wait(), 5)
        reader.close()
    assert [type(problem) for problem in told] == [ZeroDivisionError]


async def test_who_is_detached_while_packets_are_taken_is_passed_over() -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    reader = Reader(loop)
    with lines(2) as ((to_one, one), (to_two, two)):
        sinks = [Sink(lambda: reader.detach(two)), Sink(lambda: reader.detach(one))]
        to_one.send(MEDIA)
        to_two.send(MEDIA)
        for sock, sink in zip((one, two), sinks, strict=True):
            reader.attach(sock, sink)
        waits = [asyncio.ensure_future(sink.heard.wait()) for sink in sinks]
        done, pending = await asyncio.wait(waits, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.02)
        for wait in pending:
            wait.cancel()
        reader.close()
    assert told == []
    assert len(done) == 1
    assert sum(sink.heard.is_set() for sink in sinks) == 1


async def test_however_late_it_is_everybody_else_has_turns_between_two_looks() -> None:
    reader, turns = Reader(asyncio.get_running_loop()), 0
    looks: set[int] = set()

    def late() -> None:
        time.sleep(PAUSE)
        looks.add(turns)
        to_us.send(MEDIA)

    with lines(1) as ((to_us, ours),):
        reader.attach(ours, Sink(late))
        to_us.send(MEDIA)
        while len(looks) < 4:
            turns += 1
            await asyncio.sleep(0)
        reader.close()
    assert all(after - before >= TURNS for before, after in pairwise(sorted(looks)[1:]))
