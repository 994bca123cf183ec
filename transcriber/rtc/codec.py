"""
How a payload becomes samples, whatever the codec: one seam for all of them.

Browsers speak Opus. Telephones and gateways may insist on G.711 or G.722; those are decoded here
and brought to 24 kHz. They are rare, so clarity goes before speed. A decoder writes into samples
that it is given once, at a position that it is given each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import av
import numpy as np

from transcriber.audio import g711
from transcriber.audio.block import RATE, Samples
from transcriber.audio.resample import Resampler
from transcriber.rtc import opus

__all__ = ["CODECS", "Decoder", "make_decoder"]


class Decoder(Protocol):
    """Decodes one stream."""

    @property
    def clock(self) -> int:
        """RTP ticks per second."""

    def decode(self, payload: bytes, at: int) -> int:
        """Decode a payload to position `at`; return how many samples, negative if malformed."""

    def recover(self, payload: bytes, samples: int, at: int) -> int:
        """Decode what a payload says about the `samples` before it; 0 if it says nothing."""

    def conceal(self, samples: int, at: int) -> int:
        """Write something in place of `samples` that are missing; return how many."""


class Telephone:
    """
    G.711 and G.722: a fixed number of ticks a byte, another rate, nothing to recover.

    The resampler gives its samples in uneven portions; they are evened out behind a few
    milliseconds of silence, so that each packet is as long as it says.
    """

    clock = 8_000

    def __init__(self, pcm: Samples, rate: int, expand: Callable[[bytes], Samples]) -> None:
        self._pcm = pcm
        self._expand = expand
        self._resampler = Resampler(rate, RATE)
        self._rest = np.zeros(0, np.float32)

    def decode(self, payload: bytes, at: int) -> int:
        """Decode a payload; longer than 120 ms is malformed."""
        samples = len(payload) * RATE // self.clock
        if samples > opus.LONGEST:
            return -1
        made = self._resampler.push(self._expand(payload))
        ready = np.concatenate([self._rest, made])
        ready = np.concatenate([np.zeros(max(0, samples - len(ready)), np.float32), ready])
        self._pcm[at : at + samples] = ready[:samples]
        self._rest = ready[samples:]
        return samples

    def recover(self, payload: bytes, samples: int, at: int) -> int:
        """Say nothing: these codecs repeat nothing."""
        return 0

    def conceal(self, samples: int, at: int) -> int:
        """Write silence."""
        self._pcm[at : at + samples] = 0
        return samples


def _g722() -> Callable[[bytes], Samples]:
    codec: Any = av.CodecContext.create("g722", "r")

    def expand(payload: bytes) -> Samples:
        frames = [frame.to_ndarray()[0] for frame in codec.decode(av.Packet(payload))]
        samples = np.concatenate([np.zeros(0, np.int16), *frames])
        return samples.astype(np.float32) / np.float32(32_768)

    return expand


CODECS: dict[str, Callable[[Samples], Decoder]] = {
    "opus/48000": opus.Decoder,
    "pcmu/8000": lambda pcm: Telephone(pcm, g711.RATE, g711.decode_ulaw),
    "pcma/8000": lambda pcm: Telephone(pcm, g711.RATE, g711.decode_alaw),
    "g722/8000": lambda pcm: Telephone(pcm, 16_000, _g722()),
}
"""Name and clock as a session description gives them, best first."""


def make_decoder(name: str, pcm: Samples) -> Decoder:
    """Return a decoder of a codec in `CODECS`, writing to `pcm`."""
    return CODECS[name](pcm)
