"""Real speech for load generators, as packets."""

from __future__ import annotations

import statistics
import time

import numpy as np

from tests.peers.speech import blocks
from transcriber.audio.block import RATE, Samples
from transcriber.rtc.opus import FRAME, LONGEST, Decoder, Encoder

__all__ = ["decode_cost", "encode_cost", "packets", "silence", "speech"]


def speech() -> Samples:
    """Return the sample of the tests at 24 kHz, a whole number of blocks."""
    return np.concatenate(blocks())


def packets(samples: Samples, *, complexity: int = 10) -> list[bytes]:
    """Return speech as Opus packets of 20 ms, as a browser would send it."""
    encoder = Encoder(complexity=complexity)
    whole = len(samples) - len(samples) % FRAME
    return [encoder.encode(samples[at : at + FRAME]) for at in range(0, whole, FRAME)]


def silence() -> list[bytes]:
    """Return a second of digital silence as Opus packets."""
    return packets(np.zeros(RATE, np.float32))


def encode_cost(rounds: int = 7) -> float:
    """Return what encoding a packet as our mouth does costs here and now, in microseconds."""
    said, costs = speech()[: 100 * FRAME], []
    for _ in range(rounds):
        encoder, began = Encoder(), time.thread_time()
        for at in range(0, len(said), FRAME):
            encoder.encode(said[at : at + FRAME])
        costs.append((time.thread_time() - began) / 100 * 1e6)
    return statistics.median(costs)


def decode_cost(rounds: int = 7) -> float:
    """Return what one decoding costs here and now, in microseconds: the yardstick of the rest."""
    said, costs = packets(speech(), complexity=1)[:300], []
    for _ in range(rounds):
        decoder, began = Decoder(np.zeros(LONGEST, np.float32)), time.thread_time()
        for packet in said:
            decoder.decode(packet, 0)
        costs.append((time.thread_time() - began) / len(said) * 1e6)
    return statistics.median(costs)
