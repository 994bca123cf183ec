"""Sounds to publish, and what is measured of sounds that arrive."""

from __future__ import annotations

import asyncio
import fractions
from dataclasses import dataclass

import av
import numpy as np
from aiortc import MediaStreamTrack

__all__ = ["Heard", "Tone", "measure"]

RATE = 48_000
FRAME = 960
"""Samples of 20 ms, which is what one packet carries."""


class Tone(MediaStreamTrack):
    """A sine that never ends, in real time."""

    kind = "audio"

    def __init__(self, hertz: float = 1000.0, *, amplitude: float = 0.5) -> None:
        super().__init__()
        second = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
        self._second = np.rint(amplitude * 32767 * second).astype(np.int16)
        self._sent = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        """Return the next frame when its time has come."""
        clock = asyncio.get_running_loop().time
        self._began = clock() if self._began is None else self._began
        await asyncio.sleep(self._began + self._sent / RATE - clock())
        at = self._sent % RATE
        samples = self._second[at : at + FRAME].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._sent
        frame.time_base = fractions.Fraction(1, RATE)
        self._sent += FRAME
        return frame


@dataclass(frozen=True, slots=True)
class Heard:
    """What some audio sounds like: how loud, and at which pitch."""

    rms: float
    hertz: int


async def measure(track: MediaStreamTrack, seconds: float = 1.0) -> Heard:
    """Listen for some time."""
    parts: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
    while sum(map(len, parts)) < seconds * RATE:
        frame = await track.recv()
        assert isinstance(frame, av.AudioFrame)
        channels = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
        parts.append(channels.mean(axis=1).astype(np.float32) / 32768)
    samples = np.concatenate(parts)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    pitch = spectrum.argmax() * RATE / len(samples)
    return Heard(float(np.sqrt(np.mean(samples**2))), round(float(pitch)))
