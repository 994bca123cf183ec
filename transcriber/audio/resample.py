"""From one sample rate to another, piece by piece, as soxr does it."""

from __future__ import annotations

import numpy as np
import soxr

from transcriber.audio.block import Samples

__all__ = ["Resampler"]

EMPTY = np.zeros(0, np.float32)


class Resampler:
    """Changes the rate of one stream of mono samples; equal rates cost nothing."""

    def __init__(self, source: int, target: int) -> None:
        same = source == target
        self._soxr = None if same else soxr.ResampleStream(source, target, 1, dtype="float32")

    def push(self, samples: Samples) -> Samples:
        """Return what can be said about the output so far; a filter's delay is held back."""
        if self._soxr is None:
            return samples
        return np.asarray(self._soxr.resample_chunk(samples), np.float32)

    def flush(self) -> Samples:
        """Return the rest. Nothing may be pushed after it."""
        if self._soxr is None:
            return EMPTY
        return np.asarray(self._soxr.resample_chunk(EMPTY, last=True), np.float32)
