"""
One subscriber to one published track: what numbers they get, and in which form.

A subscriber sees one source whose sequence numbers and timestamps go on, whatever happens on the
other side: layers change, sources are replaced, packets are left out.
"""

from __future__ import annotations

import secrets
import struct
from typing import NamedTuple, Protocol

from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer

__all__ = ["Leg", "Packet", "Way", "form"]

MEMORY = 0x400
"""Packets after a change of layers for which older ones of the new layer are kept out."""

_place = struct.Struct("!HLL").pack_into


class Way(Protocol):
    """Where a subscriber's packets go: a `Link`."""

    def send(self, buffer: Buffer, size: int) -> None:
        """Encrypt and send a packet."""


class Packet(NamedTuple):
    """What a publisher sent, without what is rewritten."""

    sequence: int
    timestamp: int
    marker: int
    loudness: int
    payload: bytes
    at: float
    """When it came."""
    filling: int = 0
    """Bytes behind the payload that mean nothing."""


class Leg:
    """
    One subscriber to one published track.

    `level` and `sent_at` are the numbers of the header extensions they are to have, 0 for none;
    `sequence` and `timestamp` are by how much their numbers are ahead of the publisher's. While
    it is `fresh`, packets from before its beginning may still come, which `admits` tells apart.
    """

    __slots__ = (
        "_began", "form", "fresh", "layer", "level", "octets", "paused", "payload_type", "rest",
        "sent", "sent_at", "sequence", "source", "target", "timestamp", "way",
    )  # fmt: skip

    def __init__(
        self,
        way: Way,
        *,
        payload_type: int,
        level: int = 0,
        sent_at: int = 0,
    ) -> None:
        self.way = way
        self.source = secrets.randbits(32)
        self.level, self.sent_at = level, sent_at
        self.use(payload_type)
        self.layer = self.target = -1
        self.paused = False
        self.rest: Packet | None = None
        self.sent = self.octets = 0
        self._began = self.fresh = 0
        self.sequence, self.timestamp = secrets.randbits(15), secrets.randbits(31)

    def use(self, payload_type: int) -> None:
        """Send another codec from the next packet on."""
        self.payload_type = payload_type
        self.form = (payload_type, self.level, self.sent_at)

    def begin(self, layer: int, sequence: int) -> None:
        """Forward a layer from a packet on, under the numbers that are set."""
        self._began, self.fresh = sequence, MEMORY
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
        """Send a packet in its form under our numbers."""
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


def form(leg: Leg, packet: Packet) -> bytes:
    """
    Return a packet as all subscribers of a kind get it, but for its numbers.

    It is the same whenever it is asked for: under a key, no number may stand for two packets.
    """
    first, second = 0x80, leg.payload_type | packet.marker
    tail = b""
    if packet.filling:
        first, tail = 0xA0, bytes((packet.filling,)).rjust(packet.filling, b"\0")
    elements = bytes((leg.level << 4, packet.loudness | 0x80)) if leg.level else b""
    if leg.sent_at:
        moment = int(packet.at * (1 << 18)) & 0xFF_FFFF
        elements += bytes((leg.sent_at << 4 | 2,)) + moment.to_bytes(3, "big")
    if not elements:
        return bytes((first, second)) + bytes(10) + packet.payload + tail
    words = (len(elements) + 3) // 4
    head = bytes((first | 0x10, second)) + bytes(10) + bytes((0xBE, 0xDE, 0, words))
    return head + elements.ljust(4 * words, b"\0") + packet.payload + tail
