"""
Whose sound is passed on where more talk at once than anybody can follow: only the loudest.

Whoever is passed on stays so until others are clearly louder. Those who say nothing do not count,
nor does sound that does not say how loud it is: it is always passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from transcriber.rtc.rtp import QUIETEST

__all__ = ["Sound", "surplus"]

FAVOUR = 6
"""Decibels by which others must be louder than somebody who is passed on."""


class Sound(Protocol):
    """What a participant sends; `loudest` is in dB below full scale, so that less is louder."""

    loudest: int

    @property
    def held(self) -> bool:
        """Whether it is not passed on now."""


S = TypeVar("S", bound=Sound)


def surplus(sounds: Iterable[S], most: int) -> list[S]:
    """Return what is too much to be passed on, if at `most` so many are (0: all)."""
    talking = [sound for sound in sounds if sound.loudest < QUIETEST]
    talking.sort(key=lambda sound: sound.loudest + FAVOUR * sound.held)
    return talking[most:] if most else []
