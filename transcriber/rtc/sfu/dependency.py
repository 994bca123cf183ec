"""
What a packet says beside its payload about what it needs: the dependency descriptor of AV1.

A keyframe brings templates: to which size and frame rate frames belong, and for whom they are
indispensable. Every other packet only names its template, so those of the last keyframe are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.rtc.rtp import Octets
from transcriber.rtc.sfu.scalable import ANY, NOWHERE, Part

__all__ = ["Dependencies"]

SWITCH = 2
"""Here somebody may begin with what the frame belongs to."""
TEMPLATES = 64
"""As many as numbers are for them."""


class _Bits:
    """Reads bits; raises `IndexError` behind the last one."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next few."""
        self._left -= count
        if self._left < 0:
            raise IndexError
        return self._value >> self._left & (1 << count) - 1


@dataclass(frozen=True, slots=True)
class _Structure:
    """The templates of a stream, and what it can be cut down to."""

    first: int
    layers: tuple[tuple[int, int], ...]
    """The size and frame rate of each template."""
    needed: tuple[tuple[int, ...], ...]
    """For each template, how it is needed for each cut."""
    cuts: tuple[int, ...]
    """The cut that each rung is."""

    def rung(self, template: int) -> int:
        """Return the rung of a template."""
        size, rate = self.layers[template]
        return size if self.layers[-1][0] else rate


class Dependencies:
    """Reads the descriptors of one stream."""

    def __init__(self) -> None:
        self._structure: _Structure | None = None

    def read(self, descriptor: Octets) -> Part | None:
        """Return what a packet is part of; nothing while that is unknown."""
        bits = _Bits(bytes(descriptor))
        try:
            return self._read(bits, len(descriptor) > 3)
        except IndexError:
            return None

    def _read(self, bits: _Bits, more: bool) -> Part | None:
        begins, ends, name = bool(bits.take(1)), bool(bits.take(1)), bits.take(6)
        bits.take(16)
        brings, active, own = (bits.take(1), bits.take(1), bits.take(1)) if more else (0, 0, 0)
        if more:
            bits.take(2)
        if brings:
            self._structure = _structure(bits)
        known = self._structure
        if known is None:
            return None
        template = (name - known.first) % TEMPLATES
        needed = known.needed[template]
        if own and not brings:
            bits.take(len(needed) * active)
            needed = tuple(bits.take(2) for _ in needed)
        open_ = [rung for rung, cut in enumerate(known.cuts) if needed[cut] == SWITCH]
        lifts = max(open_, default=NOWHERE)
        return Part(known.rung(template), begins, ends, -1 if brings else 0, lifts)


def _structure(bits: _Bits) -> _Structure:
    first, cuts = bits.take(6), bits.take(5) + 1
    layers = [(0, 0)]
    while (step := bits.take(2)) != 3:
        size, rate = layers[-1]
        layers.append([(size, rate), (size, rate + 1), (size + 1, 0)][step])
        if len(layers) > TEMPLATES or max(layers[-1]) > ANY:
            raise IndexError
    needed = tuple(tuple(bits.take(2) for _ in range(cuts)) for _ in layers)
    return _Structure(first, tuple(layers), needed, _rungs(layers, needed, cuts))


def _rungs(
    layers: list[tuple[int, int]], needed: tuple[tuple[int, ...], ...], cuts: int
) -> tuple[int, ...]:
    """Return which cut has all of each rung: the one with the most in it."""
    sizes = layers[-1][0] > 0
    best: dict[int, tuple[tuple[int, int], int]] = {}
    for cut in range(cuts):
        top = max((layers[at] for at, row in enumerate(needed) if row[cut]), default=(0, 0))
        rung = top[0] if sizes else top[1]
        best[rung] = max(best.get(rung, (top, cut)), (top, cut))
    return tuple(best[rung][1] for rung in sorted(best))
