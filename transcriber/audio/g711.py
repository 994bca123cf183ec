"""
The telephone's codecs, ITU-T G.711: one byte a sample, 8 kHz, mu-law or A-law.

Decoding is one lookup, encoding one lookup by the upper bits of a 16-bit sample; both tables
are made once from the definition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transcriber.audio.block import Samples

__all__ = ["RATE", "decode_alaw", "decode_ulaw", "encode_alaw", "encode_ulaw"]

RATE = 8_000
SCALE = 32_768.0
BIAS = 33
"""What mu-law adds to a 14-bit magnitude, so that its logarithm starts at a whole segment."""


def _ulaw_values() -> NDArray[np.float32]:
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((2 * step + BIAS) << segment) - BIAS) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.float32) / SCALE


def _alaw_values() -> NDArray[np.float32]:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude << 3, -(magnitude << 3)).astype(np.float32) / SCALE


def _nearest(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """For each 16-bit sample the code whose value is nearest to it."""
    order = np.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    samples = np.arange(-32_768, 32_768, dtype=np.float32) / SCALE
    return order[np.searchsorted(middles, samples)].astype(np.uint8)


ULAW, ALAW = _ulaw_values(), _alaw_values()
TO_ULAW, TO_ALAW = _nearest(ULAW), _nearest(ALAW)


def decode_ulaw(data: bytes) -> Samples:
    """Return the samples of mu-law bytes."""
    return ULAW[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes) -> Samples:
    """Return the samples of A-law bytes."""
    return ALAW[np.frombuffer(data, np.uint8)]


def encode_ulaw(samples: Samples) -> bytes:
    """Return mu-law bytes; samples beyond full scale are cut."""
    return TO_ULAW[_index(samples)].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """Return A-law bytes; samples beyond full scale are cut."""
    return TO_ALAW[_index(samples)].tobytes()


def _index(samples: Samples) -> NDArray[np.int32]:
    sane = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0)
    index: NDArray[np.int32] = np.minimum(np.rint(sane * SCALE), 32_767).astype(np.int32)
    return index + np.int32(32_768)
