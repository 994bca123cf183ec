"""
From payloads to blocks: one source's way through order, gaps and decoding.

The timeline is kept to the sample: how long a gap was is told by the timestamps, never by
counting packets. What is missing is first recovered from the packet behind it, which carries a
small copy, else continued by the codec for a moment, else silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from transcriber.audio.block import RATE, SAMPLES, Block
from transcriber.rtc import opus
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.codec import Decoder, make_decoder
from transcriber.rtc.jitter import Frame, Order
from transcriber.rtc.rtcp import Reception

__all__ = ["SILENT", "UNHEARD", "OnBlock", "Place", "Stream", "Timeline"]

CONTINUED = 4
"""Frames that the codec continues by itself before a gap becomes silence; it has faded by then."""
GAP = 2 * RATE
"""Samples: a longer gap is cut to this, so that a person who returns after an hour of silence
does not flood anybody with it."""
JUMP = 1 << 31
"""Ticks: a timestamp that lies further ahead lies behind."""

SILENT, UNHEARD = 1, 2
"""Why a packet is not decoded: it says itself that it is silent, or nobody listens."""

OnBlock: TypeAlias = Callable[[Block], None]
Place: TypeAlias = tuple[int, int, int, int]
"""Sequence number, timestamp, and where in the buffer the payload starts and stops."""


class Timeline:
    """Gathers one person's samples into blocks; outlives the sources that they use."""

    __slots__ = ("blocks", "cut", "fill", "last", "on_block", "pcm", "timestamp")

    def __init__(self, on_block: OnBlock | None) -> None:
        self.on_block = on_block
        self.pcm = np.zeros(SAMPLES + opus.LONGEST, np.float32)
        self.fill = 0
        self.blocks = 0
        self.cut = 0
        self.timestamp = 0
        self.last: Block | None = None

    def advance(self, samples: int) -> None:
        """Take in samples that were written behind the last ones."""
        self.fill += samples
        while self.fill >= SAMPLES:
            self._emit()

    def silence(self, samples: int) -> None:
        """Let silence pass."""
        if samples > GAP:
            self.cut += samples - GAP
            samples = GAP
        while samples > 0:
            portion = min(samples, opus.LONGEST)
            self.pcm[self.fill : self.fill + portion] = 0
            self.advance(portion)
            samples -= portion

    def _emit(self) -> None:
        pcm = self.pcm
        block = self.last = pcm[:SAMPLES].copy()
        rest = self.fill - SAMPLES
        if rest:
            pcm[:rest] = pcm[SAMPLES : self.fill].copy()
        self.fill = rest
        self.blocks += 1
        if self.on_block is not None:
            self.on_block(block)


class Stream:
    """One source (SSRC) with one codec."""

    __slots__ = (
        "_decoder", "_frame", "_timeline", "_timestamp", "_up", "broken", "codec", "concealed",
        "heard_at", "order", "reception", "recovered", "skipped", "source",
    )  # fmt: skip

    def __init__(self, timeline: Timeline, source: int, codec: str, first: tuple[int, int]) -> None:
        sequence, timestamp = first
        self.source, self.codec = source, codec
        self._timeline = timeline
        self._decoder: Decoder = make_decoder(codec, timeline.pcm)
        self._up = self._decoder.clock
        self._frame = RATE // 50
        self._timestamp = timestamp
        self.order = Order(sequence)
        self.reception = Reception(source, sequence, self._decoder.clock)
        self.heard_at = 0.0
        self.concealed = self.recovered = self.skipped = self.broken = 0

    def push(self, buffer: Buffer, place: Place, now: float, skip: int) -> bool:
        """
        Take a packet whose payload lies in `buffer`; say whether packets wait for a missing one.

        With `skip` it is not decoded: `SILENT` passes silence instead, `UNHEARD` nothing.
        """
        sequence, timestamp, start, stop = place
        self.heard_at = now
        self.reception.note(sequence, timestamp, now)
        if self.order.in_turn(sequence):
            self._play(buffer.opus + start, stop - start, timestamp, skip)
            return False
        restarts = self.order.restarts
        self.offer(sequence, timestamp, bytes(buffer.view[start:stop]), now)
        if self.order.restarts != restarts:
            self.reception.restart(sequence)
        return self.order.holding

    def offer(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """Take a payload that is out of order or comes as a copy."""
        self._release(self.order.offer(sequence, timestamp, payload, now))

    def expire(self, now: float) -> bool:
        """Give up what has been missing for too long; say whether packets still wait."""
        self._release(self.order.expire(now))
        return self.order.holding

    def _release(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.missing:
                self._conceal(frame)
            self._play(frame.payload, len(frame.payload), frame.timestamp, 0)

    def _play(self, payload: Any, size: int, timestamp: int, skip: int) -> None:
        gap = (timestamp - self._timestamp) & 0xFFFF_FFFF
        timeline = self._timeline
        if gap and gap < JUMP and skip != UNHEARD:
            timeline.silence(gap * RATE // self._up)
        if not size:
            if gap < JUMP:
                self._timestamp = timestamp
            return
        if skip:
            self._skip(timestamp, skip)
            return
        made = self._decoder.decode(payload, size, timeline.fill)
        if made < 0:
            self.broken += 1
            made = self._decoder.conceal(self._frame, timeline.fill)
        else:
            self._frame = made
        timeline.timestamp = self._timestamp = (timestamp + made * self._up // RATE) & 0xFFFF_FFFF
        timeline.advance(made)

    def _skip(self, timestamp: int, skip: int) -> None:
        """Pass over a packet without decoding it, as if it were as long as the last one."""
        self.skipped += 1
        end = (timestamp + self._frame * self._up // RATE) & 0xFFFF_FFFF
        self._timeline.timestamp = self._timestamp = end
        if skip == SILENT:
            self._timeline.silence(self._frame)

    def _conceal(self, frame: Frame) -> None:
        """Fill the gap before a frame, as long as its timestamp says."""
        gap = (frame.timestamp - self._timestamp) & 0xFFFF_FFFF
        lost = min(gap * RATE // self._up, GAP) if gap < JUMP else 0
        whole = lost // self._frame
        for _ in range(min(whole - 1, CONTINUED)):
            self._fill(self._decoder.conceal(self._frame, self._timeline.fill))
            self.concealed += 1
        if whole > CONTINUED + 1:
            self._silent_until(frame.timestamp, self._frame)
        if whole:
            size, at = len(frame.payload), self._timeline.fill
            made = self._decoder.recover(frame.payload, size, self._frame, at)
            self.recovered += 1
            self._fill(made)

    def _silent_until(self, timestamp: int, before: int) -> None:
        gap = (timestamp - self._timestamp) & 0xFFFF_FFFF
        samples = gap * RATE // self._up - before
        self._timeline.silence(samples)
        self._timestamp = (timestamp - before * self._up // RATE) & 0xFFFF_FFFF

    def _fill(self, made: int) -> None:
        self._timestamp = (self._timestamp + made * self._up // RATE) & 0xFFFF_FFFF
        self._timeline.timestamp = self._timestamp
        self._timeline.advance(made)
