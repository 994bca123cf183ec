"""What a publisher sent, without what is rewritten, and how it is written for subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from transcriber.rtc.sfu.scalable import Part

__all__ = ["Form", "Packet"]

SHORT = 16
"""Bytes of a header extension that fit the short form."""


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
    part: Part | None = None
    """What it is of a picture of which parts can be left out."""
    needs: bytes = b""
    """What it says beside its payload about what it needs."""


class Form(NamedTuple):
    """How subscribers of a kind get packets: numbers of header extensions are 0 for none."""

    payload_type: int
    level: int = 0
    sent_at: int = 0
    needs: int = 0

    def write(self, packet: Packet) -> bytes:
        """
        Return a packet as all of a kind get it, but for its numbers.

        It is the same whenever it is asked for: under a key, no number may stand for two packets.
        """
        first, second = 0x80, self.payload_type | packet.marker
        tail = b""
        if packet.filling:
            first, tail = 0xA0, bytes((packet.filling,)).rjust(packet.filling, b"\0")
        elements: list[tuple[int, bytes]] = []
        if self.level:
            elements.append((self.level, bytes((packet.loudness | 0x80,))))
        if self.sent_at:
            moment = int(packet.at * (1 << 18)) & 0xFF_FFFF
            elements.append((self.sent_at, moment.to_bytes(3, "big")))
        if self.needs and packet.needs:
            elements.append((self.needs, packet.needs))
        if not elements:
            return bytes((first, second)) + bytes(10) + packet.payload + tail
        head = bytes((first | 0x10, second)) + bytes(10)
        return head + _extensions(elements) + packet.payload + tail


def _extensions(elements: Sequence[tuple[int, bytes]]) -> bytes:
    """Write header extensions, in the long form if one does not fit the short one (RFC 8285)."""
    if max(len(value) for _, value in elements) > SHORT:
        kind = b"\x10\x00"
        written = b"".join(bytes((number, len(value))) + value for number, value in elements)
    else:
        kind = b"\xbe\xde"
        written = b"".join(bytes((n << 4 | len(value) - 1,)) + value for n, value in elements)
    words = (len(written) + 3) // 4
    return kind + words.to_bytes(2, "big") + written.ljust(4 * words, b"\0")
