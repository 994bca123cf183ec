"""
Identifiers that sort by the time they were made.

A prefix says what is named (`evt_`, `room_`, ...), then 48 bits of milliseconds and 80 random
bits, as hexadecimal digits: safe in URLs, and unique without asking anybody. Those that one process
makes sort in the order in which it made them, within a millisecond too and when its clock is set
back: who has seen one can ask for all that came later.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

__all__ = ["Sequence", "new_id"]

CHANCE_BYTES = 10
"""Enough that no two made in the same millisecond are ever the same."""


class Sequence:
    """Numbers of which each is greater than the one before."""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        chance: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._now = now
        self._chance = chance
        self._last = 0

    def next(self) -> int:
        """Return the time and chance, or the next number if that is no greater."""
        moment = int(self._now() * 1000) << 8 * CHANCE_BYTES
        fresh = moment | int.from_bytes(self._chance(CHANCE_BYTES), "big")
        self._last = max(fresh, self._last + 1)
        return self._last


SEQUENCE = Sequence()


def new_id(prefix: str, sequence: Sequence = SEQUENCE) -> str:
    """Make an identifier such as `evt_019ab9c3f2d04e...`."""
    return f"{prefix}_{sequence.next():032x}"
