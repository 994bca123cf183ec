"""
Compressed audio becomes samples: Opus packets from live clients, whole files of any kind.

The only module that knows PyAV. What cannot be decoded in a live stream becomes as much silence,
because one damaged packet must neither end a conversation nor shift its clock; a file that cannot
be read raises `Undecodable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from modal_app.ogg import Pages
from modal_app.protocol import RATE, Samples

__all__ = ["OggStream", "OpusPackets", "Undecodable", "read_file"]

LOST = np.zeros(RATE // 50, np.float32)
"""What stands for a packet that cannot be decoded: 20 ms, the length nearly everybody sends."""
MOST = 1_500
"""Bytes of the largest Opus packet: 1 275 a frame, and nobody sends several such frames."""
PIECE = RATE
"""Samples that a file is read in: one second."""


class Undecodable(Exception):
    """This is no audio that can be read. Another try will not help."""


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="flt", layout="mono", rate=RATE)


class OpusPackets:
    """One Opus packet in each message."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._resampler = _resampler()

    def read(self, packet: bytes) -> Samples:
        """Decode a packet; an empty one is nothing, a damaged one is silence."""
        if not packet:
            return LOST[:0]
        if len(packet) > MOST:
            return LOST
        try:
            frames = self._codec.decode(av.Packet(packet))
        except (av.FFmpegError, ValueError):
            return LOST
        pieces = [
            piece.to_ndarray().reshape(-1)
            for frame in frames
            for piece in self._resampler.resample(frame)
        ]
        return np.concatenate(pieces) if pieces else LOST[:0]


class OggStream:
    """Opus in an Ogg stream that comes in pieces."""

    def __init__(self) -> None:
        self._pages = Pages()
        self._packets = OpusPackets()

    def read(self, piece: bytes) -> Samples:
        """Decode what is complete; the two header packets are not audio."""
        audio = [
            self._packets.read(packet)
            for packet in self._pages.read(piece)
            if not packet.startswith((b"OpusHead", b"OpusTags"))
        ]
        return np.concatenate(audio) if audio else LOST[:0]


def read_file(path: Path) -> Iterator[Samples]:
    """Read the first audio track, a second at a time; raises `Undecodable`."""
    try:
        with av.open(path) as container:
            if not container.streams.audio:
                raise Undecodable("there is no audio in this file")
            resampler, waiting = _resampler(), LOST[:0]
            for frame in container.decode(audio=0):
                frame.pts = None
                heard = [piece.to_ndarray().reshape(-1) for piece in resampler.resample(frame)]
                waiting = np.concatenate([waiting, *heard])
                while len(waiting) >= PIECE:
                    yield waiting[:PIECE]
                    waiting = waiting[PIECE:]
            last = [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
            yield np.concatenate([waiting, *last])
    except (av.FFmpegError, ValueError) as error:
        raise Undecodable(f"this audio cannot be read: {type(error).__name__}") from None
