"""
When a delivery is tried again, and how fast an endpoint is served.

The pauses grow from seconds to hours: a restart of the receiver costs seconds, an outage over
night loses nothing. Chance is added, so that what failed together does not come back together. A
receiver that is too slow or asks for less gets at least a minute, and its own wish within bounds:
a wish must neither hammer the receiver nor postpone a delivery for ever.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

__all__ = ["Pace", "Schedule", "seconds_asked"]

THROTTLED = frozenset({429, 502, 503, 504})
"""Answers with which receivers say that they have too much to do."""
LATENESS = 0.1
"""Seconds by which a timer may be late without slowing the pace."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The seconds before each new attempt; after the last one a delivery is buried."""

    delays: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 36000)
    jitter: float = 0.2
    """Part of a delay by which chance lengthens or shortens it."""
    relief: float = 60.0
    """Seconds to wait at least after a timeout, or when the receiver has too much to do."""

    @classmethod
    def growing(cls, *, tries: int, initial: float, limit: float) -> Schedule:
        """Make a schedule of that many attempts in all, whose pauses double up to a limit."""
        pauses = (min(initial * 2**number, limit) for number in range(max(0, tries - 1)))
        return cls(delays=tuple(pauses))

    def pause(
        self,
        made: int,
        *,
        status: int | None,
        asked: float | None = None,
        chance: Callable[[], float] = random.random,
    ) -> float | None:
        """
        Seconds until the next attempt after `made` of them, or None when there is none.

        `status` is the answer, None when there was none; `asked` what its Retry-After says.
        """
        if made > len(self.delays):
            return None
        delay = self.delays[made - 1]
        if status is None or status in THROTTLED:
            delay = max(delay, self.relief)
        if asked is not None:
            return min(max(asked, delay), 2 * delay) * (1 + self.jitter * chance())
        return delay * (1 + self.jitter * (2 * chance() - 1))


def seconds_asked(retry_after: str, now: float) -> float | None:
    """Read a Retry-After header: a number of seconds or a date; None when it is neither."""
    if retry_after.isascii() and retry_after.strip().isdigit():
        return float(retry_after[:18])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return None


@dataclass(slots=True)
class Pace:
    """Spreads requests evenly: never more than `max_rps` in a second."""

    max_rps: float
    next: float = 0.0

    def take(self, now: float) -> float:
        """Book the next request and return the seconds to wait before making it."""
        slot = max(self.next, now - min(LATENESS, 1 / self.max_rps))
        self.next = slot + 1 / self.max_rps
        return max(0.0, slot - now)
