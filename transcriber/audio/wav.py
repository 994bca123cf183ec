"""
The simplest audio file: a RIFF header and 16-bit samples.

For what we send to services that want a file and for what they send back. Files that people
bring are read by `connectors.file`, which understands everything.
"""

from __future__ import annotations

import struct

import numpy as np

from transcriber.audio.block import Samples
from transcriber.errors import BadInput

__all__ = ["decode", "encode", "pcm16"]

PCM, EXTENSIBLE = 1, 0xFFFE
"""Format tags; an extensible header says PCM again further on, which 16 bits imply."""


def pcm16(samples: Samples) -> bytes:
    """Return samples as little-endian 16-bit integers; beyond full scale they are cut."""
    sane = np.nan_to_num(samples, nan=0.0)
    return np.clip(np.rint(sane * 32_767), -32_768, 32_767).astype("<i2").tobytes()


def encode(samples: Samples, rate: int) -> bytes:
    """Return a mono file of 16-bit samples."""
    data = pcm16(samples)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, PCM, 1, rate, rate * 2, 2, 16,
        b"data", len(data),
    )  # fmt: skip
    return header + data


def decode(file: bytes) -> tuple[Samples, int]:
    """Return the samples of a 16-bit file, its channels mixed, and their rate."""
    chunks = _chunks(file)
    if len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise BadInput("not a wav file: no format or no data")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if tag not in (PCM, EXTENSIBLE) or bits != 16 or not channels or not rate:
        raise BadInput(f"a wav file of format {tag} with {bits} bits", remedy="send 16-bit PCM")
    data = chunks[b"data"]
    frames = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], "<i2")
    return frames.reshape(-1, channels).mean(axis=1, dtype=np.float32) / np.float32(32_767), rate


def _chunks(file: bytes) -> dict[bytes, bytes]:
    if len(file) < 12 or file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise BadInput("not a wav file: no RIFF header")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(file):
        name, size = struct.unpack("<4sI", file[at : at + 8])
        chunks.setdefault(name, file[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks
