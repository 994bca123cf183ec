"""Real speech for load generators: the sample of the tests, else what espeak-ng says."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from transcriber.audio.block import RATE, Samples
from transcriber.audio.resample import Resampler
from transcriber.audio.wav import decode
from transcriber.rtc.opus import FRAME, LONGEST, Decoder, Encoder

__all__ = ["decode_cost", "packets", "silence", "speech"]

SAMPLE = Path(__file__).parents[1] / "data" / "sample.wav"
TEXT = (
    "Good morning everybody. Before we begin, let us go through the minutes of the last meeting. "
    "The new building will be ready in October, and the moving company has confirmed the dates."
)


def speech() -> Samples:
    """Return some seconds of speech at 24 kHz."""
    if SAMPLE.exists():
        samples, rate = decode(SAMPLE.read_bytes())
    else:
        said = subprocess.run(["espeak-ng", "--stdout", TEXT], capture_output=True, check=True)
        samples, rate = decode(said.stdout)
    resampler = Resampler(rate, RATE)
    return np.concatenate([resampler.push(samples), resampler.flush()])


def packets(samples: Samples, *, complexity: int = 10) -> list[bytes]:
    """Return speech as Opus packets of 20 ms, as a browser would send it."""
    encoder = Encoder(complexity=complexity)
    whole = len(samples) - len(samples) % FRAME
    return [encoder.encode(samples[at : at + FRAME]) for at in range(0, whole, FRAME)]


def silence() -> list[bytes]:
    """Return a second of digital silence as Opus packets."""
    return packets(np.zeros(RATE, np.float32))


def decode_cost(rounds: int = 7) -> float:
    """Return what one decoding costs here and now, in microseconds: the yardstick of the rest."""
    said, costs = packets(speech(), complexity=1)[:300], []
    for _ in range(rounds):
        decoder, began = Decoder(np.zeros(LONGEST, np.float32)), time.thread_time()
        for packet in said:
            decoder.decode(packet, 0)
        costs.append((time.thread_time() - began) / len(said) * 1e6)
    return statistics.median(costs)
