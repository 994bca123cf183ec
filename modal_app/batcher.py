"""
Who is in which slot, and when the engine steps.

One thread steps; it alone touches the engine. A step takes one frame of every stream that has
one, so a stream that is behind (a file, a flush, a client that reconnected) catches up at the
engine's speed without slowing the others. A step costs the same however many slots take part,
therefore when nobody is behind the thread waits a moment for company. There is no 80 ms clock.

The table of slots and the list of streams with a frame are the only things both threads change;
one lock guards them. Everything a step brought leaves in one call of `deliver`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from modal_app.protocol import SECONDS, End, Message, Samples, Word, clean
from modal_app.speech import Decode, Rules
from modal_app.stream import Stream

__all__ = ["Batcher", "Busy", "Deliver", "Engine", "Limits", "Stats"]

log = structlog.get_logger(__name__)

LOOK = 0.25
"""Seconds between looks for streams that are idle or too old."""


class Engine(Protocol):
    """
    What steps: row `n` of every array is slot `n`.

    Fill `pcm`, say in `active` which rows hold a new frame and in `reset` which of them begin a
    new stream, call `step`. It gives the text token and the pause scores of each row; rows that
    were not active are meaningless, and the array is used again by the next step.
    """

    slots: int
    heads: int
    pcm: Samples
    active: NDArray[np.bool_]
    reset: NDArray[np.bool_]

    def step(self) -> Samples:
        """Advance the active rows by one frame."""


class Busy(Exception):
    """There is no slot now; trying again later can help."""

    def __init__(self, why: str, retry_after: float) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds."""

    idle: float = 30.0
    """Without audio; a muted participant sends none, and opens again when speaking."""
    lifetime: float = 4 * 3600.0
    backlog: float = 20.0
    """Audio waiting from which on a client is not read any more."""
    company: float = 0.01
    """How long a frame may wait for others to share its step."""
    retry_after: float = 2.0


@dataclass(slots=True)
class Stats:
    """Counted by the step thread; reading it elsewhere is harmless."""

    steps: int = 0
    frames: int = 0
    words: int = 0
    opened: int = 0
    rejected: int = 0
    active: int = 0
    backlog: float = 0.0
    """Seconds the stream furthest behind had waiting in the last step."""
    took: deque[float] = field(default_factory=lambda: deque(maxlen=2_000))
    """Seconds each of the last steps took."""

    def quantile(self, share: float) -> float:
        """Give the step time that this share of the last steps kept within."""
        return float(np.quantile(list(self.took), share)) if self.took else 0.0


Deliver = Callable[[Sequence[tuple[Stream, Message]]], None]
"""
Told on the step thread, at most once a step, what the streams have to say; and once more, perhaps
with nothing, when the thread is over.
"""


class Batcher:
    """Puts streams into the slots of an engine and steps it; `start` begins, `stop` ends it."""

    def __init__(
        self,
        engine: Engine,
        decode: Decode,
        *,
        deliver: Deliver,
        rules: Rules | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stats = Stats()
        self.limits = limits or Limits()
        self.slots = engine.slots
        self.failed: BaseException | None = None
        self.draining = False
        self._engine = engine
        self._decode = decode
        self._deliver = deliver
        self._rules = rules or Rules()
        self._clock = clock
        self._lock = threading.Lock()
        self._free = deque(range(engine.slots))
        self._streams: dict[int, Stream] = {}
        self._waiting: deque[Stream] = deque()
        self._look_at = 0.0
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stt-step", daemon=True)

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether the next `open` would be refused only for want of a slot."""
        return not self._free and not self._closed()

    def start(self) -> None:
        """Begin to step."""
        self._thread.start()

    def drain(self) -> None:
        """Refuse new streams; those that are open go on."""
        self.draining = True

    def stop(self, patience: float = 5.0) -> None:
        """End every stream with the reason `shutdown`; waits for the step that runs."""
        self._over.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def open(self, *, steps: bool = False) -> Stream:
        """Take a slot; raises `Busy` when there is none."""
        with self._lock:
            taken = "" if self._free else f"all {self.slots} slots are in use"
            if problem := self._closed() or taken:
                self.stats.rejected += 1
                raise Busy(problem, self.limits.retry_after)
            slot = self._free.popleft()
            stream = self._streams[slot] = Stream(
                slot,
                rules=self._rules,
                decode=self._decode,
                now=self._clock(),
                waiting=self._has_frame,
                steps=steps,
            )
            self.stats.opened += 1
        self._has_frame(stream)
        return stream

    def feed(self, stream: Stream, samples: Samples) -> bool:
        """Add audio; False asks the caller to pause until the backlog is shorter."""
        stream.feed(samples, self._clock())
        return stream.backlog_seconds < self.limits.backlog

    def turn(self) -> int:
        """Step once if anybody has a frame, and say how many took part; called by the thread."""
        now = self._clock()
        said: list[tuple[Stream, Message]] = []
        if now >= self._look_at:
            self._look_at = now + LOOK
            self._retire(now, said)
        batch = self._collect(said)
        if batch:
            self._step(batch, said)
        if said:
            self._deliver(said)
        return len(batch)

    def _closed(self) -> str:
        if self.failed is not None:
            return "the engine has failed"
        if self.draining or self._over.is_set():
            return "the service is shutting down"
        return ""

    def _has_frame(self, stream: Stream) -> None:
        with self._lock:
            if not stream.listed:
                stream.listed = True
                self._waiting.append(stream)
        if not self._wake.is_set():
            self._wake.set()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._wake.clear()
                began = self._clock()
                if not self.turn():
                    self._wake.wait(LOOK)
                elif self.stats.backlog < SECONDS:
                    self._over.wait(max(0.0, self.limits.company - (self._clock() - began)))
        except BaseException as error:  # nobody else owns the thread
            self.failed = error
            log.critical("step thread failed", exc_info=error)
        reason = "engine failed" if self.failed is not None else "shutdown"
        said: list[tuple[Stream, Message]] = []
        for stream in self._current():
            self._release(stream, reason, said)
        self._deliver(said)

    def _current(self) -> list[Stream]:
        with self._lock:
            return list(self._streams.values())

    def _retire(self, now: float, said: list[tuple[Stream, Message]]) -> None:
        for stream in self._current():
            if now - stream.opened_at > self.limits.lifetime:
                self._release(stream, "session too long", said)
            elif now - stream.fed_at > self.limits.idle and not stream.listed:
                self._release(stream, "idle", said)

    def _collect(self, said: list[tuple[Stream, Message]]) -> list[Stream]:
        """Find out who has a frame."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        batch, backlog = [], 0.0
        for stream in waiting:
            if self._streams.get(stream.slot) is not stream:
                continue
            if stream.reason:
                self._release(stream, stream.reason, said)
                continue
            backlog = max(backlog, stream.backlog_seconds - SECONDS)
            batch.append(stream)
        self.stats.backlog = backlog
        return batch

    def _step(self, batch: list[Stream], said: list[tuple[Stream, Message]]) -> None:
        slots = [stream.slot for stream in batch]
        _fill(self._engine, batch, slots)
        began = time.perf_counter()
        rows = self._engine.step()
        stats = self.stats
        stats.took.append(time.perf_counter() - began)
        stats.steps += 1
        stats.frames += len(batch)
        stats.active = len(batch)
        self._relist(batch)
        for stream, row in zip(batch, rows[slots].tolist(), strict=True):
            if not stream.reason:
                self._heard(stream, row, said)

    def _heard(self, stream: Stream, row: list[float], said: list[tuple[Stream, Message]]) -> None:
        messages = stream.heard(int(row[0]), row[1:])
        for message in messages:
            self.stats.words += isinstance(message, Word)
            said.append((stream, message))
        if messages and isinstance(messages[-1], End):
            self._forget(stream)

    def _relist(self, batch: list[Stream]) -> None:
        """Wait in line again, or off the list until the next frame is there."""
        with self._lock:
            for stream in batch:
                if stream.busy or stream.reason:
                    self._waiting.append(stream)
                else:
                    stream.listed = False
        for stream in batch:
            if not stream.listed and (stream.busy or stream.reason):
                self._has_frame(stream)

    def _release(self, stream: Stream, reason: str, said: list[tuple[Stream, Message]]) -> None:
        said += [(stream, message) for message in stream.end(reason)]
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            if self._streams.get(stream.slot) is stream:
                del self._streams[stream.slot]
                self._free.append(stream.slot)


def _fill(engine: Engine, batch: list[Stream], slots: list[int]) -> None:
    """
    Put one frame of each into the engine, all at once.

    An operation on an array lets other threads run, and to get the turn back may take
    milliseconds; one for each stream would add up to more than a frame.
    """
    engine.active[:] = False
    engine.reset[:] = False
    engine.pcm[slots] = clean(np.stack([stream.take() for stream in batch]))
    engine.active[slots] = True
    engine.reset[slots] = [stream.fresh for stream in batch]
    for stream in batch:
        stream.fresh = False
