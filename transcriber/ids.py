"""
Identifiers that sort by the time they were made.

A prefix says what is named (`evt_`, `room_`, ...), then 48 bits of milliseconds and 80 random
bits in Crockford's base 32: safe in URLs, without letters that are mistaken for one another, and
unique without asking anybody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

__all__ = ["new_id"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
"""Characters of five bits each: 48 bits of time and 80 of chance, with two to spare."""
CHANCE_BITS = 80


def new_id(
    prefix: str,
    *,
    now: Callable[[], float] = time.time,
    chance: Callable[[int], int] = secrets.randbits,
) -> str:
    """Make an identifier such as `evt_01jd3zk8w2...`."""
    number = int(now() * 1000) << CHANCE_BITS | chance(CHANCE_BITS)
    digits = (ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
    return f"{prefix}_{''.join(digits)}"
