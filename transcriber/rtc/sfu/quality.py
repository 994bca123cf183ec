"""
How good a participant's connection is, in a number that people understand.

What is lost on either way counts, and whether pictures had to be made smaller or left out. A
score is told once it has been so for a moment, so that it does not flicker; that somebody cannot
be reached at all is told at once.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["GOOD", "Cut", "Quality"]

Cut = int
"""What was done to pictures: 0 nothing, 1 made smaller, 2 left out."""
GOOD, GONE = 5, 0
"""The best score, and that of somebody who cannot be reached."""
LOSSES = ((0.01, GOOD), (0.03, 4), (0.08, 3), (0.2, 2), (1.0, 1))
"""The score up to a share of packets that is lost: speech suffers from a few percent on."""
CUTS = (GOOD, 3, 2)
"""The score at most, by what was done to pictures."""
MEMORY = 0.3
"""How much the last look counts."""
STEADY = 1.5
"""Seconds that a score has to last before it is told."""


class Quality:
    """The score of one participant; `score` is what was told last."""

    def __init__(self) -> None:
        self.score = GOOD
        self._lost = 0.0
        self._next = GOOD
        self._since = 0.0

    def look(self, lost: Iterable[float], cut: Cut, now: float) -> bool:
        """Take the shares that were lost on each way; whether another score is to be told."""
        self._lost += MEMORY * (max(lost, default=0.0) - self._lost)
        found = next(score for share, score in LOSSES if self._lost <= share)
        found = min(found, CUTS[cut])
        if found != self._next:
            self._next, self._since = found, now
        if found == self.score or now - self._since < STEADY:
            return False
        self.score = found
        return True

    def reach(self, reached: bool) -> bool:
        """Say whether they can be reached; whether another score is to be told."""
        before, self.score = self.score, GOOD if reached else GONE
        self._next = self.score
        return before != self.score
