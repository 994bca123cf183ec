"""
The order of packets: what to play now, what to wait for, what to give up.

A packet that comes in order is played at once; there is no buffer to fill first, so in-order
audio is never delayed. Only behind a gap are packets held: a few of them, and for a time that
keeps the whole delay of one lost packet under 60 ms. Then the missing ones are given up, and the
receiver hides them. Nothing is delayed after that.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HELD", "HOLD", "RESTART", "Frame", "Order"]

HELD = 3
"""Packets held behind a gap. One more means that the missing one is not just late."""
HOLD = 0.02
"""Seconds a packet is held: with the 20 ms until it came, 40 ms after the missing one was due."""
RESTART = 200
"""Packets, four seconds: a jump further than this in either direction is a new beginning."""


class Frame(NamedTuple):
    """A packet whose turn it is, how many before it were given up, and why not to decode it."""

    timestamp: int
    payload: bytes
    missing: int = 0
    skip: int = 0


class Order:
    """Puts the packets of one source into order."""

    __slots__ = ("_held", "_since", "_strange", "duplicate", "expected", "late", "lost", "restarts")

    def __init__(self, sequence: int) -> None:
        self.expected = sequence
        self.lost = self.late = self.duplicate = self.restarts = 0
        self._held: dict[int, Frame] = {}
        self._since = 0.0
        self._strange = -1

    @property
    def holding(self) -> bool:
        """Whether packets wait for one that is missing."""
        return bool(self._held)

    def in_turn(self, sequence: int) -> bool:
        """Whether a packet can be played as it comes; then it counts as played."""
        if sequence != self.expected or self._held:
            return False
        self.expected = (sequence + 1) & 0xFFFF
        return True

    def wanted(self, sequence: int) -> bool:
        """Whether a packet is still missing, so that a copy of it is welcome."""
        return (sequence - self.expected) & 0xFFFF <= RESTART and sequence not in self._held

    def offer(self, sequence: int, frame: Frame, now: float) -> list[Frame]:
        """Take a packet that came at `now` and return what can be played."""
        ahead = (sequence - self.expected) & 0xFFFF
        if RESTART < ahead < 0x10000 - RESTART:
            return self._stray(sequence, frame)
        self._strange = -1
        if ahead >= 0x8000:
            self.late += 1
            return []
        if sequence in self._held:
            self.duplicate += 1
            return []
        if not self._held:
            self._since = now
        self._held[sequence] = frame
        return self._release(give_up=len(self._held) > HELD)

    def expire(self, now: float) -> list[Frame]:
        """Return what was held for long enough."""
        if not self._held or now - self._since < HOLD:
            return []
        return self._release(give_up=True)

    def _release(self, *, give_up: bool) -> list[Frame]:
        ready: list[Frame] = []
        missing = 0
        if give_up and self.expected not in self._held:
            nearest = min(self._held, key=lambda sequence: (sequence - self.expected) & 0xFFFF)
            missing = (nearest - self.expected) & 0xFFFF
            self.lost += missing
            self.expected = nearest
        while (frame := self._held.pop(self.expected, None)) is not None:
            ready.append(frame._replace(missing=missing) if missing else frame)
            self.expected = (self.expected + 1) & 0xFFFF
            missing = 0
        return ready

    def _stray(self, sequence: int, frame: Frame) -> list[Frame]:
        """Believe a packet from far away only when the next one follows it."""
        if sequence != self._strange:
            self._strange = (sequence + 1) & 0xFFFF
            self.late += 1
            return []
        left = [self._held[key] for key in sorted(self._held, key=self._distance)]
        self._held.clear()
        self._strange = -1
        self.restarts += 1
        self.expected = (sequence + 1) & 0xFFFF
        return [*left, frame]

    def _distance(self, sequence: int) -> int:
        return (sequence - self.expected) & 0xFFFF
