"""
Packets of many sources to many subscribers, all of one size, sent at once.

What Python does for each packet to each subscriber costs more than encrypting it. So the copies
are written into one piece of memory together, side by side for each subscriber, and encrypted
where they lie; what a subscriber gets then leaves in one call, cut into packets by the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.packet import Form, Packet
from transcriber.rtc.srtp import Memory, encrypt

__all__ = ["Share", "Table", "Wave", "tables"]

SIZE = 1 << 20
"""Bytes of the memory."""
TAG = 16
"""Bytes that the usual encryption appends; with another, packets are sent one by one."""
RUN = 60_000
"""Bytes that the kernel cuts in one call at most."""
MOST = 64
"""Packets that it makes of them at most."""
HEAD = np.dtype([("sequence", ">u2"), ("timestamp", ">u4"), ("source", ">u4")])
"""What differs between subscribers, from the third byte on."""


class Table:
    """The subscribers of one source who get packets in one form, and by how much numbers differ."""

    __slots__ = (
        "handles", "legs", "links", "octets", "packets", "places", "sequences", "sources",
        "timestamps",
    )  # fmt: skip

    def __init__(self, legs: Sequence[tuple[Leg, Link]]) -> None:
        self.legs = [leg for leg, _ in legs]
        self.links = [link for _, link in legs]
        self.handles = [link.key for link in self.links]
        self.places = np.array([link.number for link in self.links], np.int64)
        self.sequences = np.array([leg.sequence & 0xFFFF for leg in self.legs], np.uint16)
        self.timestamps = np.array([leg.timestamp & 0xFFFF_FFFF for leg in self.legs], np.uint32)
        self.sources = np.array([leg.source for leg in self.legs], np.uint32)
        self.packets = self.octets = 0

    def settle(self) -> None:
        """Tell the subscribers' own counters what was sent."""
        packets, octets = self.packets, self.octets
        self.packets = self.octets = 0
        if packets:
            for leg in self.legs:
                leg.sent += packets
                leg.octets += octets
                leg.fresh = max(0, leg.fresh - packets)


class Share(NamedTuple):
    """A packet in one form, and who gets it."""

    table: Table
    packet: Packet
    ready: bytes

    def send(self, out: Buffer) -> None:
        """Send it one by one."""
        for leg in self.table.legs:
            leg.send(self.packet, self.ready, out)


class Wave:
    """The memory for what is sent at once."""

    def __init__(self) -> None:
        self._memory = Memory(SIZE)
        self._bytes = np.frombuffer(self._memory.data, np.uint8)

    def send(self, shares: Sequence[Share]) -> None:
        """Send packets of one size."""
        for some in _portions(shares):
            self._send(some)

    def _send(self, shares: Sequence[Share]) -> None:
        tables = [share.table for share in shares]
        size = len(shares[0].ready)
        stride = size + TAG
        places = np.concatenate([table.places for table in tables])
        order = np.argsort(places, kind="stable")
        self._write(shares, order, stride)
        handles = list(chain.from_iterable(table.handles for table in tables))
        sizes = encrypt(self._memory, itemgetter(*order.tolist())(handles), size, stride)
        for table in tables:
            table.packets += 1
            table.octets += size
        links = itemgetter(*order.tolist())([link for table in tables for link in table.links])
        self._leave(links, places[order], sizes, stride)

    def _write(self, shares: Sequence[Share], order: Any, stride: int) -> None:
        """Write a copy of its packet for everybody, sorted by who gets it."""
        size, counts = stride - TAG, [len(share.table.legs) for share in shares]
        which = np.repeat(np.arange(len(shares)), counts)[order]
        heads = np.empty(len(order), HEAD)
        for name, parts in (
            ("sequence", [s.table.sequences + np.uint16(s.packet.sequence) for s in shares]),
            ("timestamp", [s.table.timestamps + np.uint32(s.packet.timestamp) for s in shares]),
            ("source", [s.table.sources for s in shares]),
        ):
            heads[name] = np.concatenate(parts)[order]
        ready = np.frombuffer(b"".join(share.ready for share in shares), np.uint8)
        cells = self._bytes[: len(order) * stride].reshape(-1, stride)
        cells[:, :size] = ready.reshape(-1, size)[which]
        cells[:, 2:12] = heads.view(np.uint8).reshape(-1, HEAD.itemsize)

    def _leave(self, links: Sequence[Link], places: Any, sizes: Any, stride: int) -> None:
        view, count = self._memory.view, len(links)
        if (sizes != stride).any():
            for place, size in enumerate(sizes.tolist()):
                if size:
                    links[place].send_run(view[place * stride : place * stride + size], size)
            return
        firsts = np.flatnonzero(np.diff(places, prepend=-1)).tolist()
        for first, last in pairwise([*firsts, count]):
            links[first].send_run(view[first * stride : last * stride], stride)


def _portions(shares: Sequence[Share]) -> Iterator[Sequence[Share]]:
    """Yield as many as go into the memory, and into one call for each subscriber."""
    stride = len(shares[0].ready) + TAG
    most = min(MOST, RUN // stride)
    some: list[Share] = []
    cells = 0
    for share in shares:
        more = len(share.table.legs)
        if some and (len(some) >= most or (cells + more) * stride > SIZE):
            yield some
            some, cells = [], 0
        some.append(share)
        cells += more
    if some:
        yield some


def tables(legs: Sequence[Leg], layer: int) -> list[Table] | None:
    """Return who gets a layer, by form; nothing while somebody has not begun, or has no link."""
    forms: dict[Form, list[tuple[Leg, Link]]] = {}
    for leg in legs:
        if leg.paused:
            continue
        if leg.layer != layer or not isinstance(leg.way, Link):
            return None
        forms.setdefault(leg.form, []).append((leg, leg.way))
    return [Table(found) for found in forms.values()]
