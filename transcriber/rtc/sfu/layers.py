"""
What comes of one published track: the same in one or more sizes, each a source of its own.

Each layer keeps its latest packets, knows its publisher's clock, and tells how it arrives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate

from transcriber.rtc import rtcp, rtp
from transcriber.rtc.reception import Reception
from transcriber.rtc.sfu.packet import Packet
from transcriber.rtc.sfu.thinning import BURST

__all__ = ["Layer", "Layers"]

CACHE = 512
"""Packets of a layer that can be sent again: two seconds of a small picture."""
WINDOW = 1.0
"""Seconds over which rates are measured: a keyframe is large, and is not the rule."""


class Layer:
    """One source of a publisher, with the packets that can still be sent again."""

    __slots__ = (
        "asked_at", "cache", "clock", "newest", "owed", "reception", "source",
    )  # fmt: skip

    def __init__(self, source: int) -> None:
        self.source = source
        self.newest: Packet | None = None
        self.cache: list[Packet | None] = [None] * CACHE
        self.asked_at = -math.inf
        self.owed = False
        """Whether a keyframe is to be asked for that was asked for too soon."""
        self.reception: Reception | None = None
        self.clock: tuple[float, int, float] | None = None
        """The publisher's time of day, its timestamp, and when it said so."""

    def keep(self, packet: Packet) -> list[int]:
        """Remember a packet; return the numbers that are missing just before it."""
        self.cache[packet.sequence % CACHE] = packet
        last = self.newest
        ahead = rtp.signed16(packet.sequence - last.sequence) if last is not None else 1
        if ahead <= 0:
            return []
        self.newest = packet
        if last is None or ahead > BURST:
            return []
        return [(last.sequence + step) & 0xFFFF for step in range(1, ahead)]

    def time(self, wall: float, now: float, rate: int) -> tuple[float, int]:
        """Return the publisher's time of day and timestamp at this moment."""
        if self.clock is not None:
            day, timestamp, at = self.clock
            return day + now - at, timestamp + round((now - at) * rate)
        assert self.newest is not None
        return wall, self.newest.timestamp + round((now - self.newest.at) * rate)

    def find(self, sequence: int) -> Packet | None:
        """Return a packet, if it is still there."""
        packet = self.cache[sequence % CACHE]
        return packet if packet is not None and packet.sequence == sequence else None


class Layers(list[Layer]):
    """
    The layers of a track; `rate` is the ticks per second of its clock.

    Where one source has parts that can be left out (`scalable`), there is one layer here, and its
    parts are counted as if they were layers.
    """

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.scalable = False
        self._numbers: dict[int, int] = {}
        self._rated_at = 0.0
        self._rates: list[float] = []
        self._spent: list[int] = []

    def binds(self, source: int, layer: int) -> bool:
        """Whether a source is known as a layer."""
        return self._numbers.get(source) == layer

    def bind(self, source: int, layer: int) -> None:
        """Say which layer a source is: it begins anew."""
        while len(self) <= layer:
            self.append(Layer(0))
        self._numbers[source] = layer
        self[layer] = Layer(source)

    def source(self, layer: int) -> int:
        """Return the source of a layer, 0 while it is unknown."""
        return self[layer].source if layer < len(self) else 0

    def number(self, source: int) -> int:
        """Return the layer of a source; those that nobody bound count as they come."""
        number = self._numbers.get(source)
        if number is None:
            number = self._numbers[source] = len(self)
            self.append(Layer(source))
        return number

    def take(self, number: int, packet: Packet, size: int) -> list[int]:
        """Count and remember a packet; return the numbers that are missing just before it."""
        layer = self[number]
        if layer.reception is None:
            layer.reception = Reception(layer.source, packet.sequence, self.rate)
        part = number if packet.part is None else packet.part.rung
        while len(self._spent) <= part:
            self._spent.append(0)
        self._spent[part] += size if packet.payload else 0
        layer.reception.note(packet.sequence)
        layer.reception.timed(packet.timestamp, packet.at)
        return layer.keep(packet)

    def last(self, layer: int) -> Packet | None:
        """Return the newest packet of a layer, if it is one."""
        return self[layer].newest if layer >= 0 else None

    def holding(self, packet: Packet) -> int:
        """Return the layer that has a packet, if only in another form, and keep it as it is now."""
        place = packet.sequence % CACHE
        for number, layer in enumerate(self):
            kept = layer.cache[place]
            if kept is not None and kept.payload is packet.payload:
                layer.cache[place] = packet
                return number
        return -1

    def told(self, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what the publisher says about what it sends."""
        for item in items:
            if isinstance(item, rtcp.SenderReport) and item.source in self._numbers:
                layer = self[self._numbers[item.source]]
                layer.clock = (item.wall, item.timestamp, now)
                if layer.reception is not None:
                    layer.reception.synchronise(item, now)

    def blocks(self, now: float) -> list[bytes]:
        """Return the blocks of our report to the publisher."""
        return [layer.reception.block(now) for layer in self if layer.reception]

    def arrived(self) -> tuple[int, int]:
        """Return how many packets came and how many did not, since it was last interrupted."""
        receptions = [layer.reception for layer in self if layer.reception]
        return sum(r.received for r in receptions), sum(max(0, r.lost) for r in receptions)

    def interrupt(self) -> None:
        """What comes next does not follow what came: what lies between is not lost."""
        for layer in self:
            layer.reception = None

    def rates(self, now: float) -> list[float]:
        """Return the bits per second of each layer lately; nothing in the first moment."""
        passed = now - self._rated_at
        if passed >= WINDOW:
            first, self._rated_at = self._rated_at == 0.0, now
            taken, self._spent = self._spent, [0] * len(self._spent)
            if self.scalable:
                taken = list(accumulate(taken))
            self._rates = [] if first else [8 * octets / passed for octets in taken]
        return self._rates
