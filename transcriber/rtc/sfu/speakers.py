"""
Who is speaking, from the levels that packets carry unencrypted (RFC 6464).

Between two looks the loudest packet of each counts. Whoever was loud enough speaks, and goes on
for a moment, so that a pause between words does not make anybody flicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from transcriber.rtc.rtp import QUIETEST

__all__ = ["Sound", "Speakers"]

LINGER = 0.8
"""Seconds somebody still counts as speaking after they were loud enough."""


class Sound(Protocol):
    """What a participant sends; `loudest` is set back by who reads it."""

    owner: str
    muted: bool
    loudest: int


class Speakers:
    """
    Remembers who speaks; `threshold` is in dB below full scale, so that less is louder.
    """

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._heard: dict[str, tuple[int, float]] = {}
        self._shown: Mapping[str, int] = {}

    def look(self, sounds: Iterable[Sound], now: float) -> Mapping[str, int] | None:
        """Return the level of who speaks, the loudest first; nothing if that did not change."""
        for sound in sounds:
            level, sound.loudest = sound.loudest, QUIETEST
            if level <= self._threshold and not sound.muted:
                self._heard[sound.owner] = (level, now)
        self._heard = {
            owner: (level, at) for owner, (level, at) in self._heard.items() if now - at < LINGER
        }
        order = sorted(self._heard, key=lambda owner: self._heard[owner][0])
        levels = {owner: self._heard[owner][0] for owner in order}
        before, self._shown = self._shown, levels
        return None if levels == before else levels
