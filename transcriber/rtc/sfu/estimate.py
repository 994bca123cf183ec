"""
How much a subscriber's way can carry, from what its browser says about it.

A receiver can only judge what it is sent: its own estimate (REMB) is at most half above that and
grows slowly when more is sent, so by itself it means little. It means congestion once it falls
below what is sent. So we believe in more, a little each moment, until that happens or much is
lost; then what the receiver says counts, and we wait before we believe in more again, longer each
time that was wrong.
"""

from __future__ import annotations

__all__ = ["Estimate"]

START = 1_500_000
"""Bits per second believed in the beginning."""
LEAST, MOST = 50_000, 20_000_000
"""Bits per second: one voice goes through below, and nothing needs more than above."""
UP, TOLERATED, TOO_MUCH = 1.05, 0.02, 0.1
"""The factor while at most the tolerated share is lost, and the share from which it goes down."""
MOST_AT_ONCE = 10
"""Steps up at once: a receiver of mere sound reports only every five seconds."""
TIGHT = 0.9
"""Share of what was sent, below which the receiver's estimate means congestion."""
FALLS = 0.97
"""Share of what the receiver said last, below which it says less."""
PAUSE = 0.5
"""Seconds between two changes: what a change does has to show first."""
SHORTEST, LONGEST = 5.0, 20.0
"""Seconds after congestion in which we do not believe in more; doubled from one to the next."""
AGAIN = 120.0
"""Seconds within which congestion is the same as before."""


class Estimate:
    """Bits per second that one subscriber can take; `sent` is what they were sent lately."""

    __slots__ = ("_bits", "_fell_at", "_patience", "_rose_at", "_said")

    def __init__(self) -> None:
        self._bits = float(START)
        self._rose_at = -PAUSE
        self._fell_at = -AGAIN
        self._patience = 0.0
        self._said = 0.0

    @property
    def bits(self) -> int:
        """The estimate."""
        return int(self._bits)

    def told(self, bits: int, sent: float, now: float) -> None:
        """Take the receiver's own estimate."""
        falls, self._said = bits < self._said * FALLS, bits
        if bits < sent * TIGHT:
            if falls:
                self._fall(bits, now)
        else:
            self._bits = min(MOST, max(self._bits, bits))
            self._rise(now)

    def lost(self, fraction: float, sent: float, now: float) -> None:
        """Take the share that was lost lately."""
        if fraction > TOO_MUCH:
            self._fall(sent * (1 - fraction / 2), now)
        elif fraction <= TOLERATED:
            self._rise(now)

    def idle(self, now: float) -> None:
        """No picture is sent, so nobody can say anything about it: believe in more."""
        self._rise(now)

    def _rise(self, now: float) -> None:
        ready = max(self._rose_at + PAUSE, self._fell_at + self._patience)
        if now < ready:
            return
        steps = 1 if self._rose_at < 0 else 1 + (now - ready) // PAUSE
        self._rose_at = now
        self._bits = min(MOST, self._bits * UP ** min(steps, MOST_AT_ONCE))

    def _fall(self, bits: float, now: float) -> None:
        if now - self._fell_at < PAUSE:
            return
        again = now - self._fell_at < AGAIN
        self._patience = min(LONGEST, self._patience * 2) if again else SHORTEST
        self._fell_at = now
        self._bits = max(LEAST, min(self._bits, bits))
