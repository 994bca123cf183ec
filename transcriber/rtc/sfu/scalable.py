"""
Pictures of which a part can be left out (SVC): which part a packet is, and where one may begin.

The parts of a picture are rungs of a ladder: whoever gets one gets all below it. Rungs are sizes
where there are several in one stream, and frame rates where there is one size. VP9 writes them
before its payload; AV1 says them beside it, which is read in `dependency`.
"""

from __future__ import annotations

from typing import NamedTuple

from transcriber.rtc.rtp import Octets

__all__ = ["ANY", "Part", "Vp9"]

ANY = 7
"""The highest rung that there can be."""
NOWHERE = -2
"""What nobody has got: nothing may be begun here."""


class Part(NamedTuple):
    """
    What a packet is of a picture.

    From a picture that begins with it on, whoever gets rung `needs` (-1: nothing yet) may get
    everything up to `lifts`.
    """

    rung: int
    begins: bool = True
    """Whether it is the first packet of its frame."""
    ends: bool = True
    needs: int = ANY
    lifts: int = NOWHERE


class Vp9:
    """Reads the descriptor before VP9 (RFC 9628)."""

    def __init__(self) -> None:
        self._sizes = False
        """Whether there are several sizes in the stream."""

    def read(self, payload: Octets) -> Part | None:
        """Return what a payload is part of; nothing if it cannot be taken apart."""
        try:
            return self._read(payload)
        except IndexError:
            return None

    def _read(self, payload: Octets) -> Part | None:
        first, at = payload[0], 1
        if not first & 0x20:
            return None
        if first & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        layers = payload[at]
        temporal, size = layers >> 5, layers >> 1 & 7
        if first & 0x02:
            self._sizes = payload[_structure(payload, at + 1)] >> 5 > 0
        begins, ends = bool(first & 0x08), bool(first & 0x04)
        alone = not first & 0x40
        if self._sizes or size:
            whole = alone and size == 0
            return Part(size, begins, ends, -1, ANY if whole else NOWHERE)
        lifts = ANY if alone or layers & 0x10 else NOWHERE
        return Part(temporal, begins, ends, -1 if alone else temporal, lifts)


def _structure(payload: Octets, at: int) -> int:
    """Return where the sizes are written, behind the references to other pictures."""
    if not payload[0] & 0x10:
        return at + 1
    more = payload[0] & 0x40
    while more:
        more = payload[at] & 1
        at += 1
    return at
