"""
The one shape of audio inside the service: 80 ms, 24 kHz, mono, float32.

Whatever arrives (Opus from WebRTC, mu-law from a telephone, a file) is turned into blocks
where it enters, and whatever leaves is made from blocks where it exits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "SAMPLES", "SECONDS", "Block", "Blocks", "Samples", "silence"]

RATE = 24_000
"""Samples per second: what the GPU model hears, and enough for speech."""
SAMPLES = 1_920
"""Samples of a block: one frame of the GPU model."""
SECONDS = SAMPLES / RATE

Samples: TypeAlias = NDArray[np.float32]
Block: TypeAlias = NDArray[np.float32]


def silence() -> Block:
    """A block without sound."""
    return np.zeros(SAMPLES, np.float32)


class Blocks:
    """Cuts samples that come in any portion into blocks."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Iterator[Block]:
        """Yield the blocks that are complete now, and keep the rest."""
        joined = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(joined) - len(joined) % SAMPLES
        self._rest = joined[whole:].copy()
        for start in range(0, whole, SAMPLES):
            yield joined[start : start + SAMPLES]

    def flush(self) -> Iterator[Block]:
        """Yield what is left, filled up with silence."""
        if len(self._rest):
            block = silence()
            block[: len(self._rest)] = self._rest
            self._rest = self._rest[:0]
            yield block
