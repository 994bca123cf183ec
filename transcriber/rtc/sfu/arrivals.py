"""
When a publisher's packets arrived, told to it so that it can guess what the way to us carries.

Its packets are numbered over all streams of the connection; what we answer is its transport-wide
feedback, at most every tenth of a second and only while something comes.
"""

from __future__ import annotations

from transcriber.rtc import rtcp, rtp

__all__ = ["Arrivals"]

PAUSE = 0.1
"""Seconds between two answers."""
MOST = 300
"""Packets one answer may be about; a jump further than that is a new beginning."""


class Arrivals:
    """Collects the arrivals of one connection."""

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self._first = -1
        self._seen: dict[int, float] = {}
        self._told_at = 0.0
        self._number = 0

    def note(self, number: int, source: int, at: float, now: float) -> bytes:
        """Take a packet that arrived `at` some time; return an answer if it is time for one."""
        if self._first < 0:
            self._first, self._told_at = number, now
        ahead = rtp.signed16(number - self._first)
        if abs(ahead) >= MOST:
            self._first, ahead = number, 0
            self._seen.clear()
        if ahead >= 0:
            self._seen[ahead] = at
        if not self._seen or now - self._told_at < PAUSE:
            return b""
        return self._answer(source, now)

    def _answer(self, source: int, now: float) -> bytes:
        count = max(self._seen) + 1
        arrivals = [self._seen.get(place) for place in range(count)]
        answer = rtcp.transport_feedback(
            self._ours, source, self._first, arrivals, number=self._number
        )
        self._first = (self._first + count) & 0xFFFF
        self._number = (self._number + 1) & 0xFF
        self._seen.clear()
        self._told_at = now
        return answer
