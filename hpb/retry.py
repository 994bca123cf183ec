"""
How often and how long a lost server is tried again, by what went wrong.

| failure | first pause | then | end |
|---|---|---|---|
| the connection broke | up to 0.3 s | doubling to 2 s, after a minute to 15 s | after `patience` |
| it ended during the greeting | 3 to 6 s | doubling to 60 s | after `patience` |
| locked out | 5 to 10 min | doubling to 1 h | after `LOCK_OUTS` tries |
| refused | - | - | at once |

The pauses of the first minute are short because the server keeps our session for 30 s and the
people in the call wait for captions; they are random because a server that comes back meets all its
clients at once. Greeting again and again is what gets an address locked out, so unanswered
greetings are repeated slowly.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hpb.errors import HpbError, LockedOut, Lost, Unanswered

__all__ = ["PATIENCE", "Retry"]

PATIENCE = 600.0
"""Seconds without having been in the room after which a client gives up."""

STEADY = 10.0
"""Seconds that a stay must have lasted for the next failure to count as the first."""

LOCK_OUTS = 8
"""Tries against a lock-out; with their pauses about 6 hours."""

HURRY = 60.0
"""Seconds after a loss in which a session may still be resumed, or a server be restarting."""

BROKEN = (0.3, 2.0)
BROKEN_LONG = (0.3, 15.0)
UNANSWERED = (6.0, 60.0)
LOCKED_OUT = (600.0, 3600.0)
"""Longest first pause and longest pause of all, in seconds, by kind of failure."""


class Retry:
    """Counts failures of one client and says how long to pause after each."""

    def __init__(
        self, *, patience: float = PATIENCE, chance: Callable[[], float] = random.random
    ) -> None:
        self._patience = patience
        self._chance = chance
        self._failures = 0
        self._failing_since: float | None = None
        self._joined_at: float | None = None
        self._lock_outs = 0

    def joined(self, now: float) -> None:
        """Take note that we are in the room."""
        self._joined_at = now
        self._failing_since, self._lock_outs = None, 0

    def pause(self, failure: HpbError, now: float) -> float | None:
        """Return the seconds to wait before the next try; None when there should be none."""
        self._forgive(now)
        self._failures += 1
        if isinstance(failure, LockedOut):
            self._failing_since = None
            self._lock_outs += 1
            return self._between(LOCKED_OUT) if self._lock_outs <= LOCK_OUTS else None
        if not isinstance(failure, Lost):
            return None
        failing = self._failing_for(now)
        if failing > self._patience:
            return None
        if isinstance(failure, Unanswered):
            return self._between(UNANSWERED)
        return self._chance() * self._longest(BROKEN if failing < HURRY else BROKEN_LONG)

    def _forgive(self, now: float) -> None:
        if self._joined_at is not None and now - self._joined_at >= STEADY:
            self._failures = 0
        self._joined_at = None

    def _failing_for(self, now: float) -> float:
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since

    def _between(self, limits: tuple[float, float]) -> float:
        longest = self._longest(limits)
        return longest / 2 + self._chance() * longest / 2

    def _longest(self, limits: tuple[float, float]) -> float:
        first, limit = limits
        return float(min(first * 2 ** min(self._failures - 1, 16), limit))
