"""
Sound on its way to many, until the end of a turn of the event loop.

All that arrived in one turn leaves together: packets of one size side by side, and filled up by a
few bytes where that makes them one size. The packets of each source stay in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.packet import Packet
from transcriber.rtc.sfu.wave import Share, Wave

__all__ = ["Outbox"]

FILL = 24
"""Bytes by which a packet may be made larger so that it has the size of another."""
FEW = 24
"""Packets to subscribers below which it is cheaper to send them one by one, as a single one is."""


class Origin(Protocol):
    """Who forwards the packets of one source."""

    def shares(self, packet: Packet) -> list[Share] | None:
        """Say who is to get a packet; nothing if that must be seen to one by one."""

    def forward(self, packet: Packet) -> None:
        """See to it one by one."""


class Parcel(NamedTuple):
    """A packet that is to leave."""

    origin: Origin
    packet: Packet

    @property
    def size(self) -> int:
        """The bytes of what it carries."""
        return len(self.packet.payload)


class Outbox:
    """
    Collects what leaves at the end of this turn; `soon` is how to have something done then.

    `out` is where single packets are written.
    """

    def __init__(self, out: Buffer, soon: Callable[[Callable[[], None]], object]) -> None:
        self.out, self._soon = out, soon
        self._turns: dict[Origin, int] = {}
        self._parcels: list[list[Parcel]] = []
        """The first packet of each source, the second of each, and so on."""
        self._wave = Wave()

    def post(self, origin: Origin, packet: Packet) -> None:
        """Have a packet forwarded at the end of this turn."""
        if not self._parcels:
            self._soon(self.flush)
        turn = self._turns.get(origin, 0)
        self._turns[origin] = turn + 1
        if turn == len(self._parcels):
            self._parcels.append([])
        self._parcels[turn].append(Parcel(origin, packet))

    def flush(self) -> None:
        """Forward everything."""
        turns, self._parcels = self._parcels, []
        self._turns.clear()
        for parcels in turns:
            self._forward(parcels)

    def _forward(self, parcels: Sequence[Parcel]) -> None:
        sizes: dict[int, list[Share]] = {}
        for origin, packet in arrange(parcels):
            shares = origin.shares(packet)
            if shares is None:
                origin.forward(packet)
                continue
            for share in shares:
                sizes.setdefault(len(share.ready), []).append(share)
        for shares in sizes.values():
            self._send(shares)

    def _send(self, shares: list[Share]) -> None:
        if len(shares) > 1 and sum(len(share.table.legs) for share in shares) >= FEW:
            self._wave.send(shares)
            return
        for share in shares:
            share.send(self.out)


def arrange(parcels: Sequence[Parcel]) -> Iterator[Parcel]:
    """Yield packets, the largest first, each filled up if it is nearly as large as the last."""
    size = -1
    for origin, packet in sorted(parcels, key=lambda one: -one.size):
        filling = size - len(packet.payload)
        if 0 < filling <= FILL:
            yield Parcel(origin, packet._replace(filling=filling))
        else:
            size = len(packet.payload)
            yield Parcel(origin, packet)
