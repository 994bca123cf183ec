"""
How much a subscriber's way can carry, from whatever its browser says about it.

REMB is the receiver's own estimate and is believed. Reports and transport-wide feedback only say
what was lost; from that we go up slowly while nothing is, and down by half the loss when more
than a tenth is (the loss-based half of Google's congestion control).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Estimate"]

START = 1_000_000
"""Bits per second believed in the beginning."""
LEAST, MOST = 50_000, 20_000_000
"""Bits per second: speech goes through below, and nothing needs more than above."""
UP, TOLERATED, TOO_MUCH = 1.05, 0.02, 0.1
"""The factor while at most the tolerated share is lost, and the share from which it goes down."""
PAUSE = 0.5
"""Seconds between two changes: what a change does has to show first."""


class Estimate:
    """Bits per second that one subscriber can take."""

    __slots__ = ("_changed_at", "_lost", "_seen", "_told", "_trial")

    def __init__(self) -> None:
        self._trial = float(START)
        self._told: int | None = None
        self._changed_at = -PAUSE
        self._lost = self._seen = 0

    @property
    def bits(self) -> int:
        """The estimate."""
        return self._told if self._told is not None else int(self._trial)

    def told(self, bits: int) -> None:
        """Take the receiver's own estimate."""
        self._told = max(LEAST, min(MOST, bits))

    def lost(self, fraction: float, now: float) -> None:
        """Take the share that was lost lately."""
        if now - self._changed_at < PAUSE:
            return
        self._changed_at = now
        if fraction <= TOLERATED:
            self._trial = min(MOST, self._trial * UP)
        elif fraction > TOO_MUCH:
            self._trial = max(LEAST, self._trial * (1 - fraction / 2))

    def arrived(self, arrivals: Sequence[float | None], now: float) -> None:
        """Take which packets arrived."""
        self._seen += len(arrivals)
        self._lost += sum(arrival is None for arrival in arrivals)
        if self._seen and now - self._changed_at >= PAUSE:
            self.lost(self._lost / self._seen, now)
            self._lost = self._seen = 0
