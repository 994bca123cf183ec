"""
What an RTP packet looks like: header, extensions, redundancy, telephone keys.

Everything works on the receive buffer itself and answers with numbers, because this runs for
every packet of every speaker: no object is made, nothing is copied. Whatever the bytes are, no
function here raises; what cannot be a packet is `None`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, TypeAlias

__all__ = [
    "AUDIO_LEVEL",
    "COMFORT_NOISE",
    "DEPENDENCY",
    "MID",
    "QUIETEST",
    "REPAIRED_RID",
    "RID",
    "SEND_TIME",
    "TRANSPORT_WIDE",
    "Header",
    "Redundancy",
    "extension",
    "is_rtcp",
    "level",
    "original",
    "parse",
    "pressed",
    "redundancy",
    "signed16",
    "signed32",
    "text",
    "write_header",
]

Octets: TypeAlias = bytes | bytearray | memoryview
Header: TypeAlias = tuple[int, int, int, int, int, int]
"""Payload type, sequence number, timestamp, source, and where the payload starts and stops."""

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""RFC 6464: how loud the packet is, readable without decoding it."""
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""RFC 9143: which media section the packet belongs to."""
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
"""RFC 8852: which of several layers of the same picture the packet belongs to."""
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
"""RFC 8852: which layer a packet that is sent once more belongs to."""
DEPENDENCY = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
"""Which layers of a scalable picture a packet needs, readable without decoding it."""
SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
"""When the packet was sent, for the receiver's bandwidth estimate."""
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
"""A sequence number over all streams of a connection, for the bandwidth estimate."""
COMFORT_NOISE = 13
"""Static payload type of RFC 3389 comfort noise at 8 kHz."""
QUIETEST = 127
"""RFC 6464: -127 dBov, digital silence."""
KEYS = "0123456789*#ABCD"
"""RFC 4733 telephone events 0 to 15."""

FIXED = 12
"""Bytes of the header that every packet has."""
_numbers = struct.Struct("!HLL").unpack_from
_pair = struct.Struct("!HH").unpack_from
_pack = struct.Struct("!BBHLL").pack_into


def is_rtcp(second: int) -> bool:
    """Whether the second byte of a packet marks control rather than media (RFC 5761)."""
    return 192 <= second <= 223


def signed16(difference: int) -> int:
    """Return the distance between two sequence numbers, across the wrap."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000


def signed32(difference: int) -> int:
    """Return the distance between two timestamps, across the wrap."""
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def parse(data: Octets, size: int) -> Header | None:
    """Return what the first `size` bytes say, or `None` if they are no RTP packet."""
    if size < FIXED or data[0] >> 6 != 2:
        return None
    first = data[0]
    sequence, timestamp, source = _numbers(data, 2)
    start = FIXED + ((first & 15) << 2)
    if first & 0x10:
        if start + 4 > size:
            return None
        start += 4 + (_pair(data, start)[1] << 2)
    if first & 0x20:
        padding = data[size - 1]
        size = size - padding if padding else 0
    if start > size:
        return None
    return data[1] & 0x7F, sequence, timestamp, source, start, size


def write_header(
    data: bytearray,
    payload_type: int,
    sequence: int,
    timestamp: int,
    *,
    source: int,
    marker: bool = False,
    level: tuple[int, int] | None = None,
) -> int:
    """Write a header, perhaps with the audio level as (number, value); return its size."""
    second = payload_type | marker << 7
    if level is None:
        _pack(data, 0, 0x80, second, sequence, timestamp, source)
        return FIXED
    _pack(data, 0, 0x90, second, sequence, timestamp, source)
    data[FIXED : FIXED + 8] = bytes((0xBE, 0xDE, 0, 1, level[0] << 4, level[1] | 0x80, 0, 0))
    return FIXED + 8


def extension(data: Octets, start: int, wanted: int) -> tuple[int, int] | None:
    """
    Find a header extension by its number in a parsed packet whose payload is at `start`.

    Returns where its value begins and how long it is; understands both forms of RFC 8285.
    """
    if not data[0] & 0x10:
        return None
    at = FIXED + ((data[0] & 15) << 2)
    profile = _pair(data, at)[0]
    wide = profile & 0xFFF0 == 0x1000
    if not wide and profile != 0xBEDE:
        return None
    at += 4
    while at + 1 < start:
        tag = data[at]
        if tag == 0:
            at += 1
            continue
        number, size, value = (
            (tag, data[at + 1], at + 2) if wide else (tag >> 4, (tag & 15) + 1, at + 1)
        )
        if number == wanted:
            return (value, size) if value + size <= start else None
        at = value + size
    return None


def text(data: Octets, start: int, wanted: int) -> str:
    """Return what an extension that names something says; empty if there is none."""
    found = extension(data, start, wanted) if wanted else None
    return bytes(data[found[0] : found[0] + found[1]]).decode("ascii", "replace") if found else ""


def level(data: Octets, start: int, wanted: int) -> int:
    """Return how far below full scale the packet is, 0 to 127; -1 if it does not say."""
    found = extension(data, start, wanted)
    return data[found[0]] & 0x7F if found and found[1] else -1


class Redundancy(NamedTuple):
    """One of the payloads in a RED packet: `age` in ticks before the packet's timestamp."""

    payload_type: int
    age: int
    start: int
    stop: int


def redundancy(data: Octets, start: int, stop: int) -> list[Redundancy]:
    """Split a RED payload (RFC 2198), oldest first; empty if it is malformed."""
    heads: list[tuple[int, int, int]] = []
    at = start
    while at < stop and data[at] & 0x80:
        if at + 4 > stop:
            return []
        word = int.from_bytes(data[at : at + 4], "big")
        heads.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        at += 4
    if at >= stop:
        return []
    heads.append((data[at], 0, -1))
    at += 1
    blocks = []
    for payload_type, age, size in heads:
        end = stop if size < 0 else at + size
        if end > stop:
            return []
        blocks.append(Redundancy(payload_type, age, at, end))
        at = end
    return blocks


def original(data: Octets, start: int, stop: int) -> int | None:
    """Return the sequence number that a retransmission (RFC 4588) repeats."""
    return _pair(data, start)[0] if stop - start >= 4 else None


def pressed(data: Octets, start: int, stop: int) -> str | None:
    """Return the key of a telephone event (RFC 4733) that has ended."""
    if stop - start < 4 or data[start] >= len(KEYS) or not data[start + 1] & 0x80:
        return None
    return KEYS[data[start]]
