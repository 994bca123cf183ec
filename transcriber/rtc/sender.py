"""
Our mouth: samples in, encrypted Opus out, one packet every 20 ms.

A frame is encoded when it is due, so that stopping takes back everything but what is on the
wire: somebody who interrupts us is obeyed within one packet. When there is nothing to say, nothing
is sent. What many people are told is encoded once, as a `Clip`.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from transcriber.audio.block import Samples
from transcriber.audio.level import level
from transcriber.errors import Overloaded
from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.opus import CLOCK, FRAME, Encoder
from transcriber.rtc.pacer import STEP, Pacer

__all__ = ["LIMIT", "Clip", "Sender", "Way"]

LIMIT = 300.0
"""Seconds of speech that may wait: more than anybody listens to."""
TICKS = round(CLOCK * STEP)
"""RTP time of one packet."""
Reached: TypeAlias = Callable[[bool], None]
Encoded: TypeAlias = tuple[bytes, int]
"""A packet and how far below full scale it is, as RFC 6464 counts."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Speech that was encoded once and can be played to many."""

    packets: tuple[Encoded, ...]

    @classmethod
    def of(cls, samples: Samples) -> Clip:
        """Encode samples; the last packet is filled up with silence."""
        encoder = Encoder(complexity=10)
        return cls(tuple(_encode(encoder, frame) for frame in _frames(_filled(samples))))


class Way(Protocol):
    """Where packets go: a `Link`."""

    def send(self, buffer: Buffer, size: int) -> None:
        """Encrypt and send a packet."""

    def send_control(self, packet: bytes) -> None:
        """Encrypt and send a control packet."""


@dataclass(frozen=True, slots=True)
class _Mark:
    reached: Reached


class Sender:
    """
    Speaks to one peer once a way to it exists; until then what is played waits.

    Marks are told whether everything before them was sent; after `stop` or `close` it was not.
    """

    def __init__(self, pacer: Pacer, buffer: Buffer, *, complexity: int = 5) -> None:
        self.source = secrets.randbits(32)
        self.packets = self.octets = 0
        self.reported: rtcp.Loss | None = None
        self._pacer, self._buffer = pacer, buffer
        self._complexity = complexity
        self._encoder: Encoder | None = None
        self._queue: deque[Samples | Encoded | _Mark] = deque()
        self._waiting = 0
        self._rest = np.zeros(0, np.float32)
        self._way: Way | None = None
        self._payload_type = self._level = 0
        self._active = self._spoke = False
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._last = 0.0

    @property
    def queued(self) -> float:
        """Seconds of speech that wait to be sent."""
        return self._waiting * STEP + len(self._rest) / FRAME * STEP

    def open(self, way: Way, *, payload_type: int, level: int = 0) -> None:
        """Send this way from now on; `level` is the number of the audio level extension."""
        self._way, self._payload_type, self._level = way, payload_type, level
        self._begin()

    def play(self, what: Samples | Clip) -> None:
        """Say something after everything else; raises `Overloaded` over `LIMIT` seconds."""
        frames: Iterable[Samples | Encoded]
        if isinstance(what, Clip):
            self._fill_up()
            frames = what.packets
        else:
            joined = np.concatenate([self._rest, what]) if len(self._rest) else what
            whole = len(joined) - len(joined) % FRAME
            self._rest = joined[whole:].copy()
            frames = _frames(joined[:whole])
        for frame in frames:
            if self._waiting * STEP >= LIMIT:
                raise Overloaded(f"{LIMIT:.0f} seconds of speech wait already")
            self._queue.append(frame)
            self._waiting += 1
        self._begin()

    def mark(self, reached: Reached) -> None:
        """Be told when everything played so far is sent."""
        self._fill_up()
        self._queue.append(_Mark(reached))
        self._begin()

    def stop(self) -> None:
        """Fall silent at once; nothing that waited is sent."""
        marks = [item for item in self._queue if isinstance(item, _Mark)]
        self._queue.clear()
        self._waiting = 0
        self._rest = self._rest[:0]
        for mark in marks:
            mark.reached(False)

    def close(self) -> None:
        """Say goodbye and forget everything."""
        self.stop()
        if self._way is not None and self.packets:
            self._way.send_control(rtcp.receiver_report(self.source, ()) + rtcp.bye(self.source))
        self._way = None

    def control(self, items: Iterable[rtcp.Item]) -> None:
        """Take what the peer says about what it hears from us."""
        for item in items:
            if isinstance(item, rtcp.Loss) and item.source == self.source:
                self.reported = item

    def report(self, wall: float, now: float) -> bytes | None:
        """Return a sender report for this moment, if anything was sent; `wall` as `time.time`."""
        if not self.packets:
            return None
        timestamp = self._timestamp + round((now - self._last) * CLOCK)
        return rtcp.sender_report(
            self.source,
            wall=wall,
            timestamp=timestamp & 0xFFFF_FFFF,
            packets=self.packets,
            octets=self.octets,
        )

    def step(self, due: float) -> bool:
        """Send what is due; say whether there is more."""
        while self._queue and isinstance(mark := self._queue[0], _Mark):
            self._queue.popleft()
            mark.reached(True)
        if not self._queue:
            self._fill_up()
        if not self._queue or self._way is None:
            self._active = self._spoke = False
            return False
        item = self._queue.popleft()
        self._waiting -= 1
        assert not isinstance(item, _Mark)
        self._send(item if isinstance(item, tuple) else self._encode(item), due)
        return True

    def _begin(self) -> None:
        if not self._active and self._queue and self._way is not None:
            self._active = True
            self._pacer.begin(self)

    def _fill_up(self) -> None:
        """Turn the samples that are less than a frame into one."""
        if len(self._rest):
            self._queue.append(_filled(self._rest))
            self._waiting += 1
            self._rest = self._rest[:0]

    def _encode(self, frame: Samples) -> Encoded:
        if self._encoder is None:
            self._encoder = Encoder(complexity=self._complexity)
        return _encode(self._encoder, frame)

    def _send(self, encoded: Encoded, due: float) -> None:
        payload, quiet = encoded
        steps = max(1, round((due - self._last) / STEP)) if self.packets else 1
        self._timestamp = (self._timestamp + steps * TICKS) & 0xFFFF_FFFF
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._last = due
        buffer, way = self._buffer, self._way
        assert way is not None
        start = rtp.write_header(
            buffer.data,
            self._payload_type,
            self._sequence,
            self._timestamp,
            source=self.source,
            marker=not self._spoke,
            level=(self._level, quiet) if self._level else None,
        )
        self._spoke = True
        size = start + len(payload)
        buffer.view[start:size] = payload
        self.packets += 1
        self.octets += len(payload)
        way.send(buffer, size)


def _filled(samples: Samples) -> Samples:
    missing = -len(samples) % FRAME
    return np.concatenate([samples, np.zeros(missing, np.float32)]) if missing else samples


def _frames(samples: Samples) -> Iterable[Samples]:
    return (samples[at : at + FRAME] for at in range(0, len(samples), FRAME))


def _encode(encoder: Encoder, frame: Samples) -> Encoded:
    return encoder.encode(frame), round(-level(frame))
