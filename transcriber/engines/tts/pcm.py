"""
The bytes that a voice engine sends, as our samples.

Engines promise raw 16-bit samples; some put a wav header in front, of a file whose length they do
not know yet, and then the header is believed. What is another format is refused: played as samples
it would be noise.
"""

from __future__ import annotations

import struct

import numpy as np

from transcriber.audio.block import RATE, Samples
from transcriber.audio.resample import Resampler
from transcriber.errors import EngineError

__all__ = ["Pcm"]

HEADER = 65_536
"""Bytes within which a wav header must end."""
SNIFF = 12
"""Bytes that show what it is."""
STRANGERS = {b"ID3": "mp3", b"\xff\xfb": "mp3", b"\xff\xf3": "mp3", b"OggS": "Ogg", b"fLaC": "FLAC"}
EMPTY = np.zeros(0, np.float32)


class Pcm:
    """One sound: bytes in any portion, 24 kHz out; `rate` is that of samples without a header."""

    def __init__(self, rate: int = RATE) -> None:
        self._bytes = b""
        self._channels = 1
        self._resampler = Resampler(rate, RATE)
        self._begun = False

    def push(self, data: bytes) -> Samples:
        """Return what can be heard now; raises `EngineError` for what is no sound of ours."""
        self._bytes += data
        if not self._begun and (len(self._bytes) < SNIFF or not self._begin()):
            return EMPTY
        return self._resampler.push(self._take())

    def flush(self) -> Samples:
        """Return the rest. Nothing may be pushed after it."""
        whole = self._resampler.push(self._take())
        return np.concatenate([whole, self._resampler.flush()])

    def _take(self) -> Samples:
        frame = 2 * self._channels
        whole = len(self._bytes) - len(self._bytes) % frame
        data, self._bytes = self._bytes[:whole], self._bytes[whole:]
        frames = np.frombuffer(data, "<i2").reshape(-1, self._channels)
        samples: Samples = frames.mean(axis=1, dtype=np.float32) / np.float32(32_767)
        return samples

    def _begin(self) -> bool:
        """Look what it is; false while that cannot be seen yet."""
        for mark, name in STRANGERS.items():
            if self._bytes.startswith(mark):
                raise EngineError("engine", f"the sound is {name}, not samples")
        if self._bytes[:4] == b"RIFF" and self._bytes[8:12] == b"WAVE":
            return self._read_header()
        self._begun = True
        return True

    def _read_header(self) -> bool:
        at, rate = SNIFF, 0
        while at + 8 <= len(self._bytes):
            name, size = struct.unpack_from("<4sI", self._bytes, at)
            at += 8
            if name == b"fmt " and at + 16 <= len(self._bytes):
                _, self._channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", self._bytes, at)
                if bits != 16 or not rate or not self._channels:
                    raise EngineError("engine", f"the sound has {bits} bits at {rate} Hz")
            if name == b"data" and rate:
                self._resampler = Resampler(rate, RATE)
                self._bytes = self._bytes[at:]
                self._begun = True
                return True
            at += size + size % 2
        if len(self._bytes) > HEADER:
            raise EngineError("engine", "the sound has a header without end")
        return False
