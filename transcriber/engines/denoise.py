"""
Less noise before recognition, for those who want it.

Recognisers were trained with noise and mostly hear better without our help; where a fan or a
street drowns everybody, WebRTC's noise suppression makes the difference between few words and
none. It costs a four-hundredth of a processor for who speaks. What the filters hold back, less than
a block, is made up for by as much silence at the beginning, so a block comes for each block.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from transcriber.audio.block import RATE, SAMPLES, Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.audio.wav import pcm16
from transcriber.engines.around import Around
from transcriber.engines.stt.base import Heard, StreamOptions, Stt, SttStream
from transcriber.errors import Misconfigured

__all__ = ["Denoiser", "denoised"]

INNER = 16_000
"""Samples per second that noise is taken out of."""
STEP = INNER // 100
"""Samples it is taken out of at a time."""


class Denoiser:
    """Takes noise out of one speaker's blocks, in their order; `level` is 1 (little) to 4."""

    def __init__(self, level: int) -> None:
        self._processor = _made(level)
        self._down, self._up = Resampler(RATE, INNER), Resampler(INNER, RATE)
        self._rest = self._ready = np.zeros(0, np.float32)

    def __call__(self, block: Block) -> Block:
        """Return a block for a block."""
        audio = np.concatenate([self._rest, self._down.push(block)])
        whole = len(audio) - len(audio) % STEP
        self._rest = audio[whole:]
        clean = [self._quiet(audio[at : at + STEP]) for at in range(0, whole, STEP)]
        made = self._up.push(np.concatenate(clean)) if clean else audio[:0]
        ready = np.concatenate([self._ready, made])
        if len(ready) < SAMPLES:
            ready = np.concatenate([np.zeros(SAMPLES - len(ready), np.float32), ready])
        self._ready = ready[SAMPLES:]
        return ready[:SAMPLES]

    def _quiet(self, samples: Samples) -> Samples:
        data = self._processor.Process10ms(pcm16(samples)).audio
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


def denoised(stt: Stt, level: int) -> Stt:
    """Make a recogniser that hears less noise; raises `Misconfigured` where that cannot be had."""
    _made(level)

    @asynccontextmanager
    async def open_stream(options: StreamOptions) -> AsyncIterator[DenoisedStream]:
        async with stt.open(options) as stream:
            yield DenoisedStream(stream, Denoiser(level))

    return Around(stt, open_stream)


class DenoisedStream:
    """One speaker: blocks become quieter, all else goes through as it is."""

    def __init__(self, stream: SttStream, clean: Callable[[Block], Block]) -> None:
        self._stream = stream
        self._clean = clean
        self.ready = stream.ready
        self.flush = stream.flush
        self.close = stream.close

    @property
    def dropped(self) -> int:
        """Blocks forgotten by the stream inside."""
        return self._stream.dropped

    def push(self, block: Block) -> None:
        """Send audio without its noise."""
        self._stream.push(self._clean(block))

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for heard in self._stream:
            yield heard


def _made(level: int) -> Any:
    try:
        from webrtc_noise_gain import AudioProcessor
    except ImportError as missing:
        raise Misconfigured(
            "NOISE_SUPPRESSION",
            "WebRTC's noise suppression is not installed",
            remedy="install transcriber[denoise] or set it to 0",
        ) from missing
    return AudioProcessor(0, level)
