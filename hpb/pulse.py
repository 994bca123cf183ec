"""
Whether the other side is alive.

Silence is no sign of death, for a quiet room has nothing to say; an unanswered question for a sign
of life is. Any frame counts as one, so the server's own pings do.
"""

from __future__ import annotations

from hpb.errors import Lost

__all__ = ["QUIET", "SILENCE", "Pulse"]

QUIET = 15.0
"""Seconds without a frame after which we ask the server whether it is there."""

SILENCE = 45.0
"""
Seconds without a frame, two such questions included, after which the connection counts as lost.

The server itself pings only every 54 s; waiting for that would let captions of a minute go into a
connection that a firewall has forgotten.
"""


class Pulse:
    """Knows when something was last heard, and when to ask."""

    def __init__(self) -> None:
        self._heard_at = self._asked_at = 0.0

    @property
    def deadline(self) -> float:
        """When `check` has something to do."""
        return min(self._asked_at + QUIET, self._heard_at + SILENCE)

    def heard(self, now: float) -> None:
        """Take note of any frame, whatever it said."""
        self._heard_at = self._asked_at = now

    def check(self, now: float) -> bool:
        """Return whether to send a ping; raises `Lost` when there was no answer for too long."""
        if now >= self._heard_at + SILENCE:
            raise Lost(f"no sign of life for {SILENCE:.0f} seconds")
        if now < self._asked_at + QUIET:
            return False
        self._asked_at = now
        return True
