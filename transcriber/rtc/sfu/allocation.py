"""
Who gets which layer of which picture, when not everything fits through a subscriber's way.

Every picture gets its smallest layer before any gets a larger one. What does not fit at all is
paused; sound is never touched. To go up takes some room to spare, so that nobody goes up and down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["PAUSED", "Picture", "allocate"]

PAUSED = -1
"""The layer of a picture that is not sent at all."""
SPARE = 1.15
"""How much more room a larger layer must have than it needs."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: bits per second of each of its layers, 0 where none is sent; `most` is wanted."""

    key: str
    rates: Sequence[float]
    most: int

    @property
    def steps(self) -> list[int]:
        """The layers that are sent and wanted; the smallest if all are larger than wanted."""
        sent = [layer for layer, rate in enumerate(self.rates) if rate]
        return [layer for layer in sent if layer <= self.most] or sent[:1] or [0]

    def rate(self, layer: int) -> float:
        """Return what a layer needs."""
        return self.rates[layer] if 0 <= layer < len(self.rates) else 0.0


def allocate(bits: float, pictures: Sequence[Picture], now: Mapping[str, int]) -> dict[str, int]:
    """Return the layer of each picture for a way of `bits`; `now` are the present ones."""
    chosen = {picture.key: PAUSED for picture in pictures}
    for picture, layer in _rounds(pictures):
        before = chosen[picture.key]
        more = picture.rate(layer) - picture.rate(before)
        spare = SPARE if layer > now.get(picture.key, layer) else 1.0
        if more * spare <= bits:
            chosen[picture.key] = layer
            bits -= more
    return chosen


def _rounds(pictures: Sequence[Picture]) -> Iterator[tuple[Picture, int]]:
    """Yield the smallest layer of all, then the next of all, and so on."""
    for turn in range(max((len(picture.steps) for picture in pictures), default=0)):
        for picture in pictures:
            if turn < len(picture.steps):
                yield picture, picture.steps[turn]
