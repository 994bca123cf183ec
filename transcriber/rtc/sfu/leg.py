"""
One subscriber to one published track: what numbers they get, and in which form.

A subscriber sees one source whose sequence numbers and timestamps go on, whatever happens on the
other side: layers change, sources are replaced, packets are left out.
"""

from __future__ import annotations

import secrets
import struct
from typing import Protocol

from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.packet import Form, Packet
from transcriber.rtc.sfu.thinning import Thinning

__all__ = ["Leg", "Way"]

MEMORY = 0x400
"""Packets after a change of layers for which older ones of the new layer are kept out."""

_place = struct.Struct("!HLL").pack_into


class Way(Protocol):
    """Where a subscriber's packets go: a `Link`."""

    def send(self, buffer: Buffer, size: int) -> None:
        """Encrypt and send a packet."""


class Leg:
    """
    One subscriber to one published track.

    `sequence` and `timestamp` are by how much their numbers are ahead of the publisher's. While it
    is `fresh`, packets from before its beginning may still come, which `admits` tells apart.
    """

    __slots__ = (
        "_began", "form", "fresh", "layer", "octets", "paused", "rest", "sent", "sequence",
        "source", "target", "thinning", "timestamp", "way",
    )  # fmt: skip

    def __init__(self, way: Way, form: Form) -> None:
        self.way, self.form = way, form
        self.source = secrets.randbits(32)
        self.layer = self.target = -1
        self.paused = False
        self.rest: Packet | None = None
        self.thinning: Thinning | None = None
        """Which parts they get, where parts can be left out."""
        self.sent = self.octets = 0
        self._began = self.fresh = 0
        self.sequence, self.timestamp = secrets.randbits(15), secrets.randbits(31)

    @property
    def shown(self) -> int:
        """The layer they get; -1 for none."""
        return self.thinning.rung if self.thinning and self.layer >= 0 else self.layer

    def begin(self, layer: int, packet: Packet) -> None:
        """Forward a layer from a packet on, under the numbers that are set."""
        if self.thinning is not None:
            self.sequence -= self.thinning.left_out
        self.thinning = Thinning() if packet.part else None
        self._began, self.fresh = packet.sequence, MEMORY
        self.layer, self.rest = layer, None

    def go_on(self, last: Packet, ticks: int, packet: Packet) -> None:
        """Have a packet of another layer follow the last one, `ticks` later."""
        self.sequence += last.sequence + 1 - packet.sequence
        self.timestamp += last.timestamp + ticks - packet.timestamp

    def admits(self, packet: Packet) -> bool:
        """Whether a packet is not from before; only to be asked while this is fresh."""
        self.fresh -= 1
        return rtp.signed16(packet.sequence - self._began) >= 0

    def send(self, packet: Packet, ready: bytes, out: Buffer) -> None:
        """Send a packet, `ready` in its form, under our numbers."""
        size = len(ready)
        self.sent += 1
        self.octets += size
        out.view[:size] = ready
        sequence = (packet.sequence + self.sequence) & 0xFFFF
        timestamp = (packet.timestamp + self.timestamp) & 0xFFFF_FFFF
        _place(out.data, 2, sequence, timestamp, self.source)
        self.way.send(out, size)

    def origin(self, sequence: int) -> int:
        """Return what the publisher called a packet of this subscriber."""
        return (sequence - self.sequence) & 0xFFFF

    def clock(self, timestamp: int) -> int:
        """Return what a time of the publisher is for this subscriber."""
        return (timestamp + self.timestamp) & 0xFFFF_FFFF
