"""What voice detectors judge: one speaker's blocks, cut into windows at their rate."""

from __future__ import annotations

import numpy as np

from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.segments import RATE, WINDOW

__all__ = ["Windows"]


class Windows:
    """Cuts the blocks of one speaker, in their order."""

    def __init__(self) -> None:
        self._resampler = Resampler(CALL_RATE, RATE)
        self._rest = np.zeros(0, np.float32)

    def push(self, block: Block) -> Samples:
        """Return the windows that are whole now, one in each row."""
        audio = np.concatenate([self._rest, self._resampler.push(block)])
        whole = len(audio) - len(audio) % WINDOW
        self._rest = audio[whole:]
        return audio[:whole].reshape(-1, WINDOW)
