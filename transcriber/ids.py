"""
Identifiers that sort by the time they were made.

A prefix says what is named (`evt_`, `room_`, ...), then 48 bits of milliseconds and 80 random
bits, as hexadecimal digits: safe in URLs, and unique without asking anybody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

__all__ = ["new_id"]

CHANCE_BYTES = 10
"""Enough that no two made in the same millisecond are ever the same."""


def new_id(
    prefix: str,
    *,
    now: Callable[[], float] = time.time,
    chance: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Make an identifier such as `evt_019ab9c3f2d04e...`."""
    return f"{prefix}_{int(now() * 1000):012x}{chance(CHANCE_BYTES).hex()}"
