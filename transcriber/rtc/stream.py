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
from transcriber.rtc.reception import Reception

__all__ = ["SILENT", "UNHEARD", "OnBlock", "Place", "Stream", "Timeline"]

CONTINUED = 4
"""Frames that the codec continues by itself before a gap becomes silence; it has faded by then."""
GAP = 2 * RATE
"""Samples: a longer gap is cut to this, so that a person who returns after an hour of silence
does not flood anybody with it."""
JUMP = 1 << 31
"""Ticks: a timestamp that lies further ahead lies behind."""

EARLY = 0.002
"""Seconds earlier than last time that a block is looked for, so that we find when it comes."""

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
    """
    One source (SSRC) with one codec.

    Packets are decoded when they complete a block, all of the block at once: that is not later
    than one by one would be, and the codec's state and code are fetched into the processor once
    for four packets.
    """

    __slots__ = (
        "_decoder", "_enough", "_frame", "_later", "_pending", "_ticks", "_timeline", "_timestamp",
        "broken", "codec", "complete_at", "concealed", "heard_at", "order", "reception",
        "recovered", "skipped", "source",
    )  # fmt: skip

    def __init__(
        self,
        timeline: Timeline,
        source: int,
        codec: str,
        first: tuple[int, int],
        later: list[Any] | None = None,
    ) -> None:
        """With `later`, a complete block is not decoded at once but put there, to be flushed."""
        sequence, timestamp = first
        self.source, self.codec = source, codec
        self._timeline = timeline
        self._decoder: Decoder = make_decoder(codec, timeline.pcm)
        self._ticks = self._decoder.clock
        self._frame = RATE // 50
        self._timestamp = timestamp
        self._pending: list[Frame] = []
        self._enough = 0
        self._later = later
        self.order = Order(sequence)
        self.reception = Reception(source, sequence, self._ticks)
        self.heard_at = self.complete_at = 0.0
        self.concealed = self.recovered = self.skipped = self.broken = 0

    def push(self, buffer: Buffer, place: Place, now: float, skip: int) -> bool:
        """
        Take a packet whose payload lies in `buffer`; say whether packets wait for a missing one.

        With `skip` it is not decoded: `SILENT` passes silence instead, `UNHEARD` nothing.
        """
        sequence, timestamp, start, stop = place
        self.heard_at = now
        self.reception.note(sequence)
        in_turn = self.order.in_turn(sequence)
        if in_turn and skip:
            self._skip(timestamp, skip)
            return False
        frame = Frame(timestamp, b"" if skip else bytes(buffer.view[start:stop]), 0, skip)
        if in_turn:
            self._take(frame)
            return False
        restarts = self.order.restarts
        self.offer(sequence, frame, now)
        if self.order.restarts != restarts:
            self.reception.restart(sequence)
        return self.order.holding

    def offer(self, sequence: int, frame: Frame, now: float) -> None:
        """Take a payload that is out of order or comes as a copy."""
        for ready in self.order.offer(sequence, frame, now):
            self._take(ready)

    def expire(self, now: float) -> bool:
        """Give up what has been missing for too long; say whether packets still wait."""
        for frame in self.order.expire(now):
            self._take(frame)
        return self.order.holding

    def flush(self) -> None:
        """Decode what waits for its block to become complete."""
        pending, self._pending = self._pending, []
        for frame in pending:
            if frame.missing:
                self._conceal(frame)
            self._play(frame.payload, frame.timestamp)
        left = SAMPLES - self._timeline.fill
        self._enough = (left - self._frame) * self._ticks // RATE
        self.complete_at = self.heard_at + left / RATE - EARLY

    def _take(self, frame: Frame) -> None:
        if frame.skip:
            self._skip(frame.timestamp, frame.skip)
            return
        self._pending.append(frame)
        if (frame.timestamp - self._timestamp) & 0xFFFF_FFFF >= self._enough:
            self.reception.timed(frame.timestamp, self.heard_at)
            if self._later is None:
                self.flush()
            else:
                self._later.append(self)

    def _play(self, payload: bytes, timestamp: int) -> None:
        timeline = self._timeline
        self._pass_until(timestamp)
        if not payload:
            return
        made = self._decoder.decode(payload, timeline.fill)
        if made < 0:
            self.broken += 1
            made = self._decoder.conceal(self._frame, timeline.fill)
        else:
            self._frame = made
        self._timestamp = timestamp
        self._advance(made)

    def _skip(self, timestamp: int, skip: int) -> None:
        """Pass over a packet without decoding it, as if it were as long as the last one."""
        if skip == UNHEARD:
            self._pending.clear()
        self.flush()
        self.skipped += 1
        if skip == SILENT:
            self._pass_until(timestamp)
            self._timeline.silence(self._frame)
        self._timestamp = (timestamp + self._frame * self._ticks // RATE) & 0xFFFF_FFFF
        self._timeline.timestamp = self._timestamp

    def _conceal(self, frame: Frame) -> None:
        """Fill the gap before a frame, as long as its timestamp says."""
        ahead = (frame.timestamp - self._timestamp) & 0xFFFF_FFFF
        whole = ahead * RATE // self._ticks // self._frame if ahead < JUMP else 0
        for _ in range(min(whole - 1, CONTINUED)):
            self._advance(self._decoder.conceal(self._frame, self._timeline.fill))
            self.concealed += 1
        if whole > CONTINUED + 1:
            self._pass_until(frame.timestamp - self._frame * self._ticks // RATE)
        if whole:
            at = self._timeline.fill
            self._advance(self._decoder.recover(frame.payload, self._frame, at))
            self.recovered += 1

    def _pass_until(self, timestamp: int) -> None:
        """Let silence pass until an RTP time, unless it lies behind."""
        ahead = (timestamp - self._timestamp) & 0xFFFF_FFFF
        if 0 < ahead < JUMP:
            self._timeline.silence(ahead * RATE // self._ticks)
            self._timestamp = timestamp & 0xFFFF_FFFF

    def _advance(self, made: int) -> None:
        """Take in samples that the decoder has written."""
        self._timestamp = (self._timestamp + made * self._ticks // RATE) & 0xFFFF_FFFF
        self._timeline.timestamp = self._timestamp
        self._timeline.advance(made)
