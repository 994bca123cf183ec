"""Real speech for tests: the sample in the repository, in any form, and how to count errors."""

from __future__ import annotations

import re
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.peers import require
from transcriber.audio.block import RATE, Block, Blocks, Samples
from transcriber.audio.resample import Resampler

__all__ = ["SAMPLE", "WORDS", "blocks", "convert", "error_rate", "errors", "plain"]

SAMPLE = Path("tests/data/sample.wav")
WORDS = Path("tests/data/sample.txt").read_text().split()
SAME = {"mr": "mister", "mrs": "misses"}
"""How a recogniser writes what the reference spells out."""


def convert(target: Path, *options: str, source: Path = SAMPLE) -> Path:
    """Make another file of the sample, with FFmpeg's own tools."""
    ffmpeg = require("ffmpeg")
    command = [ffmpeg, "-v", "error", "-y", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True, timeout=120)
    return target


def samples(path: Path = SAMPLE) -> tuple[Samples, int]:
    """Read a mono 16-bit file."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.astype(np.float32) / np.float32(32768), file.getframerate()


def blocks(start: float = 0.0, end: float | None = None) -> Sequence[Block]:
    """A part of the sample as blocks."""
    audio, rate = samples()
    part = audio[int(start * rate) : None if end is None else int(end * rate)]
    resampler, cutter = Resampler(rate, RATE), Blocks()
    return [
        *cutter.push(resampler.push(part)), *cutter.push(resampler.flush()), *cutter.flush()
    ]  # fmt: skip


def plain(text: str) -> list[str]:
    """Words without case, punctuation and hyphens."""
    found = re.findall(r"[\w']+", text.lower().replace("-", " "))
    return [SAME.get(word, word) for word in found]


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """How many words have to be changed, added or removed."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def error_rate(said: Sequence[str], heard: Sequence[str]) -> float:
    """The word error rate, in percent."""
    return 100 * errors(said, heard) / len(said)
