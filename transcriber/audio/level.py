"""
How loud a piece of audio is.

Levels are dBFS, as RFC 6464 carries them in packets: 0 is the loudest a sample can be, and
`FLOOR` stands for silence.
"""

from __future__ import annotations

import math

import numpy as np

from transcriber.audio.block import Samples

__all__ = ["FLOOR", "level"]

FLOOR = -127.0
"""dBFS of digital silence: the lowest value that RFC 6464 can carry."""


def level(samples: Samples) -> float:
    """Return the root mean square in dBFS; `FLOOR` for silence, nothing, or not a number."""
    power = float(np.dot(samples, samples)) / len(samples) if len(samples) else 0.0
    if not 0.0 < power < math.inf:
        return FLOOR
    return max(FLOOR, min(0.0, 10 * math.log10(power)))
