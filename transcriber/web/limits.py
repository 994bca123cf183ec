"""
How often somebody may ask.

Everybody has a bucket of so many requests, which fills again at a steady rate. Buckets that have
not been looked at for the longest time are forgotten when there are too many, so that nobody fills
our memory by asking under many names.
"""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Buckets"]

MOST = 10_000
"""Buckets kept."""


class Buckets:
    """What each of many callers may still do: `burst` at once, `rate` a second."""

    def __init__(self, *, rate: float, burst: float, most: int = MOST) -> None:
        self._rate, self._burst, self._most = rate, burst, most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str, now: float) -> float:
        """Return the seconds until somebody may do something; 0 if they may now."""
        return max(0.0, (1 - self._level(who, now)) / self._rate)

    def spend(self, who: str, now: float, cost: float = 1) -> None:
        """Take some of what they may do, as far as there is something."""
        self._levels[who] = max(0.0, self._level(who, now) - cost), now
        self._levels.move_to_end(who)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)

    def _level(self, who: str, now: float) -> float:
        level, since = self._levels.get(who, (self._burst, now))
        return min(self._burst, level + (now - since) * self._rate)
