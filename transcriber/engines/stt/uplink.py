"""
Audio on its way to a service of ours, in the form that was agreed.

Float samples need 770 kbit/s for each speaker, integers half of that and nothing else; Opus needs
a twenty-fifth, and a hundredth of a processor, so it is for those who pay for their traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import av

from modal_app.protocol import Format
from transcriber.audio.block import RATE, SAMPLES, Block
from transcriber.audio.wav import pcm16

__all__ = ["Packed", "packer"]

BITS = 32_000
"""Bits a second of Opus: more does not make fewer errors."""

Packed = Callable[[Block], Iterable[bytes]]


def packer(form: Format) -> Packed:
    """Make what turns one speaker's blocks into messages."""
    match form:
        case "f32":
            return lambda block: (block.astype("<f4", copy=False).tobytes(),)
        case "s16":
            return lambda block: (pcm16(block),)
        case "opus":
            return OpusPacker()


class OpusPacker:
    """One packet for each block."""

    def __init__(self) -> None:
        self._codec = av.AudioCodecContext.create("libopus", "w")
        self._codec.sample_rate, self._codec.layout = RATE, "mono"
        self._codec.format, self._codec.bit_rate = "flt", BITS
        self._codec.options = {"frame_duration": "80", "application": "voip"}
        self._at = 0

    def __call__(self, block: Block) -> Iterable[bytes]:
        """Encode a block."""
        frame = av.AudioFrame.from_ndarray(block.reshape(1, SAMPLES), "flt", "mono")
        frame.sample_rate, frame.pts = RATE, self._at
        self._at += SAMPLES
        return [bytes(packet) for packet in self._codec.encode(frame)]
