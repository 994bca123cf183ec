"""Sounds to publish, and what is measured of sounds that arrive."""

from __future__ import annotations

import asyncio
import fractions
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack

__all__ = ["Heard", "Microphone", "Samples", "Sound", "likeness", "listen", "measure", "tone"]

Samples = npt.NDArray[np.floating[Any]]

RATE = 48_000
FRAME = 960
"""Samples of 20 ms, which is what one packet carries."""


class Sound(MediaStreamTrack):
    """Samples in real time, again and again."""

    kind = "audio"

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        whole = samples[: len(samples) // FRAME * FRAME]
        self._frames = np.rint(whole * 32767).astype(np.int16).reshape(-1, 1, FRAME)
        self._sent = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        """Return the next frame when its time has come."""
        clock = asyncio.get_running_loop().time
        self._began = clock() if self._began is None else self._began
        await asyncio.sleep(self._began + self._sent * FRAME / RATE - clock())
        samples = self._frames[self._sent % len(self._frames)]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._sent * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._sent += 1
        return frame


class Microphone(Sound):
    """Silent until somebody has something to say."""

    def __init__(self, speech: Sound) -> None:
        super().__init__(np.zeros(FRAME))
        self._silence, self._speech = self._frames, speech._frames

    def say(self) -> None:
        """Say it from its beginning, again and again."""
        self._sent, self._frames, self._began = 0, self._speech, None

    def hush(self) -> None:
        """Be silent."""
        self._frames = self._silence


def tone(hertz: float, *, amplitude: float = 0.5) -> Sound:
    """Make a sine of a whole number of hertz that never ends."""
    return Sound(amplitude * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE))


@dataclass(frozen=True, slots=True)
class Heard:
    """What some audio sounds like: how loud, and at which pitch."""

    rms: float
    hertz: int


async def listen(track: MediaStreamTrack, seconds: float) -> Samples:
    """Take what comes for some time, as mono."""
    parts: list[Samples] = []
    while sum(map(len, parts)) < seconds * RATE:
        frame = await track.recv()
        assert isinstance(frame, av.AudioFrame)
        channels = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
        parts.append(channels.mean(axis=1).astype(np.float32) / 32768)
    return np.concatenate(parts)


async def measure(track: MediaStreamTrack, seconds: float = 1.0) -> Heard:
    """Say what comes for some time."""
    samples = await listen(track, seconds)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    pitch = spectrum.argmax() * RATE / len(samples)
    return Heard(float(np.sqrt(np.mean(samples**2))), round(float(pitch)))


def likeness(heard: Samples, original: Samples) -> float:
    """Compare loudness over time, wherever in the original it belongs; 1 is the same."""
    part, whole = (
        np.sqrt(np.mean(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) ** 2, axis=1))
        for samples in (heard, original)
    )
    places = range(len(whole) - len(part) + 1)
    return float(max(np.corrcoef(part, whole[at : at + len(part)])[0, 1] for at in places))
