"""
How one source arrives: what is lost, how unevenly, and what a receiver report says about it.

Kept as RFC 3550 asks (appendix A), so that the other side can adapt to the way to us.
"""

from __future__ import annotations

import struct

from transcriber.rtc.rtcp import SenderReport

__all__ = ["Reception"]

DROPOUT = 3_000
"""Packets: a jump further than this is not loss (RFC 3550, A.1)."""


class Reception:
    """What a receiver report says about one source, kept as RFC 3550 asks."""

    __slots__ = (
        "_base", "_clock", "_cycles", "_expected", "_highest", "_last", "_middle", "_middle_at",
        "_received", "_transit", "jitter", "received", "source",
    )  # fmt: skip

    def __init__(self, source: int, sequence: int, clock: int) -> None:
        self.source = source
        self.received = 0
        self.jitter = 0.0
        self._clock = clock
        self._base = self._highest = sequence
        self._cycles = 0
        self._transit: float | None = None
        self._last = -1
        self._expected = self._received = 0
        self._middle, self._middle_at = 0, 0.0

    def note(self, sequence: int) -> None:
        """Count a packet."""
        self.received += 1
        forward = (sequence - self._highest) & 0xFFFF
        if 0 < forward <= DROPOUT:
            if sequence < self._highest:
                self._cycles += 0x10000
            self._highest = sequence

    def timed(self, timestamp: int, now: float) -> None:
        """Take in when a packet arrived; one that was read later than it came says nothing."""
        if timestamp != self._last:
            transit = now * self._clock - timestamp
            if self._transit is not None:
                moved = abs(transit - self._transit)
                if moved < 10 * self._clock:
                    self.jitter += (moved - self.jitter) * 0.0625
            self._transit, self._last = transit, timestamp

    def synchronise(self, report: SenderReport, now: float) -> None:
        """Remember the source's clock, so that it can measure the way to us."""
        self._middle, self._middle_at = report.middle, now

    def restart(self, sequence: int) -> None:
        """Go on at a sequence number as if nothing were missing, unless it was counted as usual."""
        if sequence == self._highest:
            return
        self._cycles, self._highest = 0, sequence
        self._base = sequence + 1 - self.received
        self._expected = self._received

    @property
    def jitter_ms(self) -> float:
        """How unevenly packets arrive."""
        return self.jitter * 1000 / self._clock

    @property
    def lost(self) -> int:
        """Packets that did not come; duplicates can make it negative."""
        return self._cycles + self._highest - self._base + 1 - self.received

    def block(self, now: float) -> bytes:
        """Return the report block for the time since the last one."""
        highest = self._cycles + self._highest
        expected = highest - self._base + 1
        due, came = expected - self._expected, self.received - self._received
        self._expected, self._received = expected, self.received
        fraction = min(255, ((due - came) << 8) // due) if due > came and due > 0 else 0
        lost = max(-0x80_0000, min(0x7F_FFFF, expected - self.received)) & 0xFF_FFFF
        delay = int((now - self._middle_at) * 65_536) & 0xFFFF_FFFF if self._middle else 0
        return struct.pack(
            "!6L",
            self.source, fraction << 24 | lost, highest & 0xFFFF_FFFF,
            int(self.jitter) & 0xFFFF_FFFF, self._middle, delay,
        )  # fmt: skip
