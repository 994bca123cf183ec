"""
One subscriber to one published track: what numbers they get, and in which form.

A subscriber sees one source whose sequence numbers and timestamps go on, whatever happens on the
other side: layers change, sources are replaced, packets are left out.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple, Protocol

from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer

__all__ = ["Leg", "Packet", "Way", "form"]

MEMORY = 0x4000
"""Packets after a change of layers for which older ones of the new layer are kept out."""


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


class Leg:
    """
    One subscriber to one published track.

    `level` and `sent_at` are the numbers of the header extensions they are to have, 0 for none.
    """

    __slots__ = (
        "_began", "_fresh", "_sequence", "_timestamp", "form", "layer", "level", "octets",
        "paused", "payload_type", "rest", "sent", "sent_at", "source", "target", "way",
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
        self.rest: tuple[Packet, float] | None = None
        self.sent = self.octets = 0
        self._began = self._fresh = 0
        self._sequence, self._timestamp = secrets.randbits(15), secrets.randbits(31)

    def use(self, payload_type: int) -> None:
        """Send another codec from the next packet on."""
        self.payload_type = payload_type
        self.form = (payload_type, self.level, self.sent_at)

    def begin(self, layer: int, sequence: int) -> None:
        """Forward a layer from a packet on, under the numbers that are set."""
        self._began, self._fresh = sequence, 0
        self.layer, self.rest = layer, None

    def go_on(self, last: Packet, ticks: int, packet: Packet) -> None:
        """Have a packet of another layer follow the last one, `ticks` later."""
        self._sequence += last.sequence + 1 - packet.sequence
        self._timestamp += last.timestamp + ticks - packet.timestamp

    def place(self, packet: Packet) -> tuple[int, int] | None:
        """Return the numbers of a packet for this subscriber, `None` if it is from before."""
        if self._fresh < MEMORY:
            self._fresh += 1
            if rtp.signed16(packet.sequence - self._began) < 0:
                return None
        return (
            (packet.sequence + self._sequence) & 0xFFFF,
            (packet.timestamp + self._timestamp) & 0xFFFF_FFFF,
        )

    def origin(self, sequence: int) -> int:
        """Return what the publisher called a packet of this subscriber."""
        return (sequence - self._sequence) & 0xFFFF

    def clock(self, timestamp: int) -> int:
        """Return what a time of the publisher is for this subscriber."""
        return (timestamp + self._timestamp) & 0xFFFF_FFFF


def form(leg: Leg, packet: Packet, now: float) -> bytes:
    """Return a packet as all subscribers of a kind get it, but for its numbers."""
    second = leg.payload_type | packet.marker
    elements = bytes((leg.level << 4, packet.loudness | 0x80)) if leg.level else b""
    if leg.sent_at:
        moment = int(now * (1 << 18)) & 0xFF_FFFF
        elements += bytes((leg.sent_at << 4 | 2,)) + moment.to_bytes(3, "big")
    if not elements:
        return bytes((0x80, second)) + bytes(10) + packet.payload
    words = (len(elements) + 3) // 4
    head = bytes((0x90, second)) + bytes(10) + bytes((0xBE, 0xDE, 0, words))
    return head + elements.ljust(4 * words, b"\0") + packet.payload
