"""
Where one utterance ends and the next begins, for engines that recognise whole segments.

Fed with a voice probability for each window of audio, a `Segmenter` says what to decode: now
and then the open segment as a partial, and each segment once it is over. The cut comes at a
pause; in a long utterance a shorter pause will do, and after `hard_cut` it comes anyway.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.stt.base import Word

__all__ = ["RATE", "WINDOW", "Rules", "Said", "Segmenter", "Work", "spread"]

RATE = 16_000
"""Samples per second that segment engines and the voice detector hear."""
WINDOW = 512
"""Samples the voice detector judges at a time."""
SECONDS = WINDOW / RATE


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds and probabilities; the defaults were measured on real speech."""

    on: float = 0.5
    off: float = 0.35
    end_silence: float = 0.5
    pre_roll: float = 0.25
    min_speech: float = 0.25
    soft_cut: float = 7.2
    soft_pause: float = 0.16
    hard_cut: float = 12.0
    tail: float = 0.3
    """Silence behind the speech that is decoded with it."""
    partial: float = 0.5
    """Seconds between partials of an open segment; 0 for none."""
    rarer: float = 0.15
    """Seconds between partials per second of the segment, where that is more: long ones cost."""
    guess: float = 0.25
    """Seconds of silence after which it is guessed that the segment is over, where partials are."""


@dataclass(frozen=True, slots=True)
class Work:
    """
    Audio to decode; speech from `start` to `end`, in seconds of the stream.

    `pausing` says of a partial that it may have been all: if the final has the same end, it was.
    """

    final: bool
    start: float
    end: float
    audio: Samples
    pausing: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What is in some audio; the times of words count from its beginning, if they are known."""

    text: str
    words: tuple[Word, ...] = ()

    def placed(self, start: float, end: float) -> tuple[Word, ...]:
        """Return the words as said from `start` to `end` of the stream."""
        if not self.words:
            return spread(self.text, start, end)
        return tuple(
            replace(word, start=round(start + word.start, 3), end=round(start + word.end, 3))
            for word in self.words
        )


class Segmenter:
    """Turns one speaker's windows and their probabilities into work."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._before: deque[Samples] = deque(maxlen=max(1, round(rules.pre_roll / SECONDS)))
        self._open: list[Samples] = []
        self._heard = 0
        self._silent = 0
        self._spoken = 0
        self._next_partial = 0.0

    @property
    def speaking(self) -> bool:
        """Whether a segment is open."""
        return bool(self._open)

    @property
    def now(self) -> float:
        """Seconds heard so far."""
        return self._heard * SECONDS

    def push(self, window: Samples, probability: float) -> Work | None:
        """Take in one window; says what is to be decoded now, if anything."""
        self._heard += 1
        if not self._open:
            self._wait(window, probability)
            return None
        self._open.append(window)
        if probability < self._rules.off:
            self._silent += 1
        else:
            self._silent, self._spoken = 0, self._spoken + 1
        if self._over():
            return self.finish()
        return self._partial()

    def finish(self) -> Work | None:
        """End the open segment now; nothing when it was too short to be speech."""
        speech = self._spoken * SECONDS
        work = self._work(final=True) if self._open and speech >= self._rules.min_speech else None
        self._open = []
        return work

    def _wait(self, window: Samples, probability: float) -> None:
        self._before.append(window)
        if probability > self._rules.on:
            self._open = list(self._before)
            self._before.clear()
            self._silent, self._spoken = 0, 1
            self._next_partial = self._length + self._rules.partial

    @property
    def _length(self) -> float:
        return len(self._open) * SECONDS

    def _over(self) -> bool:
        rules, silence = self._rules, self._silent * SECONDS
        if silence >= rules.end_silence or self._length >= rules.hard_cut:
            return True
        return self._length > rules.soft_cut and silence >= rules.soft_pause

    def _partial(self) -> Work | None:
        """
        A partial is due by the clock, and once in each pause, but not else in a pause.

        Which pause it is tells the count of silent windows: it is as long as a guess only once.
        """
        if not self._rules.partial:
            return None
        pausing = self._silent == round(self._rules.guess / SECONDS)
        if not pausing and (self._length < self._next_partial or self._silent > 2):
            return None
        pause = max(self._rules.partial, self._rules.rarer * self._length)
        self._next_partial = self._length + pause
        return self._work(final=False, pausing=pausing)

    def _work(self, *, final: bool, pausing: bool = False) -> Work:
        end = (self._heard - self._silent) * SECONDS
        useless = max(0, self._silent - round(self._rules.tail / SECONDS))
        audio = np.concatenate(self._open[: len(self._open) - useless])
        return Work(final, self.now - self._length, end, audio, pausing)


def spread(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Guess when each word was said, by its share of the letters."""
    return tuple(_spread(text.split(), start, end))


def _spread(words: list[str], start: float, end: float) -> Iterator[Word]:
    letter = (end - start) / max(1, sum(len(word) + 1 for word in words))
    for word in words:
        till = start + letter * len(word)
        yield Word(word, round(start, 3), round(till, 3), estimated=True)
        start = till + letter
