"""
Whether somebody speaks and nothing comes of it.

A connection whose pings are answered says little about the recogniser behind it. One that shows
words while they are said does so within a second or so; when it has heard more speech than that
and says nothing at all, it has fallen mute. Speech is what is about as loud as the loudest since
the last answer, so neither the silence that follows it nor a cough counts for long. Who is found
well after such a doubt is slower than others, or heard a noise, and is given more time.
"""

from __future__ import annotations

from transcriber.audio.block import SECONDS, Block
from transcriber.audio.level import FLOOR, level

__all__ = ["LONGEST", "MUTE", "Unanswered"]

MUTE, LONGEST = 1.6, 12.8
"""Seconds of speech, and of time, without an answer: others must have taken over in two."""
SOFT = 20.0
"""Decibels below the loudest from which on it is not speech."""


class Unanswered:
    """What one stream has heard since it last said something."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since = self._spoken = 0.0
        self._loudest = FLOOR

    def answered(self) -> None:
        """The recogniser said something."""
        self._spoken, self._loudest = 0.0, FLOOR

    def heard(self, block: Block, now: float) -> float | None:
        """Take in audio; returns when an answer is overdue, once there was enough speech."""
        loud = level(block)
        self._loudest = max(self._loudest, loud)
        if loud <= max(FLOOR, self._loudest - SOFT):
            return None
        if not self._spoken:
            self._since = now
        self._spoken += SECONDS
        return self._since + self._patience if self._spoken >= self._patience else None
