"""
Where in the audio of a call the words of a recogniser lie, whose stream hears only parts of it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from transcriber.audio.block import SECONDS
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Interrupted,
    Partial,
    SpeechStarted,
    TurnEnded,
    Word,
)

__all__ = ["Times"]

EARLY = 0.3
"""Seconds by which recognisers date a beginning too early; nobody speaks before it: `hangover`."""
EXACT = 0.001
"""Seconds to which times are rounded."""


class Times:
    """Where in the audio of a call the audio of one stream lies."""

    def __init__(self) -> None:
        self._sent = 0
        self._stretches: deque[tuple[float, float]] = deque()
        self._next = -1

    def sent(self, number: int) -> None:
        """Note that the block of this number went on."""
        if number != self._next:
            self._stretches.append((self._sent * SECONDS, number * SECONDS))
        self._sent, self._next = self._sent + 1, number + 1

    def placed(self, heard: Heard) -> Heard:
        """Return the same with the times of the call."""
        match heard:
            case Partial() | Final():
                words = tuple(self._word(word) for word in heard.words)
                start, end = self._start(heard.start), self._end(heard.end)
                if isinstance(heard, Final):
                    self._forget(heard.end)
                return replace(heard, start=start, end=max(start, end), words=words)
            case SpeechStarted():
                return replace(heard, at=self._start(heard.at))
            case TurnEnded() | Interrupted():
                return replace(heard, at=self._end(heard.at))

    def _word(self, word: Word) -> Word:
        start = self._start(word.start)
        return replace(word, start=start, end=max(start, self._end(word.end)))

    def _start(self, at: float) -> float:
        return self._place(at, lambda begins: begins <= at + EARLY)

    def _end(self, at: float) -> float:
        return self._place(at, lambda begins: begins < at - EXACT)

    def _place(self, at: float, before: Callable[[float], bool]) -> float:
        inner, outer = self._stretches[0] if self._stretches else (0.0, 0.0)
        for begins, lies in itertools.islice(self._stretches, 1, None):
            if not before(begins):
                break
            inner, outer = begins, lies
        return round(outer + max(0.0, at - inner), 3)

    def _forget(self, till: float) -> None:
        while len(self._stretches) > 1 and self._stretches[1][0] <= till:
            self._stretches.popleft()
