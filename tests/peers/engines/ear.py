"""
What a made-up service hears: loudness is the word.

A block of constant level 0.05 is "one", of 0.10 "two", and so on; that survives any sample rate
and sample format a provider asks for. Silence ends the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transcriber.audio.block import SAMPLES, SECONDS, Block, Samples

__all__ = ["NAMES", "SENTENCE", "Ear", "Said", "Spoken", "block"]

NAMES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
STEP = 0.05
PAUSE = 4
"""Frames of silence that end a sentence."""


def block(word: int) -> Block:
    return np.full(SAMPLES, word * STEP, np.float32)


SENTENCE: Sequence[Block] = [block(word) for word in range(1, 13)]


@dataclass(frozen=True, slots=True)
class Spoken:
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a sentence so far, or all of them."""

    words: tuple[Spoken, ...]
    final: bool
    at: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Ear:
    def __init__(self, rate: int) -> None:
        self.frames = 0
        self._size = round(rate * SECONDS)
        self._rest = np.zeros(0, np.float32)
        self._words: list[Spoken] = []
        self._silent = 0

    @property
    def now(self) -> float:
        return round(self.frames * SECONDS, 3)

    def hear(self, samples: Samples) -> Iterator[Said]:
        audio = np.concatenate([self._rest, samples])
        whole = len(audio) - len(audio) % self._size
        self._rest = audio[whole:]
        for frame in audio[:whole].reshape(-1, self._size):
            yield from self._frame(round(float(np.median(frame)) / STEP))

    def pcm(self, data: bytes) -> Iterator[Said]:
        return self.hear(np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_767))

    def over(self) -> Iterator[Said]:
        if self._words:
            words, self._words = tuple(self._words), []
            yield Said(words, final=True, at=self.now)

    def _frame(self, word: int) -> Iterator[Said]:
        start, self.frames = self.now, self.frames + 1
        if 0 < word <= len(NAMES):
            self._silent = 0
            self._words.append(Spoken(NAMES[word - 1], start, self.now))
            yield Said(tuple(self._words), final=False, at=self.now)
        else:
            self._silent += 1
            if self._silent == PAUSE:
                yield from self.over()
