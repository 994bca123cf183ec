"""
What is said about media beside it: reports, goodbyes, requests, and the bandwidth estimate.

`read` takes a compound packet apart into values and ignores what it does not know; whatever the
bytes are, it does not raise. The functions below it write. Times are seconds that the caller
reads from its clock.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from transcriber.rtc.rtp import Octets

__all__ = [
    "Bandwidth",
    "Bye",
    "KeyframeWanted",
    "Loss",
    "Malformed",
    "Missing",
    "SenderReport",
    "TransportFeedback",
    "bandwidth",
    "bye",
    "keyframe_wanted",
    "missing",
    "read",
    "receiver_report",
    "sender_report",
    "source_description",
    "transport_feedback",
]

SENDER, RECEIVER, DESCRIPTION, BYE, TRANSPORT, PAYLOAD = 200, 201, 202, 203, 205, 206
"""Packet types."""
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""
SHORTEST = {
    SENDER: (28, 24), RECEIVER: (8, 24), BYE: (4, 4), TRANSPORT: (16, 0), PAYLOAD: (12, 0)
}  # fmt: skip
"""Bytes that a packet of a type has at least, and for each thing that it says it counts."""
DELTA = 0.25e-3
"""Unit in seconds of the arrival differences in transport-wide feedback."""
_head = struct.Struct("!BBH").unpack_from
_word = struct.Struct("!L").unpack_from


@dataclass(frozen=True, slots=True)
class SenderReport:
    """
    A source says what time it is: `middle` are the middle 32 bits of its NTP clock, `wall` the
    whole of it in seconds since 1970.
    """

    source: int
    middle: int
    timestamp: int
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A receiver says how `source` arrives; `fraction` of 1 was lost since the last report."""

    source: int
    fraction: float
    lost: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class Bye:
    """Sources that will send no more."""

    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A receiver wants these packets of `source` again (NACK)."""

    source: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """A receiver cannot go on without a whole picture (PLI or FIR)."""

    source: int


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """A receiver guesses what the way to it can carry (REMB), in bits per second."""

    bits: int
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Arrival in seconds of each packet of a connection from `first` on; `None` is lost."""

    first: int
    arrivals: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Malformed:
    """One packet makes no sense, or nothing from there on does."""


Item: TypeAlias = (
    SenderReport | Loss | Bye | Missing | KeyframeWanted | Bandwidth | TransportFeedback | Malformed
)


def read(data: Octets, size: int) -> list[Item]:
    """Return what a compound packet of `size` bytes says, and whether some of it is malformed."""
    return list(_items(bytes(data[:size])))


def _items(data: bytes) -> Iterator[Item]:
    at = 0
    while at + 4 <= len(data):
        first, kind, words = _head(data, at)
        stop = at + 4 + (words << 2)
        if first >> 6 != 2 or stop > len(data):
            break
        yield from _item(kind, first & 31, data[at:stop])
        at = stop
    if at < len(data) or not data:
        yield Malformed()


def _item(kind: int, count: int, packet: bytes) -> Iterable[Item]:
    least, each = SHORTEST.get(kind, (0, 0))
    if len(packet) < least + each * count:
        return [Malformed()]
    match kind:
        case 200:
            return _sender_report(count, packet)
        case 201:
            return _losses(count, packet, 8)
        case 203:
            return [Bye(struct.unpack_from(f"!{count}L", packet, 4))]
        case 205:
            return _transport(count, packet)
        case 206:
            return _payload(count, packet)
        case _:
            return ()


def _sender_report(count: int, packet: bytes) -> Iterable[Item]:
    source, seconds, fraction, timestamp = struct.unpack_from("!4L", packet, 4)
    middle, wall = _word(packet, 10)[0], seconds + fraction / (1 << 32) - NTP_EPOCH
    return [SenderReport(source, middle, timestamp, wall), *_losses(count, packet, 28)]


def _losses(count: int, packet: bytes, start: int) -> list[Item]:
    blocks: list[Item] = []
    for at in range(start, start + 24 * count, 24):
        source, head, _, jitter, last, delay = struct.unpack_from("!6L", packet, at)
        lost = (head & 0xFF_FFFF) - (0x100_0000 if head & 0x80_0000 else 0)
        blocks.append(Loss(source, (head >> 24) / 256, lost, jitter, last, delay))
    return blocks


def _transport(form: int, packet: bytes) -> list[Item]:
    if form == 15:
        return _feedback(packet)
    if form != 1:
        return []
    sequences: list[int] = []
    for at in range(12, len(packet) - 3, 4):
        first, mask = struct.unpack_from("!HH", packet, at)
        sequences.append(first)
        sequences += [(first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return [Missing(_word(packet, 8)[0], tuple(sequences))]


def _payload(form: int, packet: bytes) -> list[Item]:
    if form == 1:
        return [KeyframeWanted(_word(packet, 8)[0])]
    if form == 4:
        wanted = range(12, len(packet) - 7, 8)
        return [KeyframeWanted(_word(packet, at)[0]) for at in wanted]
    if form == 15 and packet[12:16] == b"REMB" and len(packet) >= 20:
        head = int.from_bytes(packet[17:20], "big")
        last = min(len(packet), 20 + 4 * packet[16])
        sources = tuple(_word(packet, at)[0] for at in range(20, last - 3, 4))
        return [Bandwidth((head & 0x3FFFF) << (head >> 18), sources)]
    return []


def _feedback(packet: bytes) -> list[Item]:
    if len(packet) < 22:
        return [Malformed()]
    first, count = struct.unpack_from("!HH", packet, 12)
    reference = int.from_bytes(packet[16:19], "big", signed=True) * 0.064
    symbols: list[int] = []
    at = 20
    while len(symbols) < count and at + 2 <= len(packet):
        symbols += _symbols(int.from_bytes(packet[at : at + 2], "big"), count - len(symbols))
        at += 2
    arrivals: list[float | None] = []
    for symbol in symbols:
        size = symbol if symbol < 3 else 0
        if at + size > len(packet):
            return [Malformed()]
        if size:
            delta = int.from_bytes(packet[at : at + size], "big", signed=size == 2)
            reference += delta * DELTA
        arrivals.append(reference if size else None)
        at += size
    return [TransportFeedback(first, tuple(arrivals))]


def _symbols(chunk: int, room: int) -> list[int]:
    """One chunk: a run of one symbol, 14 symbols of one bit, or 7 of two."""
    if not chunk & 0x8000:
        return [chunk >> 13 & 3] * min(chunk & 0x1FFF, room)
    if chunk & 0x4000:
        return [chunk >> (12 - 2 * place) & 3 for place in range(7)][:room]
    return [chunk >> (13 - place) & 1 for place in range(14)][:room]


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) >> 2) + body


def receiver_report(ours: int, blocks: Sequence[bytes]) -> bytes:
    """Write a report about what we receive."""
    return _packet(len(blocks), RECEIVER, struct.pack("!L", ours) + b"".join(blocks))


def sender_report(ours: int, *, wall: float, timestamp: int, packets: int, octets: int) -> bytes:
    """Write a report about what we send; `wall` is the time of day in seconds since 1970."""
    ntp = round((wall + NTP_EPOCH) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF
    counts = (packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)
    return _packet(0, SENDER, struct.pack("!LQLLL", ours, ntp, timestamp, *counts))


def source_description(ours: int, name: str) -> bytes:
    """Write which sources belong together: all with the same canonical name."""
    text = name.encode()[:255]
    chunk = struct.pack("!LBB", ours, 1, len(text)) + text
    return _packet(1, DESCRIPTION, chunk + bytes(4 - len(chunk) % 4))


def bye(ours: int) -> bytes:
    """Write that we send no more."""
    return _packet(1, BYE, struct.pack("!L", ours))


def missing(ours: int, source: int, sequences: Sequence[int]) -> bytes:
    """Write that we want packets again; `sequences` in ascending order."""
    pairs: list[tuple[int, int]] = []
    for sequence in sequences:
        ahead = (sequence - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 0 < ahead <= 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << (ahead - 1))
        else:
            pairs.append((sequence, 0))
    body = b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _packet(1, TRANSPORT, struct.pack("!LL", ours, source) + body)


def keyframe_wanted(ours: int, source: int) -> bytes:
    """Write that a whole picture is needed (PLI)."""
    return _packet(1, PAYLOAD, struct.pack("!LL", ours, source))


def bandwidth(ours: int, bits: int, sources: Sequence[int]) -> bytes:
    """Write what the way to us can carry (REMB)."""
    exponent = max(0, bits.bit_length() - 18)
    head = exponent << 18 | bits >> exponent
    body = b"REMB" + bytes([len(sources)]) + head.to_bytes(3, "big")
    return _packet(
        15, PAYLOAD, struct.pack("!LL", ours, 0) + body + struct.pack(f"!{len(sources)}L", *sources)
    )


def transport_feedback(
    ours: int, source: int, first: int, arrivals: Sequence[float | None], *, number: int
) -> bytes:
    """Write when the packets from `first` on arrived; the `number` of the feedback is 8 bits."""
    start = next((arrival for arrival in arrivals if arrival is not None), 0.0)
    reference = int(start / 0.064)
    clock, symbols, deltas = reference * 256, [], b""
    for arrival in arrivals:
        delta = 0 if arrival is None else round(arrival / DELTA) - clock
        size = 0 if arrival is None else 1 if 0 <= delta < 256 else 2
        delta = max(-0x8000, min(0x7FFF, delta))
        deltas += delta.to_bytes(size, "big", signed=size == 2)
        clock += delta
        symbols.append(size)
    chunks = b""
    for at in range(0, len(symbols), 7):
        seven = symbols[at : at + 7] + [0] * 7
        word = sum(seven[place] << (12 - 2 * place) for place in range(7))
        chunks += struct.pack("!H", 0xC000 | word)
    head = struct.pack("!LLHH", ours, source, first, len(arrivals))
    body = head + (reference & 0xFF_FFFF).to_bytes(3, "big") + bytes([number & 255])
    body += chunks + deltas
    return _packet(15, TRANSPORT, body + bytes(-len(body) % 4))
